#include "graph/op_spec.h"

#include <algorithm>

#include "core/status.h"
#include "graph/at.h"
#include "graph/node.h"
#include "graph/output.h"

namespace sluice {

OpSpec& OpSpec::Input(absl::string_view arg) {
  absl::StatusOr<ArgSpec> parsed = ParseArg(arg);
  if (parsed.ok()) {
    inputs_.push_back(*std::move(parsed));
  } else {
    status_.Update(parsed.status());
  }
  return *this;
}

OpSpec& OpSpec::Output(absl::string_view arg) {
  absl::StatusOr<ArgSpec> parsed = ParseArg(arg);
  if (parsed.ok()) {
    outputs_.push_back(*std::move(parsed));
  } else {
    status_.Update(parsed.status());
  }
  return *this;
}

OpSpec& OpSpec::Attr(absl::string_view attr) {
  absl::StatusOr<AttrSpec> parsed = ParseAttr(attr);
  if (parsed.ok()) {
    attrs_.push_back(*std::move(parsed));
  } else {
    status_.Update(parsed.status());
  }
  return *this;
}

OpSpec& OpSpec::Shape(ShapeFn fn) {
  shape_ = std::move(fn);
  return *this;
}

OpSpec& OpSpec::Kernel(absl::Status (*run)(KernelContext&)) {
  prepare_ = [run](PrepareContext&) -> absl::StatusOr<KernelRun> { return KernelRun(run); };
  return *this;
}

OpSpec& OpSpec::Prepare(KernelPrepare prepare) {
  prepare_ = std::move(prepare);
  return *this;
}

OpSpec& OpSpec::Gradient(GradientFn fn) {
  gradient_ = std::move(fn);
  return *this;
}

OpSpec& OpSpec::NotDifferentiable(absl::string_view reason) {
  no_gradient_reason_ = std::string(reason);
  return *this;
}

OpSpec& OpSpec::Stateful() {
  stateful_ = true;
  return *this;
}

OpSpec& OpSpec::Random() {
  random_ = stateful_ = true;
  return *this;
}

OpSpec& OpSpec::Alias(int in, int out) {
  aliases_.emplace_back(in, out);
  return *this;
}

OpSpec& OpSpec::InPlace(int in, int out) {
  in_place_.emplace_back(in, out);
  return *this;
}

OpSpec& OpSpec::ValueFromShapes() {
  value_from_shapes_ = true;
  return *this;
}

OpSpec& OpSpec::SessionConstant() {
  session_constant_ = stateful_ = true;
  return *this;
}

OpSpec& OpSpec::WritesResources() {
  writes_resources_ = stateful_ = true;
  return *this;
}

OpSpec& OpSpec::ReadsVariable() {
  reads_variable_ = true;
  return *this;
}

OpSpec& OpSpec::Tiled(TiledFn fn) {
  tiled_ = std::move(fn);
  return *this;
}

OpSpec& OpSpec::Flops(FlopsFn fn) {
  flops_ = std::move(fn);
  return *this;
}

OpSpec& OpSpec::ThreadSensitive() {
  thread_sensitive_ = true;
  return *this;
}

OpSpec& OpSpec::Commutative() {
  commutative_ = true;
  return *this;
}

OpSpec& OpSpec::Aggregate() {
  aggregate_ = true;
  return *this;
}

OpSpec& OpSpec::PassesGradientThrough() {
  passes_gradient_through_ = true;
  return *this;
}
OpSpec& OpSpec::AllowsUninitializedInput() {
  allows_uninitialized_input_ = true;
  return *this;
}

OpSpec& OpSpec::MustBeFed() {
  must_be_fed_ = true;
  return *this;
}

OpSpec& OpSpec::Flow(ControlFlow role) {
  flow_ = role;
  stateful_ = true;
  return *this;
}

OpSpec& OpSpec::NoKernelFor(absl::string_view attr, std::vector<DType> types,
                            absl::string_view reason) {
  missing_kernels_.push_back({std::string(attr), std::move(types), std::string(reason)});
  return *this;
}

const AttrSpec* OpSpec::FindAttr(absl::string_view name) const {
  for (const AttrSpec& attr : attrs_) {
    if (attr.name == name) return &attr;
  }
  return nullptr;
}

std::shared_ptr<const OpSpec> OpSpec::Opaque(absl::string_view name) {
  auto spec = std::make_shared<OpSpec>(name);
  spec->opaque_ = spec->stateful_ = true;
  spec->no_gradient_reason_ = "the op is not known here";
  return spec;
}

namespace {

// Settles which args take their types from a list(type) attr, and that every attr an arg names
// exists with the right type.
absl::Status ResolveArgs(const OpSpec& spec, std::vector<ArgSpec>* args) {
  for (ArgSpec& arg : *args) {
    if (!arg.type_attr.empty()) {
      const AttrSpec* attr = spec.FindAttr(arg.type_attr);
      if (attr != nullptr && attr->type == "list(type)" && arg.number_attr.empty()) {
        arg.type_list_attr = std::move(arg.type_attr);
        arg.type_attr.clear();
      } else if (attr == nullptr || attr->type != "type") {
        return absl::InvalidArgumentError(
            absl::StrCat("op ", spec.name(), ": arg '", arg.name, "' has type '", arg.type_attr,
                         "', which is neither a dtype nor a type attr"));
      }
    }
    if (!arg.number_attr.empty()) {
      const AttrSpec* attr = spec.FindAttr(arg.number_attr);
      if (attr == nullptr || attr->type != "int") {
        return absl::InvalidArgumentError(absl::StrCat("op ", spec.name(), ": arg '", arg.name,
                                                       "' is counted by '", arg.number_attr,
                                                       "', which is no int attr"));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status OpRegistry::Add(OpSpec spec) {
  SLUICE_RETURN_IF_ERROR(Annotate(spec.status(), absl::StrCat("op ", spec.name())));
  if (specs_.contains(spec.name())) {
    return absl::AlreadyExistsError(absl::StrCat("op ", spec.name(), " is registered already"));
  }
  SLUICE_RETURN_IF_ERROR(ResolveArgs(spec, &spec.inputs_));
  SLUICE_RETURN_IF_ERROR(ResolveArgs(spec, &spec.outputs_));
  std::string name = spec.name();
  specs_.emplace(std::move(name), std::make_shared<const OpSpec>(std::move(spec)));
  return absl::OkStatus();
}

const OpSpec* OpRegistry::Find(absl::string_view name) const {
  auto it = specs_.find(name);
  return it == specs_.end() ? nullptr : it->second.get();
}

absl::Status OpRegistry::AddGradient(absl::string_view name, GradientFn gradient) {
  if (!gradients_.try_emplace(std::string(name), std::move(gradient)).second) {
    return absl::AlreadyExistsError(
        absl::StrCat("Registering two gradient functions with name '", name, "'!"));
  }
  return absl::OkStatus();
}

absl::Status OpRegistry::AddRewrite(Rewrite rewrite) {
  for (const Rewrite& other : rewrites_) {
    if (other.name != rewrite.name) continue;
    return absl::AlreadyExistsError(
        absl::StrCat("Registering two rewrites with name '", rewrite.name, "'!"));
  }
  rewrites_.push_back(std::move(rewrite));
  return absl::OkStatus();
}

const GradientFn* OpRegistry::FindGradient(absl::string_view name) const {
  auto it = gradients_.find(name);
  return it == gradients_.end() ? nullptr : &it->second;
}

std::vector<const OpSpec*> OpRegistry::ops() const {
  std::vector<const OpSpec*> all;
  for (const auto& [name, spec] : specs_) all.push_back(spec.get());
  std::sort(all.begin(), all.end(),
            [](const OpSpec* a, const OpSpec* b) { return a->name() < b->name(); });
  return all;
}

}  // namespace sluice
