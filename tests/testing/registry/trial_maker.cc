// How random calls are drawn: the half of op_trial.h that needs luck.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tests/testing/registry/op_trial.h"

namespace sluice {
namespace {

constexpr long double kHostileIntegers[] = {
    -0x1p63L, -0x1p31L, -7, -2, -1, 0, 1, 2, 3, 5, 0x1p31L - 1, 0x1p31L, 0x1p62L, 0x1p63L - 1};
constexpr float kInfinity = std::numeric_limits<float>::infinity();

bool IsIndexArg(const OpSpec& spec, const ArgSpec& arg) {
  const auto is_index = [](DType d) { return d == DType::kInt32 || d == DType::kInt64; };
  if (is_index(arg.type)) return true;
  const std::string& attr = !arg.type_attr.empty() ? arg.type_attr : arg.type_list_attr;
  if (attr.empty()) return false;
  const std::vector<DType>& allowed = spec.FindAttr(attr)->allowed_types;
  return !allowed.empty() && std::all_of(allowed.begin(), allowed.end(), is_index);
}

}  // namespace

// --- shapes ---

TensorShape TrialMaker::DrawShape() {
  static const int kRanks[] = {0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 4, 5};
  TensorShape shape;
  for (int rank = kRanks[Below(12)]; rank > 0; --rank)
    shape.AddDim(Chance(wild_ ? 15 : 2) ? 0 : Chance(15) ? 4 : Between(1, 3));
  return shape;
}

// A shape that has something to do with the trial's first one.
TensorShape TrialMaker::DrawRelatedShape() {
  TensorShape shape = base_;
  const int rank = shape.rank();
  if (rank == 0) return Chance(50) ? shape : TensorShape{Between(1, 3)};
  switch (Below(8)) {
    case 0:
      return {shape.dim(-1)};
    case 1:
      return {shape.dim(0)};
    case 2:
      shape.RemoveDim(rank - 1);
      return shape;
    case 3:
      shape.RemoveDim(0);
      return shape;
    case 4:
      shape.set_dim(static_cast<int>(Below(rank)), Between(1, 3));
      return shape;
    case 5:
      shape.set_dim(static_cast<int>(Below(rank)), 1);
      return shape;
    case 6:
      shape.AddDim(Between(1, 3));
      return shape;
    default:
      if (rank < 2) return shape;
      shape.set_dim(rank - 1, base_.dim(rank - 2));
      shape.set_dim(rank - 2, base_.dim(rank - 1));
      return shape;
  }
}

TensorShape TrialMaker::DrawIndexShape() {
  const int rank = base_.rank();
  switch (Below(10)) {
    case 0:
    case 1:
    case 2:
      return {};
    case 3:
      return {rank};
    case 4:
      return {rank > 0 ? base_.dim(0) : 1};
    case 5:
      return {length_};
    case 6:
      return {rank, 2};
    case 7:
      return base_;
    case 8:
      return {length_, 2};
    default:
      return DrawRelatedShape();
  }
}

TensorShape TrialMaker::ShapeOfInput(int i, bool index, bool first_data) {
  if (Wild(20)) return DrawShape();
  if (index && profile_ != 1) return alike_ ? index_shape_ : DrawIndexShape();
  if (first_data) return base_;
  switch (profile_) {
    case 0:
    case 1:
    case 2:
      return base_;  // all alike
    case 3:
      return i == 0 || base_.rank() == 0 ? base_ : TensorShape{base_.dim(-1)};
    case 4:
      return {};
    case 5:
      return DrawRelatedShape();
    default:
      if (Chance(40)) return base_;
      return Chance(40) ? TensorShape() : Chance(80) ? DrawRelatedShape() : DrawShape();
  }
}

// --- elements ---

std::vector<long double> TrialMaker::DrawIntegers(int64_t n, bool index) {
  std::vector<long double> values(n);
  const int64_t constant = index && alike_ ? length_ % 3 : Between(0, 3);
  int64_t way = index ? Below(8) : Below(12);
  if (index && alike_ && Chance(60)) way = 0;
  if (index && n == base_.rank() && Chance(30)) way = 5;
  for (int64_t i = 0; i < n; ++i) {
    switch (way) {
      case 0:
      case 1:
        values[i] = constant;
        break;
      case 2:
        values[i] = Between(0, 2);
        break;
      case 3:
        values[i] = i;
        break;
      case 4:
        values[i] = n - 1 - i;
        break;
      case 5:
        values[i] = base_.rank() > 0 ? base_.dim(static_cast<int>(i % base_.rank())) : 1;
        break;
      case 6:
        values[i] = Between(1, 3);
        break;
      case 7:
        values[i] = Between(-2, 2);
        break;
      default:
        values[i] = Between(-5, 9);
        break;
    }
  }
  if (way == 2 && Chance(50)) std::sort(values.begin(), values.end());
  return values;
}

std::vector<long double> TrialMaker::DrawFloats(int64_t n) {
  std::vector<long double> values(n);
  const int64_t way = Below(10);
  for (long double& v : values) {
    const long double unit = static_cast<long double>(Between(1, 999)) / 1000;
    if (way < 4)
      v = unit;
    else if (way < 7)
      v = 4 * unit - 2;
    else if (way == 7)
      v = 1 + unit;
    else
      v = Between(0, 3);
  }
  return values;
}

Tensor TrialMaker::DrawTensor(DType dtype, const TensorShape& shape, bool index) {
  const int64_t n = shape.num_elements();
  const bool whole = !IsFloating(dtype) && !IsComplex(dtype);
  std::vector<long double> values = whole ? DrawIntegers(n, index) : DrawFloats(n);
  if (Wild(40)) {
    const int64_t percent = Between(10, 100);
    static const long double kSpecials[] = {NAN,    INFINITY, -INFINITY, -0.0L,
                                            1e300L, 1e-42L,   -1e30L};
    for (long double& v : values) {
      if (!Chance(static_cast<int>(percent))) continue;
      v = whole ? kHostileIntegers[Below(std::size(kHostileIntegers))]
                : kSpecials[Below(std::size(kSpecials))];
    }
  }
  Tensor tensor = MakeTensor(dtype, shape, values);
  if (dtype == DType::kString && Chance(70)) {
    static const char* kWords[] = {"",     "a",    "b",        "hello world", "a,b",
                                   "-1.5", "%d%s", "\xc3\xa9", "\xff",        "x/y"};
    for (std::string& s : tensor.mutable_flat<std::string>()) s = kWords[Below(std::size(kWords))];
  }
  return tensor;
}

// --- attributes ---

int64_t TrialMaker::DrawInt(const AttrSpec& attr) {
  if (Wild(25)) return static_cast<int64_t>(kHostileIntegers[Below(std::size(kHostileIntegers))]);
  return attr.minimum.value_or(0) + Below(4);
}

float TrialMaker::DrawFloat() {
  static const float kSane[] = {0, 0.5f, 1, 2, 0.001f};
  static const float kHostile[] = {NAN, kInfinity, -kInfinity, -1, -0.0f, 1e38f, 1e-42f};
  return Wild(30) ? kHostile[Below(std::size(kHostile))] : kSane[Below(std::size(kSane))];
}

std::string TrialMaker::DrawString(const AttrSpec& attr) {
  if (!attr.allowed_strings.empty() && !Wild(3)) return OneOf(attr.allowed_strings);
  static const std::vector<std::string> kWords = {"", "a", "NHWC", "NCHW", "SAME", "b,c", "0"};
  return OneOf(kWords);
}

DType TrialMaker::DrawType(const AttrSpec& attr) {
  const auto fixed = fixed_.find(attr.name);
  if (fixed != fixed_.end()) return fixed->second;
  const std::vector<DType> types = TrialDTypes(attr);
  if (types.empty()) return attr.allowed_types.empty() ? DType::kFloat : attr.allowed_types[0];
  if (!Wild(50)) {  // the usual ones more often
    const DType d = OneOf(types);
    if (!IsMissing(spec_, attr.name, d)) return d;
  }
  return OneOf(types);
}

std::vector<int64_t> TrialMaker::DrawInts(int64_t n) {
  std::vector<int64_t> values(n, 1);
  const int64_t way = Below(4), k = Between(1, 3);
  for (int64_t i = 0; i < n; ++i) {
    if (way == 1 && i > 0 && i + 1 < n) values[i] = k;
    if (way == 2) values[i] = Between(0, 3);
    if (Wild(15))
      values[i] = static_cast<int64_t>(kHostileIntegers[Below(std::size(kHostileIntegers))]);
  }
  return values;
}

AttrValue TrialMaker::DrawList(const AttrSpec& attr, const std::string& element) {
  static const int kLengths[] = {4, 4, 4, 5, 1, 2, 3, 0};
  int64_t n = attr.minimum.has_value() && Chance(70) ? *attr.minimum : kLengths[Below(8)];
  if (element == "type") n = std::max<int64_t>(attr.minimum.value_or(0), Below(3));
  if (element == "int") return Chance(30) && !wild_ ? std::vector<int64_t>(n, 1) : DrawInts(n);
  std::vector<float> floats;
  std::vector<bool> bools;
  std::vector<std::string> strings;
  std::vector<TensorShape> shapes;
  std::vector<DType> types;
  for (int64_t i = 0; i < n; ++i) {
    floats.push_back(DrawFloat());
    bools.push_back(Chance(50));
    strings.push_back(DrawString(attr));
    shapes.push_back(Chance(60) ? base_ : DrawShape());
    types.push_back(DrawType(attr));
  }
  if (element == "float") return floats;
  if (element == "bool") return bools;
  if (element == "string") return strings;
  if (element == "shape") return shapes;
  if (element == "type") return types;
  return EmptyList{};
}

bool TrialMaker::Counts(const std::string& attr) const {
  const auto counted = [&](const ArgSpec& arg) { return arg.number_attr == attr; };
  return std::any_of(spec_.inputs().begin(), spec_.inputs().end(), counted);
}

AttrValue TrialMaker::DrawAttr(const AttrSpec& attr) {
  absl::string_view element = attr.type;
  if (attr.type == "type") return DrawType(attr);
  const bool types = attr.type == "list(type)";
  if (attr.default_value && !types && Chance(wild_ ? 50 : 60)) return *attr.default_value;
  if (Counts(attr.name)) return std::max<int64_t>(attr.minimum.value_or(0), Between(1, 3));
  if (absl::ConsumePrefix(&element, "list(") && absl::ConsumeSuffix(&element, ")"))
    return DrawList(attr, std::string(element));
  if (attr.type == "int") return DrawInt(attr);
  if (attr.type == "float") return DrawFloat();
  if (attr.type == "bool") return Chance(50);
  if (attr.type == "string") return DrawString(attr);
  if (attr.type == "shape") {
    if (Wild(10)) return TensorShape::Unknown();
    TensorShape shape = Chance(50) ? base_ : DrawShape();
    if (shape.rank() > 0 && Chance(20)) shape.set_dim(0, -1);
    return shape;
  }
  return DrawTensor(fixed_.empty() ? OneOf(TrialDTypes()) : fixed_.begin()->second, DrawShape(),
                    false);
}

// --- whole trials ---

void TrialMaker::DrawInputs(OpTrial* trial) {
  absl::StatusOr<std::vector<DType>> types = InputValueTypes(spec_, trial->attrs);
  if (!types.ok()) return;
  size_t next = 0;
  bool first_data = true;
  for (const ArgSpec& arg : spec_.inputs()) {
    const bool index = IsIndexArg(spec_, arg);
    int64_t count = 1;
    if (!arg.number_attr.empty()) count = GetAttr<int64_t>(trial->attrs, arg.number_attr);
    if (!arg.type_list_attr.empty())
      count = static_cast<int64_t>(
          GetAttr<std::vector<DType>>(trial->attrs, arg.type_list_attr).size());
    for (int64_t i = 0; i < count && next < types->size(); ++i, ++next) {
      const TensorShape shape = ShapeOfInput(static_cast<int>(next), index, !index && first_data);
      trial->inputs.push_back(DrawTensor((*types)[next], shape, index));
      first_data = first_data && index;
    }
  }
}

OpTrial TrialMaker::Fresh() {
  wild_ = !only_sane_ && Chance(45);
  profile_ = static_cast<int>(Below(9));
  base_ = DrawShape();
  length_ = Between(1, 4);
  alike_ = Chance(40);
  index_shape_ = DrawIndexShape();
  OpTrial trial;
  for (const AttrSpec& attr : spec_.attrs()) {
    if (attr.default_value && attr.type != "type" && Chance(20) && !Counts(attr.name) &&
        attr.type != "list(type)")
      continue;  // left out
    trial.attrs[attr.name] = DrawAttr(attr);
  }
  for (auto& [name, value] : trial.attrs) {  // a tensor attribute is of the type that is named
    const Tensor* tensor = value.get_if<Tensor>();
    const AttrValue* dtype = FindAttr(trial.attrs, "dtype");
    if (tensor && dtype && !Wild(10)) value = DrawTensor(*dtype->get_if<DType>(), base_, false);
  }
  DrawInputs(&trial);
  trial.uninitialized = Wild(10);
  return trial;
}

OpTrial TrialMaker::Mutated(const OpTrial& from) {
  wild_ = !only_sane_;
  OpTrial trial = from;
  base_ = from.inputs.empty() ? DrawShape() : from.inputs[0].shape();
  for (int64_t changes = Between(1, 2); changes > 0; --changes) {
    const bool change_attr = trial.inputs.empty() || Chance(40);
    if (change_attr && !spec_.attrs().empty()) {
      const AttrSpec& attr = OneOf(spec_.attrs());
      const AttrValue value = DrawAttr(attr);
      if (const DType* dtype = value.get_if<DType>()) {
        trial = Retyped(spec_, trial, attr.name, *dtype);
      } else if (!Counts(attr.name) && attr.type != "list(type)") {
        trial.attrs[attr.name] = value;
      } else if (Chance(10) && attr.type == "int") {
        trial.attrs[attr.name] = DrawInt(attr);
      }
    } else if (!trial.inputs.empty()) {
      Tensor& input = trial.inputs[Below(static_cast<int64_t>(trial.inputs.size()))];
      TensorShape shape = input.shape();
      if (Chance(40)) {
        shape = DrawShape();
        if (input.shape().rank() > 0 && Chance(60)) {
          shape = input.shape();
          shape.set_dim(static_cast<int>(Below(shape.rank())), Between(0, 3));
        }
      }
      input = DrawTensor(input.dtype(), shape, Chance(70));
    }
  }
  return trial;
}

}  // namespace sluice
