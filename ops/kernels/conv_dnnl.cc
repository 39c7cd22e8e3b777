#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "core/status.h"
#include "core/threads.h"
#include "ops/kernels/channels.h"
#include "ops/kernels/conv.h"
#include "ops/kernels/dnnl_util.h"

namespace sluice::kernels {
namespace {

using dnnl::memory;
using Dims = memory::dims;
using Tag = memory::format_tag;
constexpr auto kFloat = memory::data_type::f32;

// oneDNN's generated code counts in 32 bits.
bool Fits(const ConvShape& s) {
  constexpr int64_t kMax = std::numeric_limits<int32_t>::max() / 4;
  int64_t largest = std::max({s.batch, s.in_channels, s.out_channels});
  for (int i = 0; i < 3; ++i) {
    largest = std::max({largest, s.input[i] + s.before[i] + s.after[i], s.output[i], s.stride[i],
                        s.kernel[i] * s.dilation[i]});
  }
  return largest <= kMax;
}

// The three tensors of a convolution, in the order of Conv::Run.
enum Role { kInput, kFilter, kOutput };
using Descs = std::array<memory::desc, 3>;

// Axes of depth 1 all through are left out: oneDNN is best at planes.
bool IsPlane(const ConvShape& s) { return s.input[0] == 1 && s.kernel[0] == 1 && s.output[0] == 1; }

// `front`, then what `triple` says of the spatial axes.
Dims WithSpatial(const ConvShape& s, Dims front, const int64_t (&triple)[3]) {
  for (int i = IsPlane(s) ? 1 : 0; i < 3; ++i) front.push_back(triple[i]);
  return front;
}

// As our filters are laid out: [depth, height, width, in, out].
memory::desc FilterDesc(const ConvShape& s) {
  const int64_t c = s.in_channels, m = s.multiplier();
  const int64_t spatial[3] = {s.kernel[1] * s.kernel[2] * c * m, s.kernel[2] * c * m, c * m};
  const Dims sizes = s.depthwise ? Dims{c, m, 1} : Dims{m, c};
  const Dims strides = s.depthwise ? Dims{m, 1, 1} : Dims{1, m};
  return memory::desc(WithSpatial(s, sizes, s.kernel), kFloat, WithSpatial(s, strides, spatial));
}

Tag ImageTag(const ConvShape& s, bool channels_first) {
  if (IsPlane(s)) return channels_first ? Tag::nchw : Tag::nhwc;
  return channels_first ? Tag::ncdhw : Tag::ndhwc;
}

// As our tensors are laid out.
Descs UserDescs(const ConvShape& s) {
  const Tag image = ImageTag(s, s.channels_first);
  return {memory::desc(WithSpatial(s, {s.batch, s.in_channels}, s.input), kFloat, image),
          FilterDesc(s),
          memory::desc(WithSpatial(s, {s.batch, s.out_channels}, s.output), kFloat, image)};
}

// As the primitive is asked for: images with channels last (oneDNN's choice for Winograd), oneDNN's
// choice of filter layout.
Descs WantedDescs(const ConvShape& s, bool winograd) {
  const Descs user = UserDescs(s);
  const Tag image = winograd ? Tag::any : ImageTag(s, /*channels_first=*/false);
  return {memory::desc(user[kInput].dims(), kFloat, image),
          memory::desc(user[kFilter].dims(), kFloat, Tag::any),
          memory::desc(user[kOutput].dims(), kFloat, image)};
}

// oneDNN's names for what follows the sums.
dnnl::post_ops PostOps(const Epilogue& e) {
  using dnnl::algorithm;
  dnnl::post_ops ops;
  if (e.residual) ops.append_sum(1.0f);  // a binary_add of another tensor would exclude brgconv
  const auto function = [&](algorithm f, float alpha) { ops.append_eltwise(1.0f, f, alpha, 0.0f); };
  switch (e.function) {
    case Epilogue::Function::kNone:
      break;
    case Epilogue::Function::kRelu:
      function(algorithm::eltwise_relu, 0.0f);
      break;
    case Epilogue::Function::kRelu6:
      function(algorithm::eltwise_bounded_relu, 6.0f);
      break;
    case Epilogue::Function::kLeakyRelu:
      function(algorithm::eltwise_relu, e.alpha);
      break;
    case Epilogue::Function::kElu:
      function(algorithm::eltwise_elu, 1.0f);
      break;
    case Epilogue::Function::kTanh:
      function(algorithm::eltwise_tanh, 0.0f);
      break;
    case Epilogue::Function::kSigmoid:
      function(algorithm::eltwise_logistic, 0.0f);
      break;
  }
  return ops;
}

// What to make a primitive for.
struct Request {
  ConvPass pass;
  const ConvShape& shape;
  bool winograd = false;
};

struct Plan {
  dnnl::primitive primitive;
  Descs descs;  // as the primitive wants them
  memory::desc scratchpad;
  std::string implementation;
};

// May throw dnnl::error.
Plan MakePlan(const Request& request, const Epilogue& epilogue) {
  const auto& [pass, s, winograd] = request;
  const Descs want = WantedDescs(s, winograd);
  const auto algorithm =
      winograd ? dnnl::algorithm::convolution_winograd : dnnl::algorithm::convolution_direct;
  const Dims strides = WithSpatial(s, {}, s.stride);
  Dims dilates = WithSpatial(s, {}, s.dilation);
  for (auto& dilation : dilates) --dilation;  // oneDNN counts the cells left out
  const Dims before = WithSpatial(s, {}, s.before), after = WithSpatial(s, {}, s.after);
  const dnnl::engine& engine = DnnlEngine();
  dnnl::primitive_attr attr = UserScratchpad();
  attr.set_post_ops(PostOps(epilogue));
  const memory::desc bias =
      epilogue.bias ? memory::desc({s.out_channels}, kFloat, Tag::a) : memory::desc();
  const dnnl::convolution_forward::primitive_desc forward(
      // (For inference, Winograd's filters would be transformed once. oneDNN takes half a second to
      // pack 512 x 512 of them so.)
      {dnnl::prop_kind::forward_training, algorithm, want[kInput], want[kFilter], bias,
       want[kOutput], strides, dilates, before, after},
      attr, engine);
  if (pass == ConvPass::kForward) {
    return {dnnl::convolution_forward(forward),
            {forward.src_desc(), forward.weights_desc(), forward.dst_desc()},
            forward.scratchpad_desc(),
            forward.impl_info_str()};
  }
  if (pass == ConvPass::kBackwardInput) {
    const dnnl::convolution_backward_data::primitive_desc pd(
        {algorithm, want[kInput], want[kFilter], want[kOutput], strides, dilates, before, after},
        attr, engine, forward);
    return {dnnl::convolution_backward_data(pd),
            {pd.diff_src_desc(), pd.weights_desc(), pd.diff_dst_desc()},
            pd.scratchpad_desc(),
            pd.impl_info_str()};
  }
  const dnnl::convolution_backward_weights::primitive_desc pd(
      {algorithm, want[kInput], want[kFilter], want[kOutput], strides, dilates, before, after},
      attr, engine, forward);
  return {dnnl::convolution_backward_weights(pd),
          {pd.src_desc(), pd.diff_weights_desc(), pd.diff_dst_desc()},
          pd.scratchpad_desc(),
          pd.impl_info_str()};
}

// Generated code for this very shape ("jit:avx512_core", "brgconv_1x1:...", "brdgmm_dw:..."), not
// general code ("gemm:jit", "ref:any").
bool IsGenerated(const Plan& plan) {
  return absl::StartsWith(plan.implementation, "jit") ||
         absl::StartsWith(plan.implementation, "br");
}

// With the epilogue inside where that does not cost the generated code; else without (*fused says).
Plan MakeFusedPlan(const Request& request, const Epilogue& epilogue, bool* fused) {
  *fused = true;
  if (request.pass != ConvPass::kForward || epilogue.empty()) return MakePlan(request, {});
  std::optional<Plan> with;
  try {
    with = MakePlan(request, epilogue);
  } catch (const dnnl::error&) {  // no implementation at all
  }
  if (with && IsGenerated(*with)) return *std::move(with);
  *fused = false;
  return MakePlan(request, {});
}

// DNNL_ARG_... of the three tensors, and which of them is written.
struct Arguments {
  std::array<int, 3> arg;
  Role written;
};
Arguments ArgumentsOf(ConvPass pass) {
  switch (pass) {
    case ConvPass::kForward:
      return {{DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST}, kOutput};
    case ConvPass::kBackwardInput:
      return {{DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST}, kInput};
    case ConvPass::kBackwardFilter:
      break;
  }
  return {{DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST}, kFilter};
}

class DnnlConv : public Conv {
 public:
  // May throw dnnl::error.
  DnnlConv(ConvPass pass, const ConvShape& shape, const ConvOptions& options, bool winograd)
      : shape_(shape), epilogue_(pass == ConvPass::kForward ? options.epilogue : Epilogue{}) {
    const bool keep_filter = options.stable_filter || options.constant_filter != nullptr;
    const Plan plan = MakeFusedPlan({pass, shape_, winograd}, epilogue_, &fused_);
    const Arguments arguments = ArgumentsOf(pass);
    written_ = arguments.written;
    const Descs user = UserDescs(shape);
    std::vector<DnnlCall::Argument> call;
    for (int i = 0; i < 3; ++i) {
      call.push_back({arguments.arg[i], plan.descs[i], i == written_});
      Packing& p = packings_[i];
      p.needed = plan.descs[i] != user[i];
      if (!p.needed) continue;
      p.bytes = static_cast<int64_t>(plan.descs[i].get_size());
      p.kept = i == kFilter && written_ != kFilter && keep_filter;
      p.packed = p.kept ? 0 : Reserve(p.bytes);
      p.reorder =
          i == written_ ? MakeReorder(plan.descs[i], user[i]) : MakeReorder(user[i], plan.descs[i]);
    }
    scratchpad_ = Reserve(static_cast<int64_t>(plan.scratchpad.get_size()));
    call.push_back({DNNL_ARG_SCRATCHPAD, plan.scratchpad, true});
    if (fused_ && epilogue_.bias) {
      call.push_back({DNNL_ARG_BIAS, memory::desc({shape.out_channels}, kFloat, Tag::a)});
    }
    call_ = DnnlCall(plan.primitive, call);
    general_code_ = absl::StartsWith(plan.implementation, "ref");
    if (!epilogue_.residual) return;
    if (!fused_) residual_ = Reserve(static_cast<int64_t>(user[kOutput].get_size()));
    if (packings_[kOutput].needed)
      residual_reorder_ = MakeReorder(user[kOutput], plan.descs[kOutput]);
  }

