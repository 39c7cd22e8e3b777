#include "train/transforms_dilation.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "graph/graph.h"
#include "graph/graph_def.h"
#include "graph/node.h"
#include "proto/graph.pb.h"
#include "train/transforms_def.h"

namespace sluice::train {
namespace {

// Of height and width.
struct Blocks {
  std::vector<int32_t> shape = {}, paddings = {}, crops = {};
};

std::optional<Blocks> BlocksOf(const Node& conv) {
  const auto dilations = conv.attr<std::vector<int64_t>>("dilations");
  const auto strides = conv.attr<std::vector<int64_t>>("strides");
  const std::string padding = conv.attr<std::string>("padding");
  const TensorShape &x = conv.input(0).shape(), &filter = conv.input(1).shape();
  if (std::count(dilations.begin(), dilations.end(), 1) == 4 || dilations.size() != 4 ||
      std::count(strides.begin(), strides.end(), 1) != 4 || x.rank() != 4 || filter.rank() != 4 ||
      conv.attr<std::string>("data_format") != "NHWC" || (padding != "SAME" && padding != "VALID"))
    return std::nullopt;
  Blocks blocks;
  for (int d = 1; d <= 2; ++d) {
    const int64_t size = x.dim(d), kernel = filter.dim(d - 1), block = dilations[d];
    constexpr int64_t kLargest = 1 << 24;
    if (size < 1 || kernel < 1 || block < 1 || size > kLargest || kernel > kLargest ||
        block > kLargest)
      return std::nullopt;
    const int64_t pad = padding == "SAME" ? (kernel - 1) * block : 0;
    if (pad > kLargest) return std::nullopt;
    const int64_t start = pad / 2, full = size + pad;
    const int64_t extra = (block - full % block) % block;
    blocks.shape.push_back(static_cast<int32_t>(block));
    for (const int64_t p : {start, pad - start + extra})
      blocks.paddings.push_back(static_cast<int32_t>(p));
    blocks.crops.push_back(0);
    blocks.crops.push_back(static_cast<int32_t>(extra));
  }
  return blocks;
}

absl::Status Expand(const Blocks& blocks, DefEditor* def, int i) {
  const proto::NodeDef conv = def->node(i);
  const auto constant = [&](const char* name, const TensorShape& shape,
                            const std::vector<int32_t>& values) {
    return def->AddConstant(absl::StrCat(conv.name(), "/", name),
                            Tensor::Of<int32_t>(shape, values), i);
  };
  SLUICE_ASSIGN_OR_RETURN(const int block, constant("block_shape", {2}, blocks.shape));
  SLUICE_ASSIGN_OR_RETURN(const int paddings, constant("paddings", {2, 2}, blocks.paddings));
  SLUICE_ASSIGN_OR_RETURN(const int crops, constant("crops", {2, 2}, blocks.crops));
  const InputName block_shape = {def->node(block).name()};
  const auto name_of = [&](int node) { return InputName{def->node(node).name()}; };
  const auto typed = [&](int node, const char* last) {
    auto& attrs = *def->mutable_node(node)->mutable_attr();
    attrs["T"] = conv.attr().at("T");
    attrs["Tblock_shape"].set_type(proto::DT_INT32);
    attrs[last].set_type(proto::DT_INT32);
  };
  const int apart =
      def->AddNode(absl::StrCat(conv.name(), "/SpaceToBatchND"), "SpaceToBatchND",
                   {ParseInputName(conv.input(0)), block_shape, name_of(paddings)}, i);
  typed(apart, "Tpaddings");
  const int inner = def->AddNode(absl::StrCat(conv.name(), "/", conv.op()), conv.op().c_str(),
                                 {name_of(apart), ParseInputName(conv.input(1))}, i);
  auto& attrs = *def->mutable_node(inner)->mutable_attr();
  attrs = conv.attr();
  attrs["padding"].set_s("VALID");
  attrs.erase("dilations");
  def->Become(i, "BatchToSpaceND", {name_of(inner), block_shape, name_of(crops)});
  typed(i, "Tcrops");
  return absl::OkStatus();
}

}  // namespace

absl::Status ExpandDilations(const std::vector<std::string>& outputs, const OpRegistry& registry,
                             proto::GraphDef* def) {
  Graph graph(registry);
  SLUICE_RETURN_IF_ERROR(ImportGraphDef(*def, &graph).status());
  SLUICE_ASSIGN_OR_RETURN(const std::unique_ptr<DefEditor> editor, DefEditor::Open(def, outputs));
  absl::Status status;
  const int nodes = editor->num_nodes();
  for (int i = 0; i < nodes && status.ok(); ++i) {
    if (!editor->Is(i, "Conv2D") && !editor->Is(i, "DepthwiseConv2dNative")) continue;
    const Node* node = graph.FindNode(editor->node(i).name());
    if (node == nullptr || node->spec().opaque() || !editor->node(i).attr().contains("T")) continue;
    const std::optional<Blocks> blocks = BlocksOf(*node);
    if (blocks.has_value()) status = Expand(*blocks, editor.get(), i);
  }
  editor->Save();
  return status;
}

}  // namespace sluice::train
