#include "train/transforms_shapes.h"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "graph/node.h"
#include "proto/graph.pb.h"

namespace sluice::train {
namespace {

constexpr int kMaxDepth = 24;
constexpr int64_t kMaxEntries = 32;
constexpr int64_t kFirstSymbol = -2;  // this and below: dimensions that are not known

// A scalar or vector of integers; entries may be symbols.
struct Ints {
  std::vector<int64_t> values;
  bool scalar = false;
};
using MaybeInts = std::optional<Ints>;

class Evaluator {
 public:
  Evaluator(const Graph& graph, const DefEditor& def) : graph_(graph), def_(def) {}

  MaybeInts InputOf(int node, int input, int depth = kMaxDepth) {
    int index = 0;
    if (input >= def_.num_data_inputs(node)) return std::nullopt;
    const int producer = def_.Producer(node, input, &index);
    return index == 0 ? Value(producer, depth) : std::nullopt;
  }

  // The symbol of a dimension of what input `input` of `node` reads.
  int64_t Symbol(int node, int input, int dim) {
    int index = 0;
    const int producer = def_.Producer(node, input, &index);
    const auto next = kFirstSymbol - static_cast<int64_t>(symbols_.size());
    return symbols_.emplace(std::make_tuple(producer, index, dim), next).first->second;
  }

  // What is known of the shape of an input.
  TensorShape ShapeOf(int node, int input) const {
    const Node* made = graph_.FindNode(def_.node(node).name());
    if (made == nullptr || input >= made->num_inputs()) return TensorShape::Unknown();
    return made->input(input).shape();
  }

 private:
  MaybeInts Value(int i, int depth) {
    if (depth == 0 || i == DefEditor::kNone) return std::nullopt;
    if (def_.Is(i, "Const")) return Constant(i);
    if (def_.Is(i, "Shape")) return Shape(i);
    if (def_.Is(i, "Identity") || def_.Is(i, "Cast")) return InputOf(i, 0, depth - 1);
    if (def_.Is(i, "Pack")) return Pack(i, depth - 1);
    if (def_.Is(i, "ConcatV2")) return Concat(i, depth - 1);
    if (def_.Is(i, "Slice")) return Slice(i, depth - 1);
    if (def_.Is(i, "StridedSlice")) return StridedSlice(i, depth - 1);
    if (def_.Is(i, "Gather") || def_.Is(i, "GatherV2")) return Gather(i, depth - 1);
    if (def_.Is(i, "ExpandDims")) return Vector(InputOf(i, 0, depth - 1));
    if (def_.Is(i, "Mul")) return Product(i, depth - 1);
    return std::nullopt;
  }

  MaybeInts Constant(int i) const {
    const Tensor* value = def_.ValueOf(i);
    if (value == nullptr || value->shape().rank() > 1 || value->num_elements() > kMaxEntries)
      return std::nullopt;
    absl::StatusOr<std::vector<int64_t>> values = value->ToInt64s();
    if (!values.ok() ||
        std::any_of(values->begin(), values->end(), [](int64_t v) { return v <= kFirstSymbol; }))
      return std::nullopt;
    return Ints{*std::move(values), value->shape().rank() == 0};
  }

  MaybeInts Shape(int i) {
    const TensorShape shape = ShapeOf(i, 0);
    if (!shape.rank_known()) return std::nullopt;
    Ints dims;
    for (int d = 0; d < shape.rank(); ++d)
      dims.values.push_back(shape.dim(d) >= 0 ? shape.dim(d) : Symbol(i, 0, d));
    return dims;
  }

  // A scalar as a vector of one.
  static MaybeInts Vector(MaybeInts ints) {
    if (!ints.has_value() || !ints->scalar) return std::nullopt;
    ints->scalar = false;
    return ints;
  }

  MaybeInts Pack(int i, int depth) {
    Ints all;
    for (int k = 0; k < def_.num_data_inputs(i); ++k) {
      const MaybeInts one = InputOf(i, k, depth);
      if (!one.has_value() || !one->scalar) return std::nullopt;
      all.values.push_back(one->values[0]);
    }
    return all;
  }

  MaybeInts Concat(int i, int depth) {
    Ints all;
    for (int k = 0; k + 1 < def_.num_data_inputs(i); ++k) {
      const MaybeInts part = InputOf(i, k, depth);
      if (!part.has_value() || part->scalar) return std::nullopt;
      all.values.insert(all.values.end(), part->values.begin(), part->values.end());
    }
    return all;
  }

  // Input k, when it is one known number.
  std::optional<int64_t> Number(int i, int k, int depth) {
    const MaybeInts ints = InputOf(i, k, depth);
    if (!ints.has_value() || ints->values.size() != 1 || ints->values[0] <= kFirstSymbol)
      return std::nullopt;
    return ints->values[0];
  }

