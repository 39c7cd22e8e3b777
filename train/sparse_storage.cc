#include "train/sparse_storage.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "core/tensor.h"
#include "graph/tensor_proto.h"
#include "proto/graph.pb.h"
#include "proto/tensor.pb.h"

namespace sluice::pruning {
namespace {

constexpr int64_t kLargestGap = 255;
// Bytes of the dense vector that a session is willing to compute beforehand (session/compiler.cc).
constexpr size_t kLargestPart = size_t{16} << 20;

// Adds nodes whose names begin with `prefix`/.
class Writer {
 public:
  Writer(std::string prefix, std::vector<proto::NodeDef>* nodes)
      : prefix_(std::move(prefix)), nodes_(nodes) {}

  proto::NodeDef& Add(const std::string& op, const std::string& name,
                      const std::vector<std::string>& inputs) {
    proto::NodeDef& node = nodes_->emplace_back();
    node.set_op(op);
    node.set_name(name.empty() ? prefix_ : absl::StrCat(prefix_, "/", name));
    for (const std::string& input : inputs) node.add_input(absl::StrCat(prefix_, "/", input));
    return node;
  }
  absl::Status AddConst(const std::string& name, const Tensor& value) {
    auto& attrs = *Add("Const", name, {}).mutable_attr();
    attrs["dtype"].set_type(static_cast<proto::DataType>(value.dtype()));
    return ToProto(value, attrs["value"].mutable_tensor());
  }

