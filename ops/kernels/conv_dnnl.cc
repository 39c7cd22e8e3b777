#include <array>
#include <limits>
#include <utility>

#include "core/status.h"
#include "core/threads.h"
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

// As the primitive is asked for: images with channels last, oneDNN's choice of filter layout.
Descs WantedDescs(const ConvShape& s) {
  const Descs user = UserDescs(s);
  const Tag image = ImageTag(s, /*channels_first=*/false);
  return {memory::desc(user[kInput].dims(), kFloat, image),
          memory::desc(user[kFilter].dims(), kFloat, Tag::any),
          memory::desc(user[kOutput].dims(), kFloat, image)};
}

struct Plan {
  dnnl::primitive primitive;
  Descs descs;  // as the primitive wants them
  memory::desc scratchpad;
};

Plan MakePlan(ConvPass pass, const ConvShape& s) {
  const Descs want = WantedDescs(s);
  const auto algorithm = dnnl::algorithm::convolution_direct;
  const Dims strides = WithSpatial(s, {}, s.stride);
  Dims dilates = WithSpatial(s, {}, s.dilation);
  for (auto& dilation : dilates) --dilation;  // oneDNN counts the cells left out
  const Dims before = WithSpatial(s, {}, s.before), after = WithSpatial(s, {}, s.after);
  const dnnl::engine& engine = DnnlEngine();
  const dnnl::primitive_attr attr = UserScratchpad();
  const dnnl::convolution_forward::primitive_desc forward(
      {dnnl::prop_kind::forward_training, algorithm, want[kInput], want[kFilter], want[kOutput],
       strides, dilates, before, after},
      attr, engine);
  if (pass == ConvPass::kForward) {
    return {dnnl::convolution_forward(forward),
            {forward.src_desc(), forward.weights_desc(), forward.dst_desc()},
            forward.scratchpad_desc()};
  }
  if (pass == ConvPass::kBackwardInput) {
    const dnnl::convolution_backward_data::primitive_desc pd(
        {algorithm, want[kInput], want[kFilter], want[kOutput], strides, dilates, before, after},
        attr, engine, forward);
    return {dnnl::convolution_backward_data(pd),
            {pd.diff_src_desc(), pd.weights_desc(), pd.diff_dst_desc()},
            pd.scratchpad_desc()};
  }
  const dnnl::convolution_backward_weights::primitive_desc pd(
      {algorithm, want[kInput], want[kFilter], want[kOutput], strides, dilates, before, after},
      attr, engine, forward);
  return {dnnl::convolution_backward_weights(pd),
          {pd.src_desc(), pd.diff_weights_desc(), pd.diff_dst_desc()},
          pd.scratchpad_desc()};
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
  DnnlConv(ConvPass pass, const ConvShape& shape) {
    const Plan plan = MakePlan(pass, shape);
    const Arguments arguments = ArgumentsOf(pass);
    written_ = arguments.written;
    const Descs user = UserDescs(shape);
    std::vector<DnnlCall::Argument> call;
    for (int i = 0; i < 3; ++i) {
      call.push_back({arguments.arg[i], plan.descs[i], i == written_});
      Packing& p = packings_[i];
      p.needed = plan.descs[i] != user[i];
      if (!p.needed) continue;
      const auto& [from, to] =
          i == written_ ? std::pair(plan.descs[i], user[i]) : std::pair(user[i], plan.descs[i]);
      p.bytes = static_cast<int64_t>(plan.descs[i].get_size());
      int64_t reorder_scratch = 0;
      p.reorder = DnnlReorder(from, to, &reorder_scratch);
      p.packed = Reserve(p.bytes);
      p.scratch = Reserve(reorder_scratch);
    }
    scratchpad_ = Reserve(static_cast<int64_t>(plan.scratchpad.get_size()));
    call.push_back({DNNL_ARG_SCRATCHPAD, plan.scratchpad, true});
    call_ = DnnlCall(plan.primitive, call);
  }

  int64_t scratch_bytes() const override { return scratch_bytes_; }

  // Packs the filter now and for good. Its place in the scratch memory is left unused: it is small.
  absl::Status PackFilter(const void* filter, const std::shared_ptr<MemoryBudget>& budget) {
    Packing& p = packings_[kFilter];
    if (!p.needed) return absl::OkStatus();
    SLUICE_ASSIGN_OR_RETURN(constant_filter_, Buffer::Make(DType::kUint8, p.bytes, budget));
    SLUICE_ASSIGN_OR_RETURN(const BufferRef scratch,
                            Buffer::Make(DType::kUint8, scratch_bytes_, budget));
    return Reorder(p, filter, constant_filter_->data(), scratch->data());
  }

  absl::Status Run(void* input, void* filter, void* output, void* scratch) override {
    std::array<void*, 3> data = {input, filter, output};
    void* const result = data[written_];
    for (int i = 0; i < 3; ++i) {
      Packing& p = packings_[i];
      if (!p.needed) continue;
      void* packed = static_cast<char*>(scratch) + p.packed;
      if (i == kFilter && constant_filter_) {
        packed = constant_filter_->data();
      } else if (i != written_) {
        SLUICE_RETURN_IF_ERROR(Reorder(p, data[i], packed, scratch));
      }
      data[i] = packed;
    }
    for (int i = 0; i < 3; ++i) call_.Set(i, data[i]);
    call_.Set(3, static_cast<char*>(scratch) + scratchpad_);
    SLUICE_RETURN_IF_ERROR(call_.Execute());
    if (!packings_[written_].needed) return absl::OkStatus();
    return Reorder(packings_[written_], data[written_], result, scratch);
  }

 private:
  // A tensor that the primitive wants in another layout than ours.
  struct Packing {
    bool needed = false;
    DnnlCall reorder;
    int64_t bytes = 0;
    int64_t packed = 0, scratch = 0;  // offsets in the scratch memory
  };

  int64_t Reserve(int64_t bytes) {
    const int64_t offset = scratch_bytes_;
    scratch_bytes_ += (bytes + 63) / 64 * 64;
    return offset;
  }

  static absl::Status Reorder(Packing& p, const void* from, void* to, void* scratch) {
    p.reorder.Set(0, from);
    p.reorder.Set(1, to);
    p.reorder.Set(2, static_cast<char*>(scratch) + p.scratch);
    return p.reorder.Execute();
  }

  Role written_;
  std::array<Packing, 3> packings_;
  DnnlCall call_;
  int64_t scratchpad_ = 0;
  int64_t scratch_bytes_ = 0;
  BufferRef constant_filter_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Conv>> MakeDnnlConv(ConvPass pass, const ConvShape& shape,
                                                   const ConvOptions& options) {
  if (!Fits(shape)) return absl::UnimplementedError("a size passes oneDNN's range");
  const ThreadBudget threads(options.threads);  // primitives are made for a team of that size
  std::unique_ptr<DnnlConv> conv;
  SLUICE_RETURN_IF_ERROR(DnnlTry([&] { conv = std::make_unique<DnnlConv>(pass, shape); }));
  if (options.constant_filter != nullptr) {
    SLUICE_RETURN_IF_ERROR(conv->PackFilter(options.constant_filter, options.budget));
  }
  return conv;
}

}  // namespace sluice::kernels
