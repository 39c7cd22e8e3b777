#include "ops/rewrites/tile_group.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/dtype.h"
#include "graph/node.h"
#include "graph/op_spec.h"

namespace sluice::ops {
namespace {

using kernels::TileInput;
using kernels::TileOutput;
using kernels::TileSteps;

constexpr int kMostInputs = 16;
constexpr int kMostShared = 6;  // values that are written out besides the last
// Sums over few long rows would run on one thread.
constexpr int64_t kManyElements = 1 << 18;
constexpr int64_t kFewRows = 64;

bool IsElement(DType dtype) {
  return dtype == DType::kFloat || dtype == DType::kDouble || dtype == DType::kBool;
}

template <typename T>
bool HasValue(const std::vector<T>& list, const T& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

// The dimensions that a reduction sums over, as flags; nullopt where they are not known.
std::optional<std::vector<bool>> ReducedDims(const PlanEditor& plan, int work) {
  const TensorShape& shape = plan.shape(plan.inputs(work)[0]);
  const Tensor* axes = plan.constant(plan.inputs(work)[1]);
  if (axes == nullptr) return std::nullopt;
  std::vector<bool> reduced(shape.rank(), false);
  for (int64_t i = 0; i < axes->num_elements(); ++i) {
    int64_t axis =
        axes->dtype() == DType::kInt32 ? axes->data<int32_t>()[i] : axes->data<int64_t>()[i];
    if (axis < 0) axis += shape.rank();
    if (axis < 0 || axis >= shape.rank()) return std::nullopt;
    reduced[axis] = true;
  }
  return reduced;
}

int64_t ProductFrom(const TensorShape& shape, int first) {
  int64_t product = 1;
  for (int i = first; i < shape.rank(); ++i) product *= shape.dim(i);
  return product;
}

// Leading, trailing or all dimensions are reduced.
bool FindForm(const TensorShape& shape, const std::vector<bool>& reduced, TileFold* fold) {
  const auto count = std::count(reduced.begin(), reduced.end(), true);
  if (count == 0) return false;
  const int rank = shape.rank();
  if (count == rank) {
    fold->form = TileOutput::kSum;
    return true;
  }
  const bool leading = std::count(reduced.begin(), reduced.begin() + count, true) == count;
  const bool trailing = std::count(reduced.end() - count, reduced.end(), true) == count;
  if (!leading && !trailing) return false;
  fold->form = leading ? TileOutput::kColumnSums : TileOutput::kRowSums;
  fold->columns = ProductFrom(shape, static_cast<int>(leading ? count : rank - count));
  return true;
}

}  // namespace

std::optional<TileKernel> TileKernelOf(const PlanEditor& plan, int work) {
  if (work == PlanEditor::kNone) return std::nullopt;
  const Node& node = plan.node(work);
  const auto inputs = plan.inputs(work), outputs = plan.outputs(work);
  if (!node.spec().tiled() || outputs.size() != 1 || inputs.empty() || inputs.size() > 3)
    return std::nullopt;
  if (!IsElement(plan.dtype(outputs[0])) || plan.shape(outputs[0]).num_elements() == 0)
    return std::nullopt;
  for (const int v : inputs)
    if (!IsElement(plan.dtype(v))) return std::nullopt;
  return node.spec().tiled()(node.attrs(), plan.dtype(inputs.back()));
}

std::optional<TileFold> TileFoldOf(const PlanEditor& plan, int work) {
  if (plan.outputs(work).size() != 1) return std::nullopt;
  const bool bias = plan.Is(work, "BiasAddGrad");
  TileFold fold;
  fold.mean = plan.Is(work, "Mean");
  if (!bias && !fold.mean && !plan.Is(work, "Sum")) return std::nullopt;
  fold.value = plan.inputs(work)[0];
  const DType dtype = plan.dtype(fold.value);
  const TensorShape& shape = plan.shape(fold.value);
  if ((dtype != DType::kFloat && dtype != DType::kDouble) || shape.num_elements() == 0)
    return std::nullopt;
  if (bias) {
    if (plan.node(work).attr<std::string>("data_format") != "NHWC") return std::nullopt;
    fold.form = TileOutput::kColumnSums;
    fold.columns = shape.dim(-1);
  } else {
    const auto reduced = ReducedDims(plan, work);
    if (!reduced || !FindForm(shape, *reduced, &fold)) return std::nullopt;
  }
  const int64_t total = shape.num_elements();
  if (fold.form == TileOutput::kColumnSums && total >= kManyElements &&
      total / fold.columns < kFewRows)
    return std::nullopt;
  return fold;
}

TileGroup::TileGroup(const PlanEditor& plan, int last, int64_t columns)
    : plan_(plan), shape_(plan.shape(plan.outputs(last)[0])), columns_(columns) {
  invariant_ = plan.invariant(plan.outputs(last)[0]);
  ok_ = TryAdd(last, true);
}

int TileGroup::MemberThatMakes(int value) const {
  const auto found = index_.find(plan_.producer(value));
  return found == index_.end() ? -1 : found->second;
}

bool TileGroup::NeededOutside(int value) const {
  const auto readers = plan_.readers(value);
  return !plan_.only_readers(value) || !std::all_of(readers.begin(), readers.end(), [&](int r) {
    return r == reader_ || Contains(r);
  });
}

std::optional<TileInput> TileGroup::FormOf(int value, int64_t* columns) const {
  const TensorShape& shape = plan_.shape(value);
  if (shape.num_elements() == shape_.num_elements()) return TileInput::kWhole;
  if (shape.num_elements() == 1) return TileInput::kScalar;
  if (shape.rank() > shape_.rank()) return std::nullopt;
  // Dimensions of the chain that are not 1: the value has them all up to one, or from one on.
  const int missing = shape_.rank() - shape.rank();
  std::vector<bool> has;
  std::vector<int> dims;
  for (int i = 0; i < shape_.rank(); ++i) {
    if (shape_.dim(i) == 1) continue;
    dims.push_back(i);
    has.push_back(i >= missing && shape.dim(i - missing) == shape_.dim(i));
    if (!has.back() && i >= missing && shape.dim(i - missing) != 1) return std::nullopt;
  }
  const auto change = std::adjacent_find(has.begin(), has.end(), std::not_equal_to<>());
  if (change == has.end() ||
      std::adjacent_find(change + 1, has.end(), std::not_equal_to<>()) != has.end())
    return std::nullopt;
  const int64_t own = ProductFrom(shape_, dims[change - has.begin() + 1]);
  if (*columns != 0 && *columns != own) return std::nullopt;
  *columns = own;
  return *change ? TileInput::kColumn : TileInput::kRow;
}

bool TileGroup::TryAdd(int work, bool shared) {
  const auto kernel = TileKernelOf(plan_, work);
  if (!kernel) return false;
  const int value = plan_.outputs(work)[0];
  if (plan_.shape(value) != shape_) return false;
  if (!members_.empty() && plan_.invariant(value) != invariant_) return false;
  const bool needed = NeededOutside(value);
  if (needed && !members_.empty() && (!shared || written_ > kMostShared)) return false;
  int64_t columns = columns_;
  std::vector<int> outside = outside_;
  outside.erase(std::remove(outside.begin(), outside.end(), value), outside.end());
  for (const int v : plan_.inputs(work)) {
    if (!FormOf(v, &columns)) return false;
    if (MemberThatMakes(v) < 0 && !HasValue(outside, v)) outside.push_back(v);
  }
  if (outside.size() > kMostInputs) return false;
  outside_ = std::move(outside);
  columns_ = columns;
  written_ += needed;
  index_[work] = size();
  members_.push_back({work, *kernel});
  return true;
}

void TileGroup::Grow(bool shared) {
  for (bool grown = ok_; grown;) {  // again: a value's last reader may have come in
    grown = false;
    for (int i = 0; i < size(); ++i) {
      for (const int v : plan_.inputs(members_[i].work)) {
        const int maker = plan_.producer(v);
        if (maker == PlanEditor::kNone || Contains(maker)) continue;
        if (size() < TileSteps::kMaxSteps) grown |= TryAdd(maker, shared);
      }
    }
  }
}

std::string TileGroup::Text() const {
  std::string text;
  for (const int m : InOrder())
    absl::StrAppend(&text, text.empty() ? "" : " ", plan_.node(members_[m].work).op());
  return text;
}

std::vector<int> TileGroup::InOrder() const {
  std::vector<int> order;
  std::vector<uint8_t> state(members_.size(), 0);  // 1: on the stack with its makers, 2: placed
  std::vector<int> stack = {0};
  while (!stack.empty()) {
    const int m = stack.back();
    if (state[m] == 0) {
      state[m] = 1;
      for (const int v : plan_.inputs(members_[m].work)) {
        const int maker = MemberThatMakes(v);
        if (maker >= 0 && state[maker] == 0) stack.push_back(maker);
      }
    } else {
      stack.pop_back();
      if (state[m] == 1) order.push_back(m);
      state[m] = 2;
    }
  }
  return order;
}

int64_t TileGroup::BytesOf(int value) const {
  return plan_.shape(value).num_elements() * static_cast<int64_t>(SizeOf(plan_.dtype(value)));
}

TileGroup::Chain TileGroup::Build(bool with_last) const {
  Chain chain;
  const std::vector<int> order = InOrder();
  int64_t columns = columns_;
  for (const int m : order) {
    for (const int v : plan_.inputs(members_[m].work)) {
      if (MemberThatMakes(v) >= 0 || HasValue(chain.inputs, v)) continue;
      chain.inputs.push_back(v);
      const TileInput form = *FormOf(v, &columns);
      chain.steps.inputs.push_back({plan_.dtype(v), form});
      for (const Member& maker : members_) {
        chain.overwritable &=
            form == TileInput::kWhole || BytesOf(v) != BytesOf(plan_.outputs(maker.work)[0]);
      }
    }
  }
  std::vector<int> place(members_.size());
  const int first = static_cast<int>(chain.inputs.size());
  for (size_t k = 0; k < order.size(); ++k) place[order[k]] = first + static_cast<int>(k);
  const auto number = [&](int v) {
    const int m = MemberThatMakes(v);
    if (m >= 0) return place[m];
    return static_cast<int>(std::find(chain.inputs.begin(), chain.inputs.end(), v) -
                            chain.inputs.begin());
  };
  for (const int m : order) {
    const Member& member = members_[m];
    TileSteps::Step step{member.kernel, {}, plan_.dtype(plan_.outputs(member.work)[0])};
    for (const int v : plan_.inputs(member.work)) step.operands.push_back(number(v));
    chain.steps.steps.push_back(std::move(step));
  }
  for (size_t m = 0; m < members_.size(); ++m) {  // the last work first
    const int v = plan_.outputs(members_[m].work)[0];
    if ((m == 0 && with_last) || NeededOutside(v)) {
      chain.outputs.push_back(v);
      chain.steps.outputs.push_back({place[m]});
    }
  }
  chain.last_value = place[0];
  const int64_t total = shape_.num_elements();
  chain.steps.columns = columns == 0 ? total : columns;
  chain.steps.rows = total / chain.steps.columns;
  return chain;
}

}  // namespace sluice::ops
