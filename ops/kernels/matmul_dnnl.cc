// Matrix products of float through oneDNN. Which of its ways is fastest, measured with oneDNN 2.6
// on a Zen 4 core, one thread:
//  - b packed (2 rows and more): 95-100 % of the peak rate, by inner_product and matmul alike;
//    inner_product is twice as fast for few columns. Packing takes as long as some 10 rows of the
//    product (30 where b is transposed), so it pays only if b stays.
//  - b as it lies: sgemm 90-95 %, for a transposed, too; matmul, which copies b first, 75 % at 32
//    rows and less below. With b transposed the other way round: sgemm 50 %, matmul 85-90 %.
//  - few columns and a transposed: matmul.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "ops/kernels/dnnl_util.h"
#include "ops/kernels/matmul.h"

namespace sluice::kernels {
namespace {

using dnnl::memory;

void FinishRows(const Epilogue& epilogue, int64_t rows, int64_t columns, const MatMulArgs& args) {
  FinishInParallel<float>(epilogue, {.c = static_cast<float*>(args.c),
                                     .rows = rows,
                                     .columns = columns,
                                     .stride = columns,
                                     .bias = static_cast<const float*>(args.bias),
                                     .residual = static_cast<const float*>(args.residual)});
}

int64_t BatchSize(const MatMulGeometry& g) {
  int64_t size = 1;
  for (int64_t d : g.batch_c) size *= d;
  return size;
}

// A matrix [rows, columns], stored the other way round when `transposed`.
memory::desc MatrixDesc(const absl::InlinedVector<int64_t, 4>& batch, int64_t rows, int64_t columns,
                        bool transposed) {
  memory::dims dims(batch.begin(), batch.end()), strides(batch.size());
  dims.insert(dims.end(), {rows, columns});
  int64_t step = rows * columns;
  for (int i = static_cast<int>(batch.size()) - 1; i >= 0; --i) {
    strides[i] = step;
    step *= batch[i];
  }
  transposed ? strides.insert(strides.end(), {1, rows})
             : strides.insert(strides.end(), {columns, 1});
  return memory::desc(dims, memory::data_type::f32, strides);
}

memory::desc AnyLayout(const memory::desc& plain) {
  return memory::desc(plain.dims(), memory::data_type::f32, memory::format_tag::any);
}

// A copy of b in the layout that the primitive wants.
class PackedMatrix {
 public:
  // Nothing to do when `to` is `from`. May throw dnnl::error.
  void Plan(const memory::desc& from, const memory::desc& to) {
    if (from == to) return;
    reorder_ = DnnlReorder(from, to, &scratch_bytes_);
    bytes_ = static_cast<int64_t>(to.get_size());
  }
  bool needed() const { return bytes_ > 0; }
  int64_t scratch_bytes() const { return scratch_bytes_; }
  absl::Status Allocate(const std::shared_ptr<MemoryBudget>& budget) {
    SLUICE_ASSIGN_OR_RETURN(packed_, Tensor::Make(DType::kUint8, {bytes_}, budget));
    return absl::OkStatus();
  }
  absl::Status Pack(const void* b, void* scratch) {
    reorder_.Set(0, b);
    reorder_.Set(1, packed_.mutable_raw());
    reorder_.Set(2, scratch);
    return reorder_.Execute();
  }
  absl::Status PackUnless(uint64_t version, const void* b, void* scratch) {
    if (version != 0 && version == version_) return absl::OkStatus();
    version_ = 0;
    SLUICE_RETURN_IF_ERROR(Pack(b, scratch));
    version_ = version;
    return absl::OkStatus();
  }
  const void* data() const { return packed_.raw(); }

 private:
  DnnlCall reorder_;
  Tensor packed_;
  int64_t bytes_ = 0, scratch_bytes_ = 0;
  uint64_t version_ = 0;  // of what is packed; 0: unknown
};

// A primitive with arguments a, b, c and scratchpad.
class PrimitiveMatMul : public MatMul {
 public:
  // One of the two, then Keep().
  absl::Status InitMatMul(const MatMulGeometry& g, const MatMulOptions& options) {
    SetUp(g, options);
    const memory::desc a = MatrixDesc(g.batch_a, g.m, g.k, g.transpose_a);
    const memory::desc b = MatrixDesc(g.batch_b, g.k, g.n, g.transpose_b);
    const memory::desc c = MatrixDesc(g.batch_c, g.m, g.n, false);
    return DnnlTry([&] {
      const dnnl::matmul::primitive_desc pd(dnnl::matmul::desc(a, keeps_ ? AnyLayout(b) : b, c),
                                            UserScratchpad(), DnnlEngine());
      SetUp(dnnl::matmul(pd), a, b, pd.weights_desc(), c, pd.scratchpad_desc());
    });
  }
  // Neither a batch nor transpose_a.
  absl::Status InitInnerProduct(const MatMulGeometry& g, const MatMulOptions& options) {
    SetUp(g, options);
    const memory::desc a = MatrixDesc({}, g.m, g.k, false), c = MatrixDesc({}, g.m, g.n, false);
    const memory::desc b = MatrixDesc({}, g.n, g.k, !g.transpose_b);
    return DnnlTry([&] {
      const dnnl::inner_product_forward::primitive_desc pd(
          dnnl::inner_product_forward::desc(dnnl::prop_kind::forward_inference, a,
                                            keeps_ ? AnyLayout(b) : b, c),
          UserScratchpad(), DnnlEngine());
      SetUp(dnnl::inner_product_forward(pd), a, b, pd.weights_desc(), c, pd.scratchpad_desc());
    });
  }
  // Makes the copy of b, for now and ever when b is constant.
  absl::Status Keep(const MatMulOptions& options) {
    if (!packed_.needed()) return absl::OkStatus();
    SLUICE_RETURN_IF_ERROR(packed_.Allocate(options.budget));
    constant_ = options.constant_b != nullptr;
    if (!constant_) {
      scratch_bytes_ = std::max(scratch_bytes_, packed_.scratch_bytes());
      return absl::OkStatus();
    }
    SLUICE_ASSIGN_OR_RETURN(Tensor scratch,
                            Tensor::Make(DType::kUint8, {packed_.scratch_bytes()}, options.budget));
    return packed_.Pack(options.constant_b, scratch.mutable_raw());
  }

