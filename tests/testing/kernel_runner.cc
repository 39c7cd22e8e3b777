#include "tests/testing/kernel_runner.h"

#include <cstring>
#include <map>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/kernel.h"
#include "core/status.h"
#include "core/threads.h"
#include "graph/shape_context.h"

namespace sluice {
namespace {

constexpr int64_t kGuard = kBufferAlignment;  // bytes on either side of a block
constexpr int kGuardByte = 0xA5;
constexpr int kPoisonByte = 0xFB;

// A block of memory between two guards.
class Guarded {
 public:
  absl::Status Init(int64_t bytes) {
    bytes_ = bytes;
    SLUICE_ASSIGN_OR_RETURN(
        buffer_, Buffer::Make(DType::kUint8, bytes + 2 * kGuard, MemoryBudget::Process()));
    memset(buffer_->data(), kGuardByte, bytes + 2 * kGuard);
    Poison();
    return absl::OkStatus();
  }
  void Poison() { memset(begin(), kPoisonByte, bytes_); }
  uint8_t* begin() const { return static_cast<uint8_t*>(buffer_->data()) + kGuard; }
  Tensor View(DType dtype, const TensorShape& shape) const {
    return Tensor::View(buffer_, kGuard, dtype, shape);
  }
  bool intact() const {
    for (int64_t i = 1; i <= kGuard; ++i) {
      if (begin()[-i] != kGuardByte || begin()[bytes_ + i - 1] != kGuardByte) return false;
    }
    return true;
  }

 private:
  int64_t bytes_ = 0;
  BufferRef buffer_;
};

class NoResources : public ResourceStore {
 public:
  absl::StatusOr<ResourceRef> GetOrCreate(const std::string& name,
                                          const std::function<ResourceRef()>&) override {
    return absl::FailedPreconditionError("no resources here: " + name);
  }
};

struct Facts {
  std::string name = "guarded";
  AttrMap attrs;
  std::vector<Tensor> inputs;
  std::vector<DType> output_dtypes;
  std::vector<TensorShape> output_shapes;
  KernelRunnerOptions options;
};

class GuardedPrepare : public PrepareContext {
 public:
  explicit GuardedPrepare(const Facts& facts) : facts_(facts) {}
  const std::string& node_name() const override { return facts_.name; }
  const AttrMap& attrs() const override { return facts_.attrs; }
  int num_inputs() const override { return static_cast<int>(facts_.inputs.size()); }
  int num_outputs() const override { return static_cast<int>(facts_.output_dtypes.size()); }
  DType input_dtype(int i) const override { return facts_.inputs[i].dtype(); }
  DType output_dtype(int i) const override { return facts_.output_dtypes[i]; }
  const TensorShape& input_shape(int i) const override { return facts_.inputs[i].shape(); }
  const TensorShape& output_shape(int i) const override { return facts_.output_shapes[i]; }
  const Tensor* constant_input(int i) const override {
    return facts_.options.constant_inputs ? &facts_.inputs[i] : nullptr;
  }
  int threads() const override { return facts_.options.threads; }
  const std::shared_ptr<MemoryBudget>& budget() const override { return MemoryBudget::Process(); }
  void RequestScratch(int64_t bytes) override { scratch_ = bytes; }
  ResourceStore& resources() const override { return resources_; }
  int64_t scratch() const { return scratch_; }

 private:
  const Facts& facts_;
  mutable NoResources resources_;
  int64_t scratch_ = 0;
};

// Owns the guarded memory of one kernel; Reset() before each run.
class GuardedRun : public KernelContext {
 public:
  explicit GuardedRun(const Facts& facts) : facts_(facts) {}

