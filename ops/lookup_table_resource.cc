#include "ops/lookup_table_resource.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "core/status.h"

namespace sluice::ops {
namespace {

template <typename Key, typename Value>
class TypedTable final : public LookupTable {
 public:
  TypedTable(std::string name, TableKind kind)
      : LookupTable(std::move(name), kind, DTypeOf<Key>::value, DTypeOf<Value>::value) {}

 private:
  int64_t CountLocked() const override { return static_cast<int64_t>(entries_.size()); }

  void FindLocked(const Tensor& keys, const Tensor& fallback, Tensor* values) const override {
    const absl::Span<const Key> from = keys.flat<Key>();
    const absl::Span<Value> to = values->mutable_flat<Value>();
    for (size_t i = 0; i < from.size(); ++i) {
      const auto found = entries_.find(from[i]);
      to[i] = found == entries_.end() ? fallback.flat<Value>()[0] : found->second;
    }
  }

  absl::Status AddNewLocked(const Tensor& keys, const Tensor& values) override {
    for (int64_t i = 0; i < keys.num_elements(); ++i) {
      const Key& key = keys.flat<Key>()[i];
      const Value& value = values.flat<Value>()[i];
      const auto [entry, added] = entries_.try_emplace(key, value);
      if (added || entry->second == value) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("HashTable has different value for same key. Key ", key, " has ",
                       entry->second, " and trying to add value ", value));
    }
    return absl::OkStatus();
  }

  void InsertLocked(const Tensor& keys, const Tensor& values) override {
    for (int64_t i = 0; i < keys.num_elements(); ++i) {
      entries_.insert_or_assign(keys.flat<Key>()[i], values.flat<Value>()[i]);
    }
  }

  void RemoveLocked(const Tensor& keys) override {
    for (const Key& key : keys.flat<Key>()) entries_.erase(key);
  }

  void ClearLocked() override { entries_.clear(); }

  void ExportLocked(const Entries& to) const override {
    std::vector<std::pair<Key, Value>> sorted(entries_.begin(), entries_.end());
    std::sort(sorted.begin(), sorted.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    for (size_t i = 0; i < sorted.size(); ++i) {
      to.keys->mutable_flat<Key>()[i] = std::move(sorted[i].first);
      to.values->mutable_flat<Value>()[i] = std::move(sorted[i].second);
    }
  }

  absl::flat_hash_map<Key, Value> entries_;
};

absl::Status NotATable(int i, const Tensor& handle) {
  return absl::InvalidArgumentError(
      absl::StrCat("input ", i, " must be the handle of a table, got ", handle.DebugString()));
}

absl::StatusOr<std::shared_ptr<LookupTable>> TableOf(const Tensor& handle, int i) {
  if (handle.dtype() != DType::kResource || handle.num_elements() != 1) {
    return NotATable(i, handle);
  }
  auto table = std::dynamic_pointer_cast<LookupTable>(handle.scalar<ResourceRef>());
  if (table == nullptr) return NotATable(i, handle);
  return table;
}

}  // namespace

absl::StatusOr<std::shared_ptr<LookupTable>> LookupTable::Make(std::string name, TableKind kind,
                                                               DType key_dtype, DType value_dtype) {
  std::shared_ptr<LookupTable> table;
  const absl::Status made = Dispatch<int32_t, int64_t, std::string>(key_dtype, [&](auto key_tag) {
    return Dispatch<bool, int32_t, int64_t, float, double, std::string>(
        value_dtype, [&](auto value_tag) {
          using Key = typename decltype(key_tag)::type;
          using Value = typename decltype(value_tag)::type;
          table = std::make_shared<TypedTable<Key, Value>>(std::move(name), kind);
          return absl::OkStatus();
        });
  });
  if (made.ok()) return table;
  return absl::UnimplementedError(
      absl::StrCat("no table from ", DTypeName(key_dtype), " to ", DTypeName(value_dtype)));
}

std::string LookupTable::DebugString() const {
  return absl::StrCat("table '", Printable(name_), "' from ", DTypeName(key_dtype_), " to ",
                      DTypeName(value_dtype_));
}

int64_t LookupTable::size() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return kind_ == TableKind::kMutable || initialized_ ? CountLocked() : 0;
}

absl::Status LookupTable::Find(const Tensor& keys, const Tensor& default_value,
                               Tensor* values) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (kind_ == TableKind::kInitializedOnce && !initialized_) {
    return absl::FailedPreconditionError("Table not initialized.");
  }
  FindLocked(keys, default_value, values);
  return absl::OkStatus();
}

absl::Status LookupTable::Initialize(const Tensor& keys, const Tensor& values) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (kind_ == TableKind::kMutable) {
    return absl::InvalidArgumentError(
        absl::StrCat("Table ", Printable(name_), " is not initializable"));
  }
  if (initialized_) {
    if (keys.num_elements() == CountLocked()) return absl::OkStatus();
    return absl::FailedPreconditionError("Table was already initialized with different data.");
  }
  const absl::Status added = AddNewLocked(keys, values);
  if (!added.ok()) ClearLocked();
  initialized_ = added.ok();
  return added;
}

absl::Status LookupTable::CheckMutable(const char* what) const {
  if (kind_ == TableKind::kMutable) return absl::OkStatus();
  return absl::UnimplementedError(
      absl::StrCat(what, " not supported by InitializableLookupTable implementations"));
}

absl::Status LookupTable::Insert(const Tensor& keys, const Tensor& values) {
  SLUICE_RETURN_IF_ERROR(CheckMutable("Insert"));
  const std::lock_guard<std::mutex> lock(mutex_);
  InsertLocked(keys, values);
  return absl::OkStatus();
}

absl::Status LookupTable::Import(const Tensor& keys, const Tensor& values) {
  SLUICE_RETURN_IF_ERROR(CheckMutable("Import"));
  const std::lock_guard<std::mutex> lock(mutex_);
  ClearLocked();
  InsertLocked(keys, values);
  return absl::OkStatus();
}

absl::Status LookupTable::Remove(const Tensor& keys) {
  SLUICE_RETURN_IF_ERROR(CheckMutable("Remove"));
  const std::lock_guard<std::mutex> lock(mutex_);
  RemoveLocked(keys);
  return absl::OkStatus();
}

absl::Status LookupTable::Export(
    const std::function<absl::StatusOr<Entries>(int64_t)>& allocate) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (kind_ == TableKind::kInitializedOnce && !initialized_) {
    return absl::AbortedError("HashTable is not initialized.");
  }
  SLUICE_ASSIGN_OR_RETURN(const Entries to, allocate(CountLocked()));
  ExportLocked(to);
  return absl::OkStatus();
}

absl::StatusOr<TableInput> TableInput::Resolve(const PrepareContext& p, int i) {
  TableInput input;
  input.input_ = i;
  if (const Tensor* handle = p.constant_input(i)) {
    SLUICE_ASSIGN_OR_RETURN(input.known_, TableOf(*handle, i));
  }
  return input;
}

absl::StatusOr<LookupTable*> TableInput::Get(const KernelContext& c) const {
  if (known_ != nullptr) return known_.get();
  SLUICE_ASSIGN_OR_RETURN(const std::shared_ptr<LookupTable> table,
                          TableOf(c.input(input_), input_));
  return table.get();  // the session and the input tensor keep it
}

}  // namespace sluice::ops
