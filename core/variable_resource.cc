#include "core/variable_resource.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "glog/logging.h"

namespace sluice {
namespace {

absl::Status NotInitialized(const std::string& name) {
  return absl::FailedPreconditionError(
      absl::StrCat("Error while reading resource variable ", name,
                   " from Container: localhost. This could mean that the variable was "
                   "uninitialized."));
}

absl::Status CheckFits(const VariableResource& variable, const Tensor& value) {
  if (value.dtype() != variable.dtype()) {
    return absl::InvalidArgumentError(absl::StrCat("variable '", variable.name(), "' holds ",
                                                   DTypeName(variable.dtype()), ", got ",
                                                   DTypeName(value.dtype())));
  }
  if (!variable.shape().CompatibleWith(value.shape())) {
    return absl::InvalidArgumentError(
        absl::StrCat("variable '", variable.name(),
                     "': Assign requires shapes of both tensors to match. lhs shape= ",
                     variable.shape().ToString(), " rhs shape= ", value.shape().ToString()));
  }
  return absl::OkStatus();
}

// Makes `value` the only holder of its buffer.
absl::Status MakeUnique(Tensor& value, const std::shared_ptr<MemoryBudget>& budget) {
  if (value.unique()) return absl::OkStatus();
  SLUICE_ASSIGN_OR_RETURN(value, value.Clone(budget));
  return absl::OkStatus();
}

}  // namespace

bool VariableResource::initialized() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return !value_.empty_handle();
}

absl::StatusOr<Tensor> VariableResource::Read() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (value_.empty_handle()) return NotInitialized(name_);
  return value_;
}

absl::Status VariableResource::Assign(Tensor value) {
  SLUICE_RETURN_IF_ERROR(CheckFits(*this, value));
  value.SetNewVersion();
  // After the swap `value` frees the old buffer, outside the lock.
  const std::lock_guard<std::mutex> lock(mutex_);
  std::swap(value_, value);
  return absl::OkStatus();
}

absl::Status VariableResource::AssignCopy(const Tensor& value,
                                          const std::shared_ptr<MemoryBudget>& budget) {
  SLUICE_RETURN_IF_ERROR(CheckFits(*this, value));
  const std::lock_guard<std::mutex> lock(mutex_);
  if (value_.unique() && value_.shape() == value.shape()) {
    value_.CopyElements(value);
    value_.SetNewVersion();
    return absl::OkStatus();
  }
  SLUICE_ASSIGN_OR_RETURN(value_, value.Clone(budget));
  value_.SetNewVersion();
  return absl::OkStatus();
}

absl::Status VariableResource::Update(const std::shared_ptr<MemoryBudget>& budget,
                                      const std::function<absl::Status(Tensor&)>& update) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (value_.empty_handle()) return NotInitialized(name_);
  SLUICE_RETURN_IF_ERROR(MakeUnique(value_, budget));
  value_.SetNewVersion();  // nobody can see the buffer before `update` has written it
  absl::Status updated = update(value_);
  value_.SetNewVersion();  // `update` may have replaced it
  return updated;
}

std::string VariableResource::DebugString() const {
  return absl::StrCat("variable '", Printable(name_), "' ", DTypeName(dtype_), shape_.ToString());
}

absl::Status VariableUpdate::Lock(absl::Span<VariableResource* const> variables,
                                  const std::shared_ptr<MemoryBudget>& budget) {
  CHECK_EQ(count_, 0) << "locked twice";
  CHECK_LE(variables.size(), size_t{kMax});
  // By address: everybody locks in the same order. (Insertion into a sorted array.)
  std::array<VariableResource*, kMax> ordered = {};
  auto end = ordered.begin();
  for (VariableResource* v : variables) {
    const auto position = std::upper_bound(ordered.begin(), end, v, std::less<VariableResource*>());
    std::move_backward(position, end, end + 1);
    *position = v;
    ++end;
  }
  const auto twice = std::adjacent_find(ordered.begin(), end);
  if (twice != end) {
    return absl::InvalidArgumentError(
        absl::StrCat("one update was given variable '", (*twice)->name(), "' twice"));
  }
  std::for_each(ordered.begin(), end, [](VariableResource* v) { v->mutex_.lock(); });
  std::copy(variables.begin(), variables.end(), variables_);
  count_ = static_cast<int>(variables.size());
  absl::Status prepared = PrepareLocked(budget);
  if (!prepared.ok()) Unlock();
  return prepared;
}

absl::Status VariableUpdate::PrepareLocked(const std::shared_ptr<MemoryBudget>& budget) {
  const absl::Span<VariableResource* const> locked(variables_, count_);
  for (const VariableResource* v : locked) {
    if (v->value_.empty_handle()) {
      return absl::FailedPreconditionError(
          absl::StrCat("Attempting to use uninitialized variables: ", v->name()));
    }
  }
  for (VariableResource* v : locked) {
    SLUICE_RETURN_IF_ERROR(MakeUnique(v->value_, budget));
    v->value_.SetNewVersion();  // nobody can read it before Unlock()
  }
  return absl::OkStatus();
}

Tensor& VariableUpdate::value(int i) {
  CHECK(i >= 0 && i < count_) << i << " of " << count_;
  return variables_[i]->value_;
}

void VariableUpdate::Unlock() {
  for (int i = 0; i < count_; ++i) {
    variables_[i]->value_.SetNewVersion();  // the update may have replaced the buffer
    variables_[i]->mutex_.unlock();
  }
  count_ = 0;
}

}  // namespace sluice