  MaybeInts Slice(int i, int depth) {
    const MaybeInts from = InputOf(i, 0, depth);
    const auto begin = Number(i, 1, depth), size = Number(i, 2, depth);
    if (!from.has_value() || from->scalar || !begin.has_value() || !size.has_value())
      return std::nullopt;
    const auto n = static_cast<int64_t>(from->values.size());
    const int64_t count = *size == -1 ? n - *begin : *size;
    if (*begin < 0 || count < 0 || *begin > n || count > n - *begin) return std::nullopt;
    return Ints{{from->values.begin() + *begin, from->values.begin() + *begin + count}};
  }

  int64_t Mask(int i, const char* name) const {
    const auto found = def_.node(i).attr().find(name);
    return found == def_.node(i).attr().end() ? 0 : found->second.i();
  }

  // v[begin:end], v[begin].
  MaybeInts StridedSlice(int i, int depth) {
    const MaybeInts from = InputOf(i, 0, depth);
    const auto begin = Number(i, 1, depth), end = Number(i, 2, depth), stride = Number(i, 3, depth);
    if (!from.has_value() || from->scalar || !begin.has_value() || !end.has_value() ||
        stride != 1 || Mask(i, "ellipsis_mask") != 0 || Mask(i, "new_axis_mask") != 0)
      return std::nullopt;
    const auto n = static_cast<int64_t>(from->values.size());
    const auto bound = [n](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + n : at, 0, n); };
    const int64_t first = Mask(i, "begin_mask") != 0 ? 0 : bound(*begin);
    if (Mask(i, "shrink_axis_mask") != 0) {
      if (first >= n) return std::nullopt;
      return Ints{{from->values[first]}, true};
    }
    const int64_t last = Mask(i, "end_mask") != 0 ? n : bound(*end);
    Ints part;
    for (int64_t k = first; k < last; ++k) part.values.push_back(from->values[k]);
    return part;
  }

  MaybeInts Gather(int i, int depth) {
    const MaybeInts from = InputOf(i, 0, depth), which = InputOf(i, 1, depth);
    if (!from.has_value() || from->scalar || !which.has_value()) return std::nullopt;
    Ints part{{}, which->scalar};
    for (const int64_t k : which->values) {
      if (k < 0 || k >= static_cast<int64_t>(from->values.size())) return std::nullopt;
      part.values.push_back(from->values[k]);
    }
    return part;
  }

  // Of scalars: of known ones, or by 1.
  MaybeInts Product(int i, int depth) {
    const MaybeInts a = InputOf(i, 0, depth), b = InputOf(i, 1, depth);
    if (!a.has_value() || !b.has_value() || !a->scalar || !b->scalar) return std::nullopt;
    const int64_t x = a->values[0], y = b->values[0];
    int64_t product = 0;
    if (x == 1) return b;
    if (y == 1) return a;
    if (x < 0 || y < 0 || __builtin_mul_overflow(x, y, &product)) return std::nullopt;
    return Ints{{product}, true};
  }

  const Graph& graph_;
  const DefEditor& def_;
  std::map<std::tuple<int, int, int>, int64_t> symbols_;  // node, output, dimension
};

// The product of what is known; nullopt for zeros and beyond 2^31.
std::optional<int64_t> KnownProduct(const std::vector<int64_t>& dims) {
  int64_t product = 1;
  for (const int64_t d : dims) {
    if (d < 0) continue;
    if (d == 0 || __builtin_mul_overflow(product, d, &product) || product > INT32_MAX)
      return std::nullopt;
  }
  return product;
}

}  // namespace

std::optional<std::vector<int64_t>> KnownReshape(const Graph& graph, const DefEditor& def,
                                                 int node) {
  Evaluator evaluator(graph, def);
  const MaybeInts shape = evaluator.InputOf(node, 1);
  if (!shape.has_value() || shape->scalar) return std::nullopt;
  std::vector<int64_t> dims = shape->values;
  const auto is_symbol = [](int64_t d) { return d <= kFirstSymbol; };
  const auto symbols = std::count_if(dims.begin(), dims.end(), is_symbol);
  const auto inferred = std::find(dims.begin(), dims.end(), -1);
  if (std::any_of(dims.begin(), dims.end(), [](int64_t d) { return d > INT32_MAX; }))
    return std::nullopt;
  if (symbols == 0) return dims;
  const std::optional<int64_t> known = KnownProduct(dims);
  if (symbols > 1 || !known.has_value()) return std::nullopt;
  const auto symbol = std::find_if(dims.begin(), dims.end(), is_symbol);
  if (inferred != dims.end()) {  // the symbol must be the one dimension of x that is not known
    const TensorShape x = evaluator.ShapeOf(node, 0);
    const std::vector<int64_t> of_x(x.dims().begin(), x.dims().end());
    if (std::count(of_x.begin(), of_x.end(), -1) != 1) return std::nullopt;
    const auto open = std::find(of_x.begin(), of_x.end(), -1) - of_x.begin();
    const std::optional<int64_t> elements = KnownProduct(of_x);
    if (*symbol != evaluator.Symbol(node, 0, static_cast<int>(open)) || !elements.has_value() ||
        *elements % *known != 0)
      return std::nullopt;
    *inferred = *elements / *known;
  }
  *symbol = -1;
  return dims;
}

}  // namespace sluice::train