  absl::Status Run(const MatMulArgs& args) override {
    if (packed_.needed() && !constant_) {
      SLUICE_RETURN_IF_ERROR(packed_.PackUnless(args.b_version, args.b, args.scratch));
    }
    call_.Set(0, args.a);
    call_.Set(1, packed_.needed() ? packed_.data() : args.b);
    call_.Set(2, args.c);
    call_.Set(3, args.scratch);
    SLUICE_RETURN_IF_ERROR(call_.Execute());
    FinishRows(epilogue_, rows_, columns_, args);
    return absl::OkStatus();
  }

 private:
  void SetUp(const MatMulGeometry& g, const MatMulOptions& options) {
    keeps_ = options.constant_b != nullptr || options.stable_b;
    rows_ = BatchSize(g) * g.m;
    columns_ = g.n;
    epilogue_ = options.epilogue;
  }
  void SetUp(const dnnl::primitive& primitive, const memory::desc& a, const memory::desc& b,
             const memory::desc& wanted_b, const memory::desc& c, const memory::desc& scratchpad) {
    scratch_bytes_ = static_cast<int64_t>(scratchpad.get_size());
    call_ = DnnlCall(primitive, {{DNNL_ARG_SRC, a, false},
                                 {DNNL_ARG_WEIGHTS, wanted_b, false},
                                 {DNNL_ARG_DST, c, true},
                                 {DNNL_ARG_SCRATCHPAD, scratchpad, true}});
    packed_.Plan(b, wanted_b);
  }

  DnnlCall call_;
  PackedMatrix packed_;
  bool keeps_ = false, constant_ = false;
  int64_t rows_ = 0, columns_ = 0;
  Epilogue epilogue_;
};

class SgemmMatMul : public MatMul {
 public:
  SgemmMatMul(const MatMulGeometry& geometry, const Epilogue& epilogue)
      : g_(geometry), epilogue_(epilogue) {}
  absl::Status Run(const MatMulArgs& args) override {
    const dnnl::status status =
        dnnl::sgemm(g_.transpose_a ? 'T' : 'N', g_.transpose_b ? 'T' : 'N', g_.m, g_.n, g_.k, 1.0f,
                    static_cast<const float*>(args.a), g_.transpose_a ? g_.m : g_.k,
                    static_cast<const float*>(args.b), g_.transpose_b ? g_.k : g_.n, 0.0f,
                    static_cast<float*>(args.c), g_.n);
    if (status != dnnl::status::success) {
      return absl::InternalError(absl::StrCat("sgemm: oneDNN status ", static_cast<int>(status)));
    }
    FinishRows(epilogue_, g_.m, g_.n, args);
    return absl::OkStatus();
  }

 private:
  const MatMulGeometry g_;
  const Epilogue epilogue_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<MatMul>> MakeDnnlMatMul(const MatMulGeometry& g,
                                                       const MatMulOptions& options) {
  constexpr int64_t kFewColumns = 32;
  const bool keeps = options.constant_b != nullptr || options.stable_b;
  const bool single = g.batch_c.empty();
  if (single && !keeps && !g.transpose_b && !(g.transpose_a && g.n < kFewColumns)) {
    return std::unique_ptr<MatMul>(std::make_unique<SgemmMatMul>(g, options.epilogue));
  }
  auto product = std::make_unique<PrimitiveMatMul>();
  if (single && keeps && !g.transpose_a) {
    SLUICE_RETURN_IF_ERROR(product->InitInnerProduct(g, options));
  } else {
    SLUICE_RETURN_IF_ERROR(product->InitMatMul(g, options));
  }
  SLUICE_RETURN_IF_ERROR(product->Keep(options));
  return std::unique_ptr<MatMul>(std::move(product));
}

}  // namespace sluice::kernels
