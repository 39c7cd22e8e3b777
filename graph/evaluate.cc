#include "graph/evaluate.h"

#include "core/status.h"
#include "core/threads.h"

namespace sluice {
namespace {

// One evaluation: both contexts of a kernel over plain tensors.
class Evaluation : public PrepareContext, public KernelContext {
 public:
  Evaluation(const AttrMap& attrs, const std::vector<Tensor>& inputs,
             std::vector<DType> output_dtypes, const EvaluateOptions& options)
      : attrs_(attrs),
        inputs_(inputs),
        output_dtypes_(std::move(output_dtypes)),
        options_(options) {
    outputs_.resize(output_dtypes_.size());
    output_shapes_.resize(output_dtypes_.size(), TensorShape::Unknown());
  }

  // Fixes output i's shape and allocates it when the shape is known.
  absl::Status PlanOutput(int i, const TensorShape& shape) {
    output_shapes_[i] = shape;
    if (!shape.fully_defined()) return absl::OkStatus();
    SLUICE_ASSIGN_OR_RETURN(outputs_[i], Tensor::Make(output_dtypes_[i], shape, options_.budget));
    return absl::OkStatus();
  }

  absl::Status MakeScratch() {
    if (scratch_bytes_ == 0) return absl::OkStatus();
    SLUICE_ASSIGN_OR_RETURN(scratch_,
                            Tensor::Make(DType::kUint8, {scratch_bytes_}, options_.budget));
    return absl::OkStatus();
  }

  std::vector<Tensor>& outputs() { return outputs_; }

  const std::string& node_name() const override { return options_.node_name; }
  const AttrMap& attrs() const override { return attrs_; }
  int num_inputs() const override { return static_cast<int>(inputs_.size()); }
  int num_outputs() const override { return static_cast<int>(outputs_.size()); }
  DType input_dtype(int i) const override { return inputs_[i].dtype(); }
  DType output_dtype(int i) const override { return output_dtypes_[i]; }
  const TensorShape& input_shape(int i) const override { return inputs_[i].shape(); }
  const TensorShape& output_shape(int i) const override { return output_shapes_[i]; }
  const Tensor* constant_input(int i) const override { return &inputs_[i]; }
  int threads() const override { return options_.threads; }
  const std::shared_ptr<MemoryBudget>& budget() const override { return options_.budget; }
  void RequestScratch(int64_t bytes) override { scratch_bytes_ = bytes; }
  ResourceStore& resources() const override { return *options_.resources; }

  const Tensor& input(int i) const override { return inputs_[i]; }
  Tensor& output(int i) override { return outputs_[i]; }
  absl::StatusOr<Tensor*> Allocate(int i, const TensorShape& shape) override {
    SLUICE_ASSIGN_OR_RETURN(outputs_[i], Tensor::Make(output_dtypes_[i], shape, options_.budget));
    return &outputs_[i];
  }
  void SetOutput(int i, Tensor value) override { outputs_[i] = std::move(value); }
  void* scratch() const override { return const_cast<void*>(scratch_.raw()); }
  uint64_t random_run() const override { return options_.random_run; }
  uint64_t session_seed() const override { return options_.session_seed; }

