// The value of a variable: a copy-on-write tensor that a session owns.
#ifndef SLUICE_CORE_VARIABLE_RESOURCE_H_
#define SLUICE_CORE_VARIABLE_RESOURCE_H_

#include <functional>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/dtype.h"
#include "core/memory.h"
#include "core/tensor.h"

namespace sluice {

// A read is a snapshot (shares the buffer, copies nothing). An update writes in place when nobody
// holds a snapshot, else into a fresh buffer. So concurrent runs never race, and the usual training
// step never copies. Thread-safe.
class VariableResource : public Resource {
 public:
  VariableResource(std::string name, DType dtype, TensorShape shape)
      : name_(std::move(name)), dtype_(dtype), shape_(std::move(shape)) {}

  const std::string& name() const { return name_; }
  DType dtype() const { return dtype_; }
  const TensorShape& shape() const { return shape_; }  // declared; may be partly unknown

  bool initialized() const;
  // The current value, shared. FailedPrecondition when nothing was assigned yet (rule VAR-11's
  // text).
  absl::StatusOr<Tensor> Read() const;
  // The value becomes `value` (shared when `value` is not part of a planned arena; pass a Clone
  // otherwise). InvalidArgument when dtype or declared shape do not fit.
  absl::Status Assign(Tensor value);
  // Copies `value`'s elements in: into the present buffer when nobody else holds it and the shape
  // is the same, else into a fresh one.
  absl::Status AssignCopy(const Tensor& value, const std::shared_ptr<MemoryBudget>& budget);
  // Calls `update` with the value, alone in its buffer (a copy is made first when somebody holds a
  // snapshot), under the variable's lock. FailedPrecondition when not initialized.
  absl::Status Update(const std::shared_ptr<MemoryBudget>& budget,
                      const std::function<absl::Status(Tensor&)>& update);
  std::string DebugString() const override;

 private:
  friend class VariableUpdate;
  const std::string name_;
  const DType dtype_;
  const TensorShape shape_;
  mutable std::mutex mutex_;
  Tensor value_;
};

// Locks several variables at once for one fused update (a weight with its slots), in an order that
// cannot deadlock, and makes each writable in place. The same variable given twice is
// InvalidArgument.
class VariableUpdate {
 public:
  static constexpr int kMax = 8;
  VariableUpdate() = default;
  VariableUpdate(const VariableUpdate&) = delete;
  VariableUpdate& operator=(const VariableUpdate&) = delete;
  // FailedPrecondition naming the first variable that is not initialized ("Attempting to use
  // uninitialized variables: ..."). At most kMax variables. After an error nothing is locked.
  absl::Status Lock(absl::Span<VariableResource* const> variables,
                    const std::shared_ptr<MemoryBudget>& budget);
  // Variable i of the list given.
  Tensor& value(int i);
  ~VariableUpdate() { Unlock(); }

 private:
  absl::Status PrepareLocked(const std::shared_ptr<MemoryBudget>& budget);
  void Unlock();

  VariableResource* variables_[kMax] = {};
  int count_ = 0;
};

}  // namespace sluice

#endif  // SLUICE_CORE_VARIABLE_RESOURCE_H_
