#include "session/infer_step.h"

#include <utility>

#include "core/status.h"
#include "graph/shape_context.h"

namespace sluice {

absl::StatusOr<std::vector<TensorShape>> InferStep(const Node& node,
                                                   std::vector<TensorShape> shapes,
                                                   std::vector<const Tensor*> known) {
  std::vector<DType> input_dtypes, output_dtypes;
  for (int i = 0; i < node.num_inputs(); ++i) input_dtypes.push_back(BaseType(node.input_dtype(i)));
  for (int i = 0; i < node.num_outputs(); ++i) {
    output_dtypes.push_back(BaseType(node.output_dtype(i)));
  }
  const ShapeFn& infer = node.spec().shape_fn();
  ShapeContext context(node.attrs(), std::move(shapes), std::move(known), std::move(input_dtypes),
                       std::move(output_dtypes));
  if (infer != nullptr) SLUICE_RETURN_IF_ERROR(infer(context));
  std::vector<TensorShape> results;
  for (int i = 0; i < node.num_outputs(); ++i) {
    results.push_back(infer != nullptr ? context.output(i) : TensorShape::Unknown());
    SLUICE_RETURN_IF_ERROR(results.back().Check());
  }
  return results;
}

}  // namespace sluice