  absl::Status Init(int64_t scratch_bytes) {
    const size_t outputs = facts_.output_dtypes.size();
    input_blocks_.resize(facts_.inputs.size());
    output_blocks_.resize(outputs);
    outputs_.resize(outputs);
    for (size_t i = 0; i < facts_.inputs.size(); ++i) {
      const Tensor& in = facts_.inputs[i];
      if (IsTriviallyCopyable(in.dtype()))
        SLUICE_RETURN_IF_ERROR(input_blocks_[i].Init(in.byte_size()));
    }
    for (size_t i = 0; i < outputs; ++i)
      if (facts_.output_shapes[i].fully_defined() && !OverInput(i))
        SLUICE_RETURN_IF_ERROR(InitOutput(i, facts_.output_shapes[i]));
    return scratch_.Init(scratch_bytes);
  }

  absl::Status Reset() {
    inputs_.clear();
    for (size_t i = 0; i < facts_.inputs.size(); ++i) {
      const Tensor& in = facts_.inputs[i];
      inputs_.push_back(in);
      if (!IsTriviallyCopyable(in.dtype())) continue;
      inputs_[i] = input_blocks_[i].View(in.dtype(), in.shape());
      memcpy(inputs_[i].mutable_raw(), in.raw(), in.byte_size());
    }
    scratch_.Poison();
    for (size_t i = 0; i < outputs_.size(); ++i) {
      outputs_[i] = Tensor();
      const TensorShape& shape = facts_.output_shapes[i];
      if (!shape.fully_defined()) continue;
      if (const int* in = OverInput(i)) {
        outputs_[i] = input_blocks_[*in].View(facts_.output_dtypes[i], shape);
      } else {
        SLUICE_RETURN_IF_ERROR(FillOutput(i, shape));
      }
    }
    return absl::OkStatus();
  }

  // What the kernel must not have done.
  absl::Status Check() const {
    if (!scratch_.intact()) return absl::InternalError("kernel wrote outside its scratch memory");
    for (size_t i = 0; i < inputs_.size(); ++i) {
      if (!IsTriviallyCopyable(inputs_[i].dtype())) continue;
      if (!input_blocks_[i].intact())
        return absl::InternalError(absl::StrCat("kernel wrote outside input ", i));
      if (!Overwritten(i) && !BitEqual(inputs_[i], facts_.inputs[i]))
        return absl::InternalError(absl::StrCat("kernel changed input ", i));
    }
    for (size_t i = 0; i < outputs_.size(); ++i) {
      if (outputs_[i].empty_handle())
        return absl::InternalError(absl::StrCat("kernel left output ", i, " without a value"));
      if (output_blocks_[i] && !output_blocks_[i]->intact())
        return absl::InternalError(absl::StrCat("kernel wrote outside output ", i));
    }
    return absl::OkStatus();
  }
  const std::vector<Tensor>& outputs() const { return outputs_; }

  const AttrMap& attrs() const override { return facts_.attrs; }
  int num_inputs() const override { return static_cast<int>(inputs_.size()); }
  int num_outputs() const override { return static_cast<int>(outputs_.size()); }
  const Tensor& input(int i) const override { return inputs_[i]; }
  Tensor& output(int i) override { return outputs_[i]; }
  absl::StatusOr<Tensor*> Allocate(int i, const TensorShape& shape) override {
    SLUICE_RETURN_IF_ERROR(InitOutput(i, shape));
    SLUICE_RETURN_IF_ERROR(FillOutput(i, shape));
    return &outputs_[i];
  }
  void SetOutput(int i, Tensor value) override { outputs_[i] = std::move(value); }
  void* scratch() const override { return scratch_.begin(); }
  int threads() const override { return facts_.options.threads; }
  const std::shared_ptr<MemoryBudget>& budget() const override { return MemoryBudget::Process(); }
  uint64_t random_run() const override { return 0; }
  uint64_t session_seed() const override { return 0; }
  const std::string& node_name() const override { return facts_.name; }

