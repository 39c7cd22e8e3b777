#include "ops/narrow.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/status.h"
#include "core/threads.h"
#include "ops/kernels/cast.h"

namespace sluice::ops {
namespace {

bool IsNarrow(DType dtype) { return dtype == DType::kHalf || dtype == DType::kBfloat16; }
DType Widened(DType dtype) { return IsNarrow(dtype) ? DType::kFloat : dtype; }

// Elements of `from`, converted, to `to`, of as many elements.
void Convert(const Tensor& from, Tensor& to) {
  const kernels::CastRun cast = kernels::FindCast(from.dtype(), to.dtype());
  const auto in_size = static_cast<int64_t>(SizeOf(from.dtype()));
  const auto out_size = static_cast<int64_t>(SizeOf(to.dtype()));
  const char* const x = static_cast<const char*>(from.raw());
  char* const y = static_cast<char*>(to.mutable_raw());
  ParallelFor(from.num_elements(), GrainFor(0.3), [=](int64_t begin, int64_t end) {
    cast(x + begin * in_size, y + begin * out_size, end - begin);
  });
}

class WidePrepareContext : public PrepareContext {
 public:
  explicit WidePrepareContext(PrepareContext& p) : p_(p) {}
  const std::string& node_name() const override { return p_.node_name(); }
  const AttrMap& attrs() const override { return p_.attrs(); }
  int num_inputs() const override { return p_.num_inputs(); }
  int num_outputs() const override { return p_.num_outputs(); }
  DType input_dtype(int i) const override { return Widened(p_.input_dtype(i)); }
  DType output_dtype(int i) const override { return Widened(p_.output_dtype(i)); }
  const TensorShape& input_shape(int i) const override { return p_.input_shape(i); }
  const TensorShape& output_shape(int i) const override { return p_.output_shape(i); }
  const Tensor* constant_input(int i) const override {
    return IsNarrow(p_.input_dtype(i)) ? nullptr : p_.constant_input(i);
  }
  int threads() const override { return p_.threads(); }
  const std::shared_ptr<MemoryBudget>& budget() const override { return p_.budget(); }
  void RequestScratch(int64_t bytes) override { p_.RequestScratch(bytes); }
  ResourceStore& resources() const override { return p_.resources(); }

 private:
  PrepareContext& p_;
};

// Float tensors that stand for the narrow ones; the others are handles without a dtype, and so are
// outputs that Run allocates, until it does.
struct WideTensors {
  std::vector<Tensor> inputs, outputs;
  std::vector<bool> narrow_output, planned_output;
};

class WideContext : public KernelContext {
 public:
  WideContext(KernelContext& c, WideTensors& wide) : c_(c), wide_(wide) {}
  const AttrMap& attrs() const override { return c_.attrs(); }
  int num_inputs() const override { return c_.num_inputs(); }
  int num_outputs() const override { return c_.num_outputs(); }
  const Tensor& input(int i) const override {
    return wide_.inputs[i].empty_handle() ? c_.input(i) : wide_.inputs[i];
  }
  Tensor& output(int i) override {
    return wide_.outputs[i].empty_handle() ? c_.output(i) : wide_.outputs[i];
  }
  absl::StatusOr<Tensor*> Allocate(int i, const TensorShape& shape) override {
    if (!wide_.narrow_output[i]) return c_.Allocate(i, shape);
    SLUICE_ASSIGN_OR_RETURN(wide_.outputs[i], Tensor::Make(DType::kFloat, shape, c_.budget()));
    return &wide_.outputs[i];
  }
  void SetOutput(int i, Tensor value) override { c_.SetOutput(i, std::move(value)); }
  void* scratch() const override { return c_.scratch(); }
  int threads() const override { return c_.threads(); }
  const std::shared_ptr<MemoryBudget>& budget() const override { return c_.budget(); }
  uint64_t random_run() const override { return c_.random_run(); }
  uint64_t session_seed() const override { return c_.session_seed(); }
  const std::string& node_name() const override { return c_.node_name(); }

 private:
  KernelContext& c_;
  WideTensors& wide_;
};

absl::StatusOr<WideTensors> MakeWideTensors(PrepareContext& p) {
  WideTensors wide;
  wide.inputs.resize(p.num_inputs());
  wide.outputs.resize(p.num_outputs());
  for (int i = 0; i < p.num_inputs(); ++i) {
    if (!IsNarrow(p.input_dtype(i))) continue;
    SLUICE_ASSIGN_OR_RETURN(wide.inputs[i],
                            Tensor::Make(DType::kFloat, p.input_shape(i), p.budget()));
  }
  for (int i = 0; i < p.num_outputs(); ++i) {
    wide.narrow_output.push_back(IsNarrow(p.output_dtype(i)));
    wide.planned_output.push_back(p.output_shape(i).fully_defined());
    if (!wide.narrow_output[i] || !wide.planned_output[i]) continue;
    SLUICE_ASSIGN_OR_RETURN(wide.outputs[i],
                            Tensor::Make(DType::kFloat, p.output_shape(i), p.budget()));
  }
  return wide;
}

absl::StatusOr<KernelRun> PrepareWide(const KernelPrepare& prepare, PrepareContext& p) {
  WidePrepareContext context(p);
  SLUICE_ASSIGN_OR_RETURN(KernelRun run, prepare(context));
  SLUICE_ASSIGN_OR_RETURN(WideTensors made, MakeWideTensors(p));
  auto wide = std::make_shared<WideTensors>(std::move(made));
  return KernelRun([run = std::move(run), wide = std::move(wide)](KernelContext& c) {
    for (int i = 0; i < c.num_inputs(); ++i) {
      if (!wide->inputs[i].empty_handle()) Convert(c.input(i), wide->inputs[i]);
    }
    WideContext context(c, *wide);
    SLUICE_RETURN_IF_ERROR(run(context));
    for (int i = 0; i < c.num_outputs(); ++i) {
      if (!wide->narrow_output[i]) continue;
      Tensor* output = &c.output(i);
      if (!wide->planned_output[i]) {
        SLUICE_ASSIGN_OR_RETURN(output, c.Allocate(i, wide->outputs[i].shape()));
      }
      Convert(wide->outputs[i], *output);
    }
    return absl::OkStatus();
  });
}

bool HasNarrow(const PrepareContext& p) {
  for (int i = 0; i < p.num_inputs(); ++i) {
    if (IsNarrow(p.input_dtype(i))) return true;
  }
  for (int i = 0; i < p.num_outputs(); ++i) {
    if (IsNarrow(p.output_dtype(i))) return true;
  }
  return false;
}

}  // namespace

KernelPrepare InFloat(KernelPrepare prepare) {
  return [prepare = std::move(prepare)](PrepareContext& p) {
    return HasNarrow(p) ? PrepareWide(prepare, p) : prepare(p);
  };
}

}  // namespace sluice::ops