 private:
  const std::string prefix_;
  std::vector<proto::NodeDef>* const nodes_;
};

// The elements that are not zero and their distances.
template <typename T>
struct Sparse {
  std::vector<T> values;
  std::vector<uint8_t> gaps;
};
template <typename T>
Sparse<T> Compress(absl::Span<const T> dense) {
  Sparse<T> sparse;
  int64_t last = 0;
  for (int64_t i = 0; i < static_cast<int64_t>(dense.size()); ++i) {
    if (dense[i] == 0) continue;
    for (; i - last > kLargestGap; last += kLargestGap) {
      sparse.values.push_back(0);
      sparse.gaps.push_back(kLargestGap);
    }
    sparse.values.push_back(dense[i]);
    sparse.gaps.push_back(static_cast<uint8_t>(i - last));
    last = i;
  }
  return sparse;
}

std::vector<int32_t> Dims(const TensorShape& shape) {
  return std::vector<int32_t>(shape.dims().begin(), shape.dims().end());
}

// The nodes that give `dense`, a vector, under the name `<prefix>/dense`.
template <typename T>
absl::Status WriteVector(Writer& w, absl::Span<const T> dense) {
  const Sparse<T> sparse = Compress<T>(dense);
  const int64_t m = static_cast<int64_t>(sparse.values.size());
  const std::vector<int32_t> size = {static_cast<int32_t>(dense.size())};
  SLUICE_RETURN_IF_ERROR(w.AddConst("values", Tensor::Of<T>({m}, sparse.values)));
  SLUICE_RETURN_IF_ERROR(w.AddConst("gaps", Tensor::Of<uint8_t>({m}, sparse.gaps)));
  SLUICE_RETURN_IF_ERROR(w.AddConst("axis", Tensor::Scalar<int32_t>(0)));
  SLUICE_RETURN_IF_ERROR(w.AddConst("size", Tensor::Of<int32_t>({1}, size)));
  SLUICE_RETURN_IF_ERROR(w.AddConst("default", Tensor::Scalar<T>(0)));
  auto& cast = *w.Add("Cast", "gaps_int32", {"gaps"}).mutable_attr();
  cast["SrcT"].set_type(proto::DT_UINT8);
  cast["DstT"].set_type(proto::DT_INT32);
  auto& sum = *w.Add("Cumsum", "positions", {"gaps_int32", "axis"}).mutable_attr();
  sum["T"].set_type(proto::DT_INT32);
  sum["Tidx"].set_type(proto::DT_INT32);
  auto& scatter =
      *w.Add("SparseToDense", "dense", {"positions", "size", "values", "default"}).mutable_attr();
  scatter["T"].set_type(static_cast<proto::DataType>(DTypeOf<T>::value));
  scatter["Tindices"].set_type(proto::DT_INT32);
  scatter["validate_indices"].set_b(true);
  return absl::OkStatus();
}

// The same in parts, joined.
template <typename T>
absl::Status WriteParts(const std::string& name, absl::Span<const T> dense, Writer& w,
                        std::vector<proto::NodeDef>* nodes) {
  std::vector<std::string> inputs;
  while (!dense.empty()) {
    const std::string part = absl::StrCat("part_", inputs.size());
    const size_t count = std::min(dense.size(), kLargestPart / sizeof(T));
    Writer inside(absl::StrCat(name, "/", part), nodes);
    SLUICE_RETURN_IF_ERROR(WriteVector<T>(inside, dense.subspan(0, count)));
    dense.remove_prefix(count);
    inputs.push_back(absl::StrCat(part, "/dense"));
  }
  const int64_t count = static_cast<int64_t>(inputs.size());
  SLUICE_RETURN_IF_ERROR(w.AddConst("axis", Tensor::Scalar<int32_t>(0)));
  inputs.push_back("axis");
  auto& join = *w.Add("ConcatV2", "dense", inputs).mutable_attr();
  join["N"].set_i(count);
  join["T"].set_type(static_cast<proto::DataType>(DTypeOf<T>::value));
  join["Tidx"].set_type(proto::DT_INT32);
  return absl::OkStatus();
}

// The nodes that give `dense` under the name `name`.
template <typename T>
absl::Status Write(const std::string& name, const Tensor& dense,
                   std::vector<proto::NodeDef>* nodes) {
  Writer w(name, nodes);
  const absl::Span<const T> elements = dense.flat<T>();
  SLUICE_RETURN_IF_ERROR(elements.size() > kLargestPart / sizeof(T)
                             ? WriteParts<T>(name, elements, w, nodes)
                             : WriteVector<T>(w, elements));
  const std::vector<int32_t> dims = Dims(dense.shape());
  SLUICE_RETURN_IF_ERROR(
      w.AddConst("shape", Tensor::Of<int32_t>({static_cast<int64_t>(dims.size())}, dims)));
  auto& reshape = *w.Add("Reshape", "", {"dense", "shape"}).mutable_attr();
  reshape["T"].set_type(static_cast<proto::DataType>(dense.dtype()));
  reshape["Tshape"].set_type(proto::DT_INT32);
  return absl::OkStatus();
}

int64_t BytesOf(const std::vector<proto::NodeDef>& nodes) {
  int64_t bytes = 0;
  for (const proto::NodeDef& node : nodes) bytes += static_cast<int64_t>(node.ByteSizeLong()) + 4;
  return bytes;
}

// The nodes that may stand for `node`; none when it stays as it is.
absl::StatusOr<std::vector<proto::NodeDef>> Replacement(const proto::NodeDef& node) {
  std::vector<proto::NodeDef> nodes;
  const auto value = node.attr().find("value");
  if (node.op() != "Const" || value == node.attr().end()) return nodes;
  const proto::DataType type = value->second.tensor().dtype();
  if (type != proto::DT_FLOAT && type != proto::DT_DOUBLE) return nodes;
  SLUICE_ASSIGN_OR_RETURN(const Tensor dense, TensorFromProto(value->second.tensor()));
  if (dense.num_elements() == 0 || dense.num_elements() > std::numeric_limits<int32_t>::max())
    return nodes;
  SLUICE_RETURN_IF_ERROR(type == proto::DT_FLOAT ? Write<float>(node.name(), dense, &nodes)
                                                 : Write<double>(node.name(), dense, &nodes));
  if (BytesOf(nodes) >= static_cast<int64_t>(node.ByteSizeLong()) + 4) nodes.clear();
  if (nodes.empty()) return nodes;
  nodes.back().set_device(node.device());
  for (const std::string& control : node.input()) nodes.back().add_input(control);
  return nodes;
}

}  // namespace

absl::Status StoreSparse(proto::GraphDef* def) {
  absl::flat_hash_set<std::string> names;
  for (const proto::NodeDef& node : def->node()) names.insert(node.name());
  google::protobuf::RepeatedPtrField<proto::NodeDef> all;
  for (proto::NodeDef& node : *def->mutable_node()) {
    absl::StatusOr<std::vector<proto::NodeDef>> made = Replacement(node);
    SLUICE_RETURN_IF_ERROR(Annotate(made.status(), node.name()));
    std::vector<proto::NodeDef>& nodes = *made;
    bool taken = false;  // a name that is wanted belongs to another node
    for (size_t i = 0; i + 1 < nodes.size(); ++i) taken |= names.contains(nodes[i].name());
    if (nodes.empty() || taken) {
      node.Swap(all.Add());
      continue;
    }
    for (proto::NodeDef& n : nodes) n.Swap(all.Add());
  }
  def->mutable_node()->Swap(&all);
  return absl::OkStatus();
}

}  // namespace sluice::pruning
