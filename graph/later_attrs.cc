#include "graph/later_attrs.h"

#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_split.h"
#include "glog/logging.h"
#include "graph/op_spec.h"
#include "graph/tensor_proto.h"

namespace sluice {
namespace {

struct Row {
  const char* ops;    // separated by spaces
  const char* attr;   // in the grammar of op schemas, with its default
  bool hint = false;  // no result depends on it: any value of its type means what the default means
};

constexpr Row kRows[] = {
    {"Equal NotEqual", "incompatible_shape_error: bool = true"},
    {"MatMul", "grad_a: bool = false"},
    {"MatMul", "grad_b: bool = false"},
    {"BatchMatMul BatchMatMulV2", "grad_x: bool = false"},
    {"BatchMatMul BatchMatMulV2", "grad_y: bool = false"},
    {"Conv2D Conv2DBackpropInput Conv2DBackpropFilter DepthwiseConv2dNative "
     "DepthwiseConv2dNativeBackpropInput DepthwiseConv2dNativeBackpropFilter MaxPool MaxPoolGrad",
     "explicit_paddings: list(int) = []"},
    {"Conv2D Conv2DBackpropInput Conv2DBackpropFilter DepthwiseConv2dNative "
     "DepthwiseConv2dNativeBackpropInput DepthwiseConv2dNativeBackpropFilter",
     "dilations: list(int) = [1, 1, 1, 1]"},
    {"Conv3D Conv3DBackpropInputV2 Conv3DBackpropFilterV2",
     "dilations: list(int) = [1, 1, 1, 1, 1]"},
    {"FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3", "exponential_avg_factor: float = 1.0"},
    {"ResizeBilinear ResizeBilinearGrad ResizeNearestNeighbor ResizeNearestNeighborGrad "
     "ResizeBicubic",
     "half_pixel_centers: bool = false"},
    {"Cast", "Truncate: bool = false"},
    {"ArgMax ArgMin", "output_type: type = DT_INT64"},
    {"Shape ShapeN Size", "out_type: type = DT_INT32"},
    {"Fill", "index_type: type = DT_INT32"},
    {"TopKV2", "index_type: type = DT_INT32"},
    {"TopKV2", "Tk: type = DT_INT32"},
    {"GatherV2", "batch_dims: int = 0"},
    {"ResourceGather", "batch_dims: int = 0"},
    {"Gather ResourceGather", "validate_indices: bool = true"},
    {"GatherNd ScatterNd ScatterNdUpdate ScatterNdAdd ScatterNdSub TensorScatterUpdate "
     "TensorScatterAdd TensorScatterSub",
     "bad_indices_policy: string = ''"},
    {"VarHandleOp", "debug_name: string = ''", true},
    {"VarHandleOp", "allowed_devices: list(string) = []", true},
    {"AssignVariableOp", "validate_shape: bool = false", true},
    {"ApplyAdam ResourceApplyAdam", "use_nesterov: bool = false"},
    {"ApplyAdagrad ResourceApplyAdagrad SparseApplyAdagrad ResourceSparseApplyAdagrad",
     "update_slots: bool = true"},
    {"ApplyFtrl ApplyFtrlV2 ResourceApplyFtrl ResourceApplyFtrlV2",
     "multiply_linear_by_lr: bool = false"},
    {"TensorArrayV3", "identical_element_shapes: bool = false"},
    {"QuantizeAndDequantizeV2 QuantizeAndDequantizeV3", "narrow_range: bool = false"},
    {"QuantizeAndDequantizeV2 QuantizeAndDequantizeV3 QuantizeV2 Dequantize", "axis: int = -1"},
    {"QuantizeAndDequantizeV2", "round_mode: string = 'HALF_TO_EVEN'"},
    {"QuantizeV2 Dequantize", "narrow_range: bool = false"},
    {"Dequantize", "dtype: type = DT_FLOAT"},
    {"FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel",
     "narrow_range: bool = false"},
    {"SpaceToDepth DepthToSpace", "data_format: string = 'NHWC'"},
    {"Substr", "unit: string = 'BYTE'"},
    {"MergeV2Checkpoints", "allow_missing_files: bool = false"},
    {"While StatelessWhile", "parallel_iterations: int = 10"},
    {"If StatelessIf While StatelessWhile", "output_shapes: list(shape) = []"},
    {"NonMaxSuppressionV4", "pad_to_max_output_size: bool = false"},
};

// By op and attr.
struct Later {
  AttrValue default_value;
  bool hint;
};
using Table = std::map<std::pair<std::string, std::string>, Later>;

Table MakeTable() {
  Table table;
  for (const Row& row : kRows) {
    const auto spec = ParseAttr(row.attr);
    CHECK(spec.ok() && spec->default_value.has_value()) << row.attr;
    for (absl::string_view op : absl::StrSplit(row.ops, ' ')) {
      table[{std::string(op), spec->name}] = {*spec->default_value, row.hint};
    }
  }
  return table;
}

// Every list may be without elements.
bool SameKind(const AttrValue& a, const AttrValue& b) {
  const auto empty = [](const AttrValue& v) { return v.get_if<EmptyList>() != nullptr; };
  const bool list = b.get_if<std::vector<std::string>>() != nullptr || empty(b);
  if (list) return empty(a) || a.get_if<std::vector<std::string>>() != nullptr;
  return a.KindName() == b.KindName();
}

}  // namespace

bool IsLaterDefault(absl::string_view op, absl::string_view attr, const AttrValue& value) {
  static const Table* const table = new Table(MakeTable());
  const auto found = table->find({std::string(op), std::string(attr)});
  if (found == table->end()) return false;
  const auto& [default_value, hint] = found->second;
  return hint ? SameKind(value, default_value) : WritesSame(value, default_value);
}

}  // namespace sluice
