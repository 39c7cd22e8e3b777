#include "graph/plan_nodes.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/infer_attrs.h"

namespace sluice {

absl::StatusOr<const Node*> PlanNodes::Make(const Node& like, const OpSpec& spec, AttrMap attrs,
                                            const std::vector<DType>& input_dtypes) {
  SLUICE_RETURN_IF_ERROR(InferAttrs(spec, input_dtypes, &attrs));
  SLUICE_RETURN_IF_ERROR(CheckAttrs(spec, &attrs));
  SLUICE_ASSIGN_OR_RETURN(const std::vector<DType> inputs, ArgTypes(spec.inputs(), attrs));
  SLUICE_ASSIGN_OR_RETURN(const std::vector<DType> outputs, ArgTypes(spec.outputs(), attrs));
  if (inputs != input_dtypes) {
    return absl::InvalidArgumentError(absl::StrCat(spec.name(), " takes ", inputs.size(),
                                                   " inputs of other types than the ",
                                                   input_dtypes.size(), " given"));
  }
  Node& node = nodes_.emplace_back();
  node.graph_ = like.graph_;
  node.id_ = like.id_;
  node.name_ = like.name_;
  node.device_ = like.device_;
  node.location_ = like.location_;
  node.spec_ = &spec;
  node.attrs_ = std::move(attrs);
  node.inputs_.resize(inputs.size());
  node.input_dtypes_.assign(inputs.begin(), inputs.end());
  node.output_dtypes_.assign(outputs.begin(), outputs.end());
  node.output_shapes_.resize(outputs.size());
  return &node;
}

}  // namespace sluice