  int64_t scratch_bytes() const override { return scratch_bytes_; }

  // oneDNN has plain loops only for this.
  bool general_code() const { return general_code_; }

  // Memory for a filter that is packed once for many runs; a constant one is packed now.
  absl::Status MakeFilterCopy(const void* constant, const std::shared_ptr<MemoryBudget>& budget) {
    const Packing& p = packings_[kFilter];
    if (!p.kept) return absl::OkStatus();
    SLUICE_ASSIGN_OR_RETURN(filter_copy_, Buffer::Make(DType::kUint8, p.bytes, budget));
    if (constant == nullptr) return absl::OkStatus();
    SLUICE_ASSIGN_OR_RETURN(const BufferRef scratch,
                            Buffer::Make(DType::kUint8, scratch_bytes_, budget));
    constant_filter_ = true;
    return Execute(packings_[kFilter].reorder, constant, filter_copy_->data(), scratch->data());
  }

  absl::Status Run(const ConvTensors& t) override {
    char* const scratch = static_cast<char*>(t.scratch);
    const std::array<void*, 3> user = {t.input, t.filter, t.output};
    std::array<void*, 3> data = user;
    for (int i = 0; i < 3; ++i) {
      Packing& p = packings_[i];
      if (!p.needed) continue;
      data[i] = p.kept ? filter_copy_->data() : scratch + p.packed;
      if (i == written_ || (p.kept && FilterKept(t.filter_version))) continue;
      SLUICE_RETURN_IF_ERROR(Execute(p.reorder, user[i], data[i], scratch));
      if (p.kept) filter_version_ = t.filter_version;
    }
    const void* residual = t.residual;
    if (fused_ && epilogue_.residual) {  // the primitive adds to what it finds in the output
      if (residual_reorder_.call) {
        SLUICE_RETURN_IF_ERROR(Execute(residual_reorder_, residual, data[kOutput], scratch));
      } else if (residual != t.output) {
        CopyImages(residual, t.output);
      }
    } else if (!fused_ && residual == t.output) {  // it is about to be overwritten
      CopyImages(residual, scratch + residual_);
      residual = scratch + residual_;
    }
    for (int i = 0; i < 3; ++i) call_.Set(i, data[i]);
    call_.Set(3, scratch + scratchpad_);
    if (fused_ && epilogue_.bias) call_.Set(4, t.bias);
    SLUICE_RETURN_IF_ERROR(call_.Execute());
    Packing& p = packings_[written_];
    if (p.needed) {
      SLUICE_RETURN_IF_ERROR(Execute(p.reorder, data[written_], user[written_], scratch));
    }
    if (!fused_) FinishImages(t, static_cast<const float*>(residual));
    return absl::OkStatus();
  }