 private:
  const int* OverInput(int out) const {
    for (const auto& pair : facts_.options.in_place)
      if (pair.second == out) return &pair.first;
    return nullptr;
  }
  bool Overwritten(int in) const {
    for (const auto& pair : facts_.options.in_place)
      if (pair.first == in) return true;
    return false;
  }
  absl::Status InitOutput(int i, const TensorShape& shape) {
    SLUICE_RETURN_IF_ERROR(shape.Check());
    if (!IsTriviallyCopyable(facts_.output_dtypes[i])) return absl::OkStatus();
    output_blocks_[i] = std::make_unique<Guarded>();
    return output_blocks_[i]->Init(shape.num_elements() * SizeOf(facts_.output_dtypes[i]));
  }
  absl::Status FillOutput(int i, const TensorShape& shape) {
    if (output_blocks_[i]) {
      output_blocks_[i]->Poison();
      outputs_[i] = output_blocks_[i]->View(facts_.output_dtypes[i], shape);
    } else {
      SLUICE_ASSIGN_OR_RETURN(outputs_[i], Tensor::Make(facts_.output_dtypes[i], shape));
    }
    return absl::OkStatus();
  }

  const Facts& facts_;
  std::vector<Guarded> input_blocks_;
  std::vector<std::unique_ptr<Guarded>> output_blocks_;
  std::vector<Tensor> inputs_, outputs_;
  Guarded scratch_;
};

std::vector<DType> DTypesOf(const std::vector<Tensor>& tensors) {
  std::vector<DType> dtypes;
  for (const Tensor& t : tensors) dtypes.push_back(t.dtype());
  return dtypes;
}

absl::Status InferOutputShapes(const OpSpec& spec, Facts* facts) {
  std::vector<TensorShape> shapes;
  std::vector<const Tensor*> values;
  for (const Tensor& t : facts->inputs) {
    shapes.push_back(t.shape());
    values.push_back(&t);
  }
  ShapeContext context(facts->attrs, std::move(shapes), std::move(values), DTypesOf(facts->inputs),
                       facts->output_dtypes);
  SLUICE_RETURN_IF_ERROR(spec.shape_fn()(context));
  for (size_t i = 0; i < facts->output_dtypes.size(); ++i)
    facts->output_shapes.push_back(context.output(i));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Tensor>> RunTwice(const KernelRun& run, GuardedRun* context) {
  std::vector<Tensor> first;
  for (int repeat = 0; repeat < 2; ++repeat) {
    SLUICE_RETURN_IF_ERROR(context->Reset());
    SLUICE_RETURN_IF_ERROR(run(*context));
    SLUICE_RETURN_IF_ERROR(context->Check());
    for (size_t i = 0; i < context->outputs().size(); ++i) {
      const Tensor& output = context->outputs()[i];
      if (repeat == 0) {
        SLUICE_ASSIGN_OR_RETURN(Tensor copy, output.Clone());
        first.push_back(std::move(copy));
      } else if (!BitEqual(first[i], output)) {
        return absl::InternalError(absl::StrCat("the second run gave another output ", i, ": ",
                                                output.DebugString(), " after ",
                                                first[i].DebugString()));
      }
    }
  }
  return first;
}

// How many inputs a repeated argument has, where the inputs tell: the attribute is not given and is
// the only unknown one.
absl::Status CompleteCounts(const OpSpec& spec, int num_inputs, AttrMap* attrs) {
  std::set<std::string> unknown;
  int known_inputs = 0, repeats = 0;
  for (const ArgSpec& arg : spec.inputs()) {
    if (!arg.number_attr.empty()) {
      if (const AttrValue* n = FindAttr(*attrs, arg.number_attr)) {
        known_inputs += static_cast<int>(*n->get_if<int64_t>());
      } else {
        unknown.insert(arg.number_attr);
        ++repeats;
      }
    } else if (!arg.type_list_attr.empty()) {
      const AttrValue* types = FindAttr(*attrs, arg.type_list_attr);
      if (!types) return absl::OkStatus();  // the list takes what is left
      known_inputs += static_cast<int>(types->get_if<std::vector<DType>>()->size());
    } else {
      ++known_inputs;
    }
  }
  if (unknown.size() > 1)
    return absl::InvalidArgumentError(absl::StrCat("give attr ", *unknown.begin()));
  if (unknown.size() == 1)
    attrs->emplace(*unknown.begin(), AttrValue(int64_t{(num_inputs - known_inputs) / repeats}));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<AttrMap> CompleteAttrs(const OpSpec& spec, AttrMap attrs,
                                      const std::vector<Tensor>& inputs) {
  const int total = static_cast<int>(inputs.size());
  SLUICE_RETURN_IF_ERROR(CompleteCounts(spec, total, &attrs));
  int next = 0;
  for (size_t a = 0; a < spec.inputs().size(); ++a) {
    const ArgSpec& arg = spec.inputs()[a];
    int count = 1;
    if (!arg.number_attr.empty()) {
      count = static_cast<int>(GetAttr<int64_t>(attrs, arg.number_attr));
    } else if (!arg.type_list_attr.empty()) {
      const AttrValue* types = FindAttr(attrs, arg.type_list_attr);
      const int after = static_cast<int>(spec.inputs().size() - a - 1);
      count = types ? static_cast<int>(types->get_if<std::vector<DType>>()->size())
                    : total - next - after;
      std::vector<DType> list;
      for (int i = next; i < next + count && i < total; ++i) list.push_back(inputs[i].dtype());
      if (!types) attrs.emplace(arg.type_list_attr, AttrValue(list));
    }
    if (!arg.type_attr.empty() && next < total)
      attrs.emplace(arg.type_attr, AttrValue(inputs[next].dtype()));
    next += count;
  }
  if (next != total)
    return absl::InvalidArgumentError(
        absl::StrCat(spec.name(), " takes ", next, " inputs, got ", total));
  SLUICE_RETURN_IF_ERROR(CheckAttrs(spec, &attrs));
  SLUICE_ASSIGN_OR_RETURN(const std::vector<DType> wanted, ArgTypes(spec.inputs(), attrs));
  for (int i = 0; i < total; ++i) {
    if (BaseType(wanted[i]) != inputs[i].dtype())
      return absl::InvalidArgumentError(absl::StrCat(spec.name(), ": input ", i, " must be ",
                                                     DTypeName(wanted[i]), ", got ",
                                                     DTypeName(inputs[i].dtype())));
  }
  return attrs;
}

absl::StatusOr<std::vector<Tensor>> RunKernelGuarded(const OpSpec& spec, const AttrMap& attrs,
                                                     const std::vector<Tensor>& inputs,
                                                     const KernelRunnerOptions& options) {
  Facts facts{.attrs = attrs, .inputs = inputs, .options = options};
  SLUICE_ASSIGN_OR_RETURN(facts.output_dtypes, ArgTypes(spec.outputs(), attrs));
  SLUICE_RETURN_IF_ERROR(InferOutputShapes(spec, &facts));
  if (!spec.prepare()) {
    if (spec.aliases().empty())
      return absl::UnimplementedError(absl::StrCat(spec.name(), " has no kernel"));
    std::vector<Tensor> outputs(facts.output_dtypes.size());
    for (const auto& [in, out] : spec.aliases()) {
      SLUICE_ASSIGN_OR_RETURN(outputs[out], inputs[in].Reshaped(facts.output_shapes[out]));
    }
    return outputs;
  }
  ThreadBudget budget(options.threads);
  GuardedPrepare prepare(facts);
  SLUICE_ASSIGN_OR_RETURN(KernelRun run, spec.prepare()(prepare));
  GuardedRun context(facts);
  SLUICE_RETURN_IF_ERROR(context.Init(prepare.scratch()));
  return RunTwice(run, &context);
}

}  // namespace sluice
