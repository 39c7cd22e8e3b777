#include "tools/sluice/dot_kinds.h"

#include <array>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace sluice::tools {
namespace {

struct Look {
  const char* name;
  const char* colour;
};
constexpr std::array<Look, kOpKinds> kLooks = {{
    {"product, convolution", "#a9c7ec"},
    {"control flow, function, state", "#f2b3a7"},
    {"loss", "#e8a7c8"},
    {"normalization", "#a8dcd4"},
    {"pooling, resizing", "#cdb9ea"},
    {"lookup", "#c3d69b"},
    {"activation", "#fbd39a"},
    {"input", "#b9e6a9"},
    {"random numbers", "#f5c9dd"},
    {"arithmetic", "#f7eda6"},
    {"shape, joining, casts", "#e0e0e0"},
    {"not known here", "#ffffff"},
}};

// What a name says by its beginning, the first that fits.
constexpr std::pair<const char*, OpKind> kBeginnings[] = {
    {"Conv", OpKind::kContraction},
    {"DepthwiseConv", OpKind::kContraction},
    {"MatMul", OpKind::kContraction},
    {"BatchMatMul", OpKind::kContraction},
    {"SparseTensorDenseMatMul", OpKind::kContraction},
    {"SparseMatMul", OpKind::kContraction},
    {"Einsum", OpKind::kContraction},
    {"_FusedConv", OpKind::kContraction},
    {"_FusedMatMul", OpKind::kContraction},
    {"Dilation2D", OpKind::kPooling},
    {"Placeholder", OpKind::kInput},
    {"Iterator", OpKind::kInput},
    {"OneShotIterator", OpKind::kInput},
    {"Queue", OpKind::kInput},
    {"FIFOQueue", OpKind::kInput},
    {"RandomShuffleQueue", OpKind::kInput},
    {"_Arg", OpKind::kInput},
    {"Read", OpKind::kInput},
    {"Decode", OpKind::kInput},
    {"Parse", OpKind::kInput},
    {"Switch", OpKind::kRecurrent},
    {"Merge", OpKind::kRecurrent},
    {"RefSwitch", OpKind::kRecurrent},
    {"RefMerge", OpKind::kRecurrent},
    {"Enter", OpKind::kRecurrent},
    {"RefEnter", OpKind::kRecurrent},
    {"Exit", OpKind::kRecurrent},
    {"RefExit", OpKind::kRecurrent},
    {"NextIteration", OpKind::kRecurrent},
    {"RefNextIteration", OpKind::kRecurrent},
    {"LoopCond", OpKind::kRecurrent},
    {"ControlTrigger", OpKind::kRecurrent},
    {"TensorArray", OpKind::kRecurrent},
    {"Stack", OpKind::kRecurrent},
    {"While", OpKind::kRecurrent},
    {"StatelessWhile", OpKind::kRecurrent},
    {"If", OpKind::kRecurrent},
    {"StatelessIf", OpKind::kRecurrent},
    {"Case", OpKind::kRecurrent},
    {"PartitionedCall", OpKind::kRecurrent},
    {"StatefulPartitionedCall", OpKind::kRecurrent},
    {"SymbolicGradient", OpKind::kRecurrent},
    {"LSTM", OpKind::kRecurrent},
    {"BlockLSTM", OpKind::kRecurrent},
    {"GRU", OpKind::kRecurrent},
    {"Variable", OpKind::kRecurrent},
    {"VarHandleOp", OpKind::kRecurrent},
    {"Assign", OpKind::kRecurrent},
    {"FusedBatchNorm", OpKind::kNormalization},
    {"_FusedBatchNorm", OpKind::kNormalization},
    {"BatchNorm", OpKind::kNormalization},
    {"LRN", OpKind::kNormalization},
    {"L2Normalize", OpKind::kNormalization},
    {"SoftmaxCrossEntropy", OpKind::kLoss},
    {"SparseSoftmaxCrossEntropy", OpKind::kLoss},
    {"CTCLoss", OpKind::kLoss},
    {"MaxPool", OpKind::kPooling},
    {"AvgPool", OpKind::kPooling},
    {"FractionalMaxPool", OpKind::kPooling},
    {"FractionalAvgPool", OpKind::kPooling},
    {"Resize", OpKind::kPooling},
    {"CropAndResize", OpKind::kPooling},
    {"Gather", OpKind::kLookup},
    {"ResourceGather", OpKind::kLookup},
    {"Scatter", OpKind::kLookup},
    {"HashTable", OpKind::kLookup},
    {"LookupTable", OpKind::kLookup},
    {"OneHot", OpKind::kLookup},
    {"TopK", OpKind::kLookup},
    {"NonMaxSuppression", OpKind::kLookup},
    {"Random", OpKind::kRandom},
    {"TruncatedNormal", OpKind::kRandom},
    {"Multinomial", OpKind::kRandom},
    {"StatelessRandom", OpKind::kRandom},
};

using Kinds = absl::flat_hash_map<absl::string_view, OpKind>;
const Kinds& Exact() {
  static const auto& kKinds = *[] {
    auto* kinds = new Kinds;
    for (const char* op : {"Relu", "Relu6", "LeakyRelu", "Elu", "Selu", "Sigmoid", "Tanh",
                           "Softplus", "Softsign", "Softmax", "LogSoftmax"})
      kinds->emplace(op, OpKind::kActivation);
    for (const char* op : {"Reshape",
                           "Transpose",
                           "ConjugateTranspose",
                           "Concat",
                           "ConcatV2",
                           "Split",
                           "SplitV",
                           "Slice",
                           "StridedSlice",
                           "Pad",
                           "PadV2",
                           "MirrorPad",
                           "Squeeze",
                           "ExpandDims",
                           "Pack",
                           "Unpack",
                           "Tile",
                           "Shape",
                           "ShapeN",
                           "Size",
                           "Rank",
                           "Cast",
                           "Identity",
                           "IdentityN",
                           "StopGradient",
                           "PreventGradient",
                           "Reverse",
                           "ReverseV2",
                           "ReverseSequence",
                           "Fill",
                           "Range",
                           "SpaceToDepth",
                           "DepthToSpace",
                           "SpaceToBatch",
                           "SpaceToBatchND",
                           "BatchToSpace",
                           "BatchToSpaceND",
                           "BroadcastTo",
                           "ZerosLike",
                           "OnesLike",
                           "Bitcast",
                           "NoOp",
                           "CheckNumerics",
                           "Print",
                           "Assert",
                           "Const",
                           "Snapshot",
                           "InvertPermutation",
                           "DynamicStitch",
                           "DynamicPartition",
                           "BroadcastGradientArgs",
                           "BroadcastArgs",
                           "ConcatOffset",
                           "Where",
                           "Unique",
                           "Select"})
      kinds->emplace(op, OpKind::kShape);
    return kinds;
  }();
  return kKinds;
}

}  // namespace

OpKind KindOf(const Node& node) {
  if (node.spec().opaque()) return OpKind::kUnknown;
  const auto exact = Exact().find(node.op());
  if (exact != Exact().end()) return exact->second;
  for (const auto& [beginning, kind] : kBeginnings)
    if (absl::StartsWith(node.op(), beginning)) return kind;
  return OpKind::kArithmetic;
}

const char* KindName(OpKind kind) { return kLooks[static_cast<size_t>(kind)].name; }
const char* KindColour(OpKind kind) { return kLooks[static_cast<size_t>(kind)].colour; }

}  // namespace sluice::tools