 private:
  struct ReorderCall {
    DnnlCall call;
    int64_t scratch = 0;  // offset in the scratch memory
  };
  // A tensor that the primitive wants in another layout than ours.
  struct Packing {
    bool needed = false;
    bool kept = false;  // in filter_copy_
    ReorderCall reorder;
    int64_t bytes = 0;
    int64_t packed = 0;  // offset in the scratch memory
  };

  int64_t Reserve(int64_t bytes) {
    const int64_t offset = scratch_bytes_;
    scratch_bytes_ += (bytes + 63) / 64 * 64;
    return offset;
  }

  ReorderCall MakeReorder(const memory::desc& from, const memory::desc& to) {
    ReorderCall reorder;
    int64_t bytes = 0;
    reorder.call = DnnlReorder(from, to, &bytes);
    reorder.scratch = Reserve(bytes);
    return reorder;
  }

  static absl::Status Execute(ReorderCall& r, const void* from, void* to, void* scratch) {
    r.call.Set(0, from);
    r.call.Set(1, to);
    r.call.Set(2, static_cast<char*>(scratch) + r.scratch);
    return r.call.Execute();
  }

  // The copy of the filter is one of this version.
  bool FilterKept(uint64_t version) const {
    return constant_filter_ || (version != 0 && version == filter_version_);
  }

