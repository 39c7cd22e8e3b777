// One call of an op as data, and random calls: what the tests over the whole registry are made of.
#ifndef SLUICE_TESTS_TESTING_REGISTRY_OP_TRIAL_H_
#define SLUICE_TESTS_TESTING_REGISTRY_OP_TRIAL_H_

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/attr_value.h"
#include "core/tensor.h"
#include "graph/op_spec.h"

namespace sluice {

// Attributes and flat inputs. The inputs' dtypes are what the attributes say; nothing else need
// fit. For a resource or a reference the input is the value of a variable.
struct OpTrial {
  AttrMap attrs;
  std::vector<Tensor> inputs;
  bool uninitialized = false;  // its variables have no value yet
  // "attrs {T: float32, ...} inputs float32[2] {1, 2}, ...", for failures.
  std::string ToString() const;
};

// `values` as elements of `dtype`: integers are clamped, the imaginary part is 0.
Tensor MakeTensor(DType dtype, const TensorShape& shape, const std::vector<long double>& values);

// The types that a test over all dtypes visits: what a Tensor can hold, but handles.
const std::vector<DType>& TrialDTypes();
// Those of them that a type attribute (also of a list) may have.
std::vector<DType> TrialDTypes(const AttrSpec& attr);
// Does the spec say that it has no kernel when `attr` is `dtype`?
bool IsMissing(const OpSpec& spec, const std::string& attr, DType dtype);
// ... or so for any attribute of the trial?
bool UsesMissing(const OpSpec& spec, const AttrMap& attrs);

// Ops that a call by itself tells something about: a kernel or an alias, no functions, no variants,
// and no part in the flow of control.
bool CanTry(const OpSpec& spec);
// Is the argument a variable?
inline bool IsVariable(const ArgSpec& arg) { return arg.is_ref || arg.type == DType::kResource; }
bool TakesVariables(const OpSpec& spec);

// For every flat argument its ArgSpec. Attributes as in a trial; of huge counts the first 100.
std::vector<const ArgSpec*> FlatArgs(const std::vector<ArgSpec>& args, const AttrMap& attrs);

// The dtypes of the inputs of a trial: those of the flat arguments, and for variables what they
// hold.
absl::StatusOr<std::vector<DType>> InputValueTypes(const OpSpec& spec, const AttrMap& attrs);

// `trial` with type attribute `attr` set to `dtype` and the inputs (and tensor attributes) that
// follow it converted. A list of types becomes as many times `dtype`.
OpTrial Retyped(const OpSpec& spec, const OpTrial& trial, const std::string& attr, DType dtype);

// Draws calls of one op. The same seed gives the same calls. Half of what is drawn tries to fit
// together (shapes alike or related, small indices, defaults); the other half holds whatever a
// hostile file could: zero, negative and huge numbers, NaN, infinities, lists and shapes that do
// not fit.
class TrialMaker {
 public:
  TrialMaker(const OpSpec& spec, uint64_t seed) : spec_(spec), random_(seed) {}

  // Type attributes that are not drawn but given.
  void Fix(const std::string& attr, DType dtype) { fixed_[attr] = dtype; }
  // Gives another trial the fixed types.
  void Retype(OpTrial* trial) const {
    for (const auto& [attr, dtype] : fixed_) *trial = Retyped(spec_, *trial, attr, dtype);
  }
  // Only calls that try to fit together.
  void OnlySane() { only_sane_ = true; }

  OpTrial Fresh();
  // `from` with one or two things changed: an attribute, an input's values, an input's shape.
  OpTrial Mutated(const OpTrial& from);

 private:
  int64_t Below(int64_t n) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(n)); }
  int64_t Between(int64_t low, int64_t high) { return low + Below(high - low + 1); }
  bool Chance(int percent) { return Below(100) < percent; }
  bool Wild(int percent) { return wild_ && Chance(percent); }
  template <typename T>
  const T& OneOf(const std::vector<T>& list) {
    return list[Below(static_cast<int64_t>(list.size()))];
  }

  TensorShape DrawShape();
  TensorShape DrawIndexShape();
  TensorShape DrawRelatedShape();
  TensorShape ShapeOfInput(int i, bool index, bool first_data);
  Tensor DrawTensor(DType dtype, const TensorShape& shape, bool index);
  std::vector<long double> DrawIntegers(int64_t n, bool index);
  std::vector<long double> DrawFloats(int64_t n);
  AttrValue DrawAttr(const AttrSpec& attr);
  AttrValue DrawList(const AttrSpec& attr, const std::string& element);
  int64_t DrawInt(const AttrSpec& attr);
  float DrawFloat();
  std::string DrawString(const AttrSpec& attr);
  std::vector<int64_t> DrawInts(int64_t n);
  DType DrawType(const AttrSpec& attr);
  bool Counts(const std::string& attr) const;
  void DrawInputs(OpTrial* trial);

  const OpSpec& spec_;
  std::mt19937_64 random_;
  std::map<std::string, DType> fixed_;
  bool only_sane_ = false;
  // Of the trial being drawn:
  bool wild_ = false;
  int profile_ = 0;
  TensorShape base_;         // of the first input, more or less
  int64_t length_ = 1;       // of index vectors
  bool alike_ = false;       // index inputs have one shape,
  TensorShape index_shape_;  // this one
};

}  // namespace sluice

#endif  // SLUICE_TESTS_TESTING_REGISTRY_OP_TRIAL_H_