 private:
  const AttrMap& attrs_;
  const std::vector<Tensor>& inputs_;
  const std::vector<DType> output_dtypes_;
  const EvaluateOptions& options_;
  std::vector<Tensor> outputs_;
  std::vector<TensorShape> output_shapes_;
  int64_t scratch_bytes_ = 0;
  Tensor scratch_;
};

class NoResources : public ResourceStore {
 public:
  absl::StatusOr<ResourceRef> GetOrCreate(const std::string& name,
                                          const std::function<ResourceRef()>&) override {
    return absl::FailedPreconditionError(
        absl::StrCat("no session holds the resource '", name, "'"));
  }
};

absl::Status CheckInputTypes(const OpSpec& spec, const AttrMap& attrs,
                             const std::vector<Tensor>& inputs) {
  SLUICE_ASSIGN_OR_RETURN(const std::vector<DType> wanted, ArgTypes(spec.inputs(), attrs));
  if (wanted.size() != inputs.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected ", wanted.size(), " inputs, got ", inputs.size()));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool handle = IsRef(wanted[i]) && inputs[i].dtype() == DType::kResource;
    if (!handle && inputs[i].dtype() != wanted[i]) {
      return absl::InvalidArgumentError(absl::StrCat(
          "input ", i, " is ", DTypeName(inputs[i].dtype()), ", expected ", DTypeName(wanted[i])));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<TensorShape>> InferOutputShapes(
    const OpSpec& spec, const AttrMap& attrs, const std::vector<Tensor>& inputs,
    const std::vector<DType>& output_dtypes) {
  std::vector<TensorShape> input_shapes;
  std::vector<const Tensor*> values;
  std::vector<DType> input_dtypes;
  for (const Tensor& input : inputs) {
    input_shapes.push_back(input.shape());
    values.push_back(input.raw() == nullptr && input.num_elements() > 0 ? nullptr : &input);
    input_dtypes.push_back(input.dtype());
  }
  ShapeContext shapes(attrs, std::move(input_shapes), std::move(values), std::move(input_dtypes),
                      output_dtypes);
  if (spec.shape_fn()) SLUICE_RETURN_IF_ERROR(spec.shape_fn()(shapes));
  std::vector<TensorShape> result;
  for (int i = 0; i < shapes.num_outputs(); ++i) result.push_back(shapes.output(i));
  return result;
}

}  // namespace

absl::StatusOr<std::vector<Tensor>> EvaluateOp(const OpSpec& spec, const AttrMap& given_attrs,
                                               const std::vector<Tensor>& inputs,
                                               const EvaluateOptions& options) {
  AttrMap attrs = given_attrs;
  SLUICE_RETURN_IF_ERROR(CheckAttrs(spec, &attrs));
  SLUICE_RETURN_IF_ERROR(CheckInputTypes(spec, attrs, inputs));
  SLUICE_ASSIGN_OR_RETURN(std::vector<DType> output_dtypes, ArgTypes(spec.outputs(), attrs));
  SLUICE_ASSIGN_OR_RETURN(const std::vector<TensorShape> shapes,
                          InferOutputShapes(spec, attrs, inputs, output_dtypes));

  NoResources none;
  EvaluateOptions with_resources = options;
  if (with_resources.resources == nullptr) with_resources.resources = &none;
  Evaluation evaluation(attrs, inputs, output_dtypes, with_resources);
  if (!spec.aliases().empty() && !spec.prepare()) {
    for (const auto& [in, out] : spec.aliases()) {
      SLUICE_ASSIGN_OR_RETURN(evaluation.outputs()[out], inputs[in].Reshaped(shapes[out]));
    }
    return std::move(evaluation.outputs());
  }
  if (!spec.prepare()) {
    if (output_dtypes.empty()) return std::vector<Tensor>();
    return absl::UnimplementedError(
        absl::StrCat("No OpKernel was registered to support Op '", spec.name(), "'"));
  }
  for (size_t i = 0; i < shapes.size(); ++i) {
    // Handles and snapshots are handed over by the kernel; references are handles too.
    if (IsRef(output_dtypes[i]) || spec.session_constant()) continue;
    SLUICE_RETURN_IF_ERROR(evaluation.PlanOutput(static_cast<int>(i), shapes[i]));
  }
  const ThreadBudget budget(options.threads);
  SLUICE_ASSIGN_OR_RETURN(KernelRun run, spec.prepare()(evaluation));
  SLUICE_RETURN_IF_ERROR(evaluation.MakeScratch());
  SLUICE_RETURN_IF_ERROR(run(evaluation));
  return std::move(evaluation.outputs());
}

}  // namespace sluice
