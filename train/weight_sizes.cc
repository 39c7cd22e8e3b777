#include "train/weight_sizes.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/status.h"
#include "proto/graph.pb.h"
#include "train/transforms_channels.h"
#include "train/transforms_def.h"

namespace sluice::train {
namespace {

constexpr int64_t kScaleBytes = 4;

// Of whoever reads the constant, perhaps through Identity; the first that has any.
int64_t ChannelsOf(const DefEditor& def, int constant, const Tensor& value) {
  std::vector<int> open = {constant};
  for (size_t k = 0; k < open.size(); ++k) {
    for (const DefEditor::Use& use : def.UsesOf(open[k])) {
      if (def.Is(use.node, "Identity")) open.push_back(use.node);
      if (const std::optional<Contraction> found = ContractionAt(def, use.node);
          found.has_value() && found->weights == use.input)
        return found->channels;
      const bool gathers = def.Is(use.node, "Gather") || def.Is(use.node, "GatherV2");
      if (gathers && use.input == 0) return value.dim(0);
    }
    if (open.size() > static_cast<size_t>(def.num_nodes())) break;
  }
  return 0;
}

WeightSize SizeOfWeight(const DefEditor& def, int i, const Tensor& value) {
  WeightSize size;
  size.name = def.node(i).name();
  size.dtype = DTypeName(value.dtype());
  size.shape = value.shape().ToString();
  size.elements = value.num_elements();
  size.now = value.byte_size();
  size.half = std::min(size.now, 2 * size.elements);
  size.int8_per_tensor = size.int8_per_channel = size.now;
  if (value.shape().rank() < 2) return size;
  size.channels = ChannelsOf(def, i, value);
  size.int8_per_tensor = size.elements + kScaleBytes;
  size.int8_per_channel = size.elements + kScaleBytes * std::max<int64_t>(1, size.channels);
  return size;
}

std::string Line(const WeightSize& s, int name, int shape) {
  return absl::StrFormat("%-*s  %-8s  %-*s  %12d  %12d  %12d  %12d\n", name, s.name, s.dtype, shape,
                         s.shape, s.now, s.half, s.int8_per_tensor, s.int8_per_channel);
}

}  // namespace

absl::StatusOr<WeightSizes> MeasureWeights(const proto::GraphDef& def) {
  proto::GraphDef copy = def;
  SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<DefEditor> editor, DefEditor::Open(&copy, {}));
  WeightSizes sizes;
  for (int i = 0; i < editor->num_nodes(); ++i) {
    const Tensor* value = editor->ValueOf(i);
    if (value == nullptr || !IsFloating(value->dtype()) || value->num_elements() < 2) continue;
    const WeightSize size = SizeOfWeight(*editor, i, *value);
    sizes.total.elements += size.elements;
    sizes.total.now += size.now;
    sizes.total.half += size.half;
    sizes.total.int8_per_tensor += size.int8_per_tensor;
    sizes.total.int8_per_channel += size.int8_per_channel;
    sizes.weights.push_back(size);
  }
  return sizes;
}

std::string WeightSizesTable(const WeightSizes& sizes) {
  int name = 6, shape = 5;
  for (const WeightSize& size : sizes.weights) {
    name = std::max(name, static_cast<int>(size.name.size()));
    shape = std::max(shape, static_cast<int>(size.shape.size()));
  }
  std::string table =
      absl::StrFormat("%-*s  %-8s  %-*s  %12s  %12s  %12s  %12s\n", name, "weight", "dtype", shape,
                      "shape", "bytes", "float16", "int8", "int8/channel");
  for (const WeightSize& size : sizes.weights) absl::StrAppend(&table, Line(size, name, shape));
  return absl::StrCat(table, Line(sizes.total, name, shape));
}

}  // namespace sluice::train