  void CopyImages(const void* from, void* to) const {
    const int64_t elements = shape_.batch * shape_.output_pixels() * shape_.out_channels;
    ParallelFor(elements, GrainFor(0.1), [&](int64_t begin, int64_t end) {
      std::copy(static_cast<const float*>(from) + begin, static_cast<const float*>(from) + end,
                static_cast<float*>(to) + begin);
    });
  }

  void FinishImages(const ConvTensors& t, const float* residual) const {
    const int64_t pixels = shape_.output_pixels(), channels = shape_.out_channels;
    float* const y = static_cast<float*>(t.output);
    const float* const bias = static_cast<const float*>(t.bias);
    Epilogue rest = epilogue_;
    if (shape_.channels_first && rest.bias) {
      AddPerChannel({shape_.batch, channels, pixels}, y, bias, y);
      rest.bias = false;
    }
    const int64_t columns = shape_.channels_first ? pixels : channels;
    FinishInParallel<float>(rest, {.c = y,
                                   .rows = shape_.batch * pixels * channels / columns,
                                   .columns = columns,
                                   .stride = columns,
                                   .bias = bias,
                                   .residual = residual});
  }

  const ConvShape shape_;
  const Epilogue epilogue_;
  bool fused_ = true;  // the primitive does the epilogue, if there is one
  bool general_code_ = false;
  Role written_;
  std::array<Packing, 3> packings_;
  ReorderCall residual_reorder_;
  DnnlCall call_;
  int64_t scratchpad_ = 0, residual_ = 0;  // offsets in the scratch memory
  int64_t scratch_bytes_ = 0;
  BufferRef filter_copy_;
  uint64_t filter_version_ = 0;  // of what is in it
  bool constant_filter_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Conv>> MakeDnnlConv(ConvPass pass, const ConvShape& shape,
                                                   const ConvOptions& options, bool winograd) {
  if (!Fits(shape)) return absl::UnimplementedError("a size passes oneDNN's range");
  const ThreadBudget threads(options.threads);  // primitives are made for a team of that size
  std::unique_ptr<DnnlConv> conv;
  SLUICE_RETURN_IF_ERROR(
      DnnlTry([&] { conv = std::make_unique<DnnlConv>(pass, shape, options, winograd); }));
  if (conv->general_code()) return absl::UnimplementedError("oneDNN has only plain loops for it");
  SLUICE_RETURN_IF_ERROR(conv->MakeFilterCopy(options.constant_filter, options.budget));
  return conv;
}

}  // namespace sluice::kernels
