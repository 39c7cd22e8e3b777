// The table behind the handle of HashTable and MutableHashTable: values by keys.
#ifndef SLUICE_OPS_LOOKUP_TABLE_RESOURCE_H_
#define SLUICE_OPS_LOOKUP_TABLE_RESOURCE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/dtype.h"
#include "core/kernel.h"
#include "core/tensor.h"

namespace sluice::ops {

// How a table gets its entries.
enum class TableKind : uint8_t {
  kInitializedOnce,  // HashTable: all at once, never changed
  kMutable,          // MutableHashTable: inserted, removed, replaced at any time
};

// Thread-safe. Keys are int32, int64 or strings; values bool, int32, int64, float, double or
// strings: scalars.
class LookupTable : public Resource {
 public:
  // Unimplemented for other dtypes.
  static absl::StatusOr<std::shared_ptr<LookupTable>> Make(std::string name, TableKind kind,
                                                           DType key_dtype, DType value_dtype);
  ~LookupTable() override = default;

  const std::string& name() const { return name_; }
  TableKind kind() const { return kind_; }
  DType key_dtype() const { return key_dtype_; }
  DType value_dtype() const { return value_dtype_; }
  std::string DebugString() const override;

  // How many entries; 0 before a kInitializedOnce table has its.
  int64_t size() const;
  // values[i] = the value of keys[i], default_value (a scalar) where there is none.
  // FailedPrecondition "Table not initialized.". REQUIRES: the table's dtypes, as many values as
  // keys.
  absl::Status Find(const Tensor& keys, const Tensor& default_value, Tensor* values) const;
  // kInitializedOnce: all entries. InvalidArgument "HashTable has different value for same key.
  // ..."; FailedPrecondition "Table was already initialized with different data." for another
  // number of entries than it has; otherwise a second time changes nothing.
  absl::Status Initialize(const Tensor& keys, const Tensor& values);
  // kMutable, else Unimplemented. An entry replaces an older one of the same key.
  absl::Status Insert(const Tensor& keys, const Tensor& values);
  absl::Status Import(const Tensor& keys, const Tensor& values);  // in place of all entries
  absl::Status Remove(const Tensor& keys);
  // Calls `allocate` with the number of entries, then fills the two vectors that it gave, in
  // ascending order of the keys.
  struct Entries {
    Tensor* keys = nullptr;
    Tensor* values = nullptr;
  };
  absl::Status Export(const std::function<absl::StatusOr<Entries>(int64_t)>& allocate) const;

 protected:
  LookupTable(std::string name, TableKind kind, DType key_dtype, DType value_dtype)
      : name_(std::move(name)), kind_(kind), key_dtype_(key_dtype), value_dtype_(value_dtype) {}

 private:
  // Under the lock, typed.
  virtual int64_t CountLocked() const = 0;
  virtual void FindLocked(const Tensor& keys, const Tensor& fallback, Tensor* values) const = 0;
  virtual absl::Status AddNewLocked(const Tensor& keys, const Tensor& values) = 0;
  virtual void InsertLocked(const Tensor& keys, const Tensor& values) = 0;
  virtual void RemoveLocked(const Tensor& keys) = 0;
  virtual void ClearLocked() = 0;
  virtual void ExportLocked(const Entries& to) const = 0;

  absl::Status CheckMutable(const char* what) const;

  const std::string name_;
  const TableKind kind_;
  const DType key_dtype_, value_dtype_;
  mutable std::mutex mutex_;
  bool initialized_ = false;
};

// The table that input i of a kernel names (see VariableInput, ops/variable_util.h).
class TableInput {
 public:
  static absl::StatusOr<TableInput> Resolve(const PrepareContext& p, int i);
  // InvalidArgument when the handle names something else. REQUIRES: the kernel's own context.
  absl::StatusOr<LookupTable*> Get(const KernelContext& c) const;

 private:
  int input_ = 0;
  std::shared_ptr<LookupTable> known_;
};

}  // namespace sluice::ops

#endif  // SLUICE_OPS_LOOKUP_TABLE_RESOURCE_H_
