#include "ops/lookup_table.h"

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

#include "core/status.h"
#include "graph/op_spec.h"
#include "ops/lookup_table_resource.h"
#include "ops/vocabulary_file.h"

namespace sluice::ops {
namespace {

// --- shapes --------------------------------------------------------------------------------------

template <bool reference>
absl::Status HandleShape(ShapeContext& c) {
  c.set_output(0, reference ? TensorShape({2}) : TensorShape());
  return absl::OkStatus();
}

// A handle is a scalar; a reference to one has two elements.
absl::Status CheckHandle(const ShapeContext& c, bool reference) {
  SLUICE_ASSIGN_OR_RETURN(const TensorShape handle, c.WithRank(0, reference ? 1 : 0));
  if (!reference || handle.CompatibleWith({2})) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("Dimension must be 2 but is ", handle.dim(0)));
}

template <bool reference>
absl::Status FindShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(CheckHandle(c, reference));
  if (c.input(2).rank() > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("Shape must be at most rank 1 but is rank ", c.input(2).rank()));
  }
  c.set_output(0, c.input(1));
  return absl::OkStatus();
}

template <bool reference>
absl::Status SizeShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(CheckHandle(c, reference));
  return shapes::Scalar(c);
}

template <bool reference>
absl::Status ExportShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(CheckHandle(c, reference));
  for (const int i : {0, 1}) c.set_output(i, TensorShape::OfRank(1));
  return absl::OkStatus();
}

template <bool reference>
absl::Status InsertShape(ShapeContext& c) {
  return CheckHandle(c, reference);
}

template <bool reference>
absl::Status InitializeShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(CheckHandle(c, reference));
  SLUICE_ASSIGN_OR_RETURN(const TensorShape keys, c.WithRank(1, 1));
  return keys.MergeWith(c.input(2)).status();
}

template <bool reference>
absl::Status TextFileShape(ShapeContext& c) {
  SLUICE_RETURN_IF_ERROR(CheckHandle(c, reference));
  return c.WithRank(1, 0).status();
}

// --- kernels -------------------------------------------------------------------------------------

template <TableKind kind>
absl::StatusOr<KernelRun> HandlePrepare(PrepareContext& p) {
  const auto shared_name = p.attr<std::string>("shared_name");
  const auto container = p.attr<std::string>("container");
  const std::string name = shared_name.empty() ? p.node_name() : shared_name;
  const auto keys = p.attr<DType>("key_dtype"), values = p.attr<DType>("value_dtype");
  SLUICE_ASSIGN_OR_RETURN(const std::shared_ptr<LookupTable> fresh,
                          LookupTable::Make(name, kind, keys, values));
  // '|' stands in no name: containers and variables cannot meet.
  SLUICE_ASSIGN_OR_RETURN(
      ResourceRef resource,
      p.resources().GetOrCreate(absl::StrCat(container, "|table|", name), [&] { return fresh; }));
  const auto* table = dynamic_cast<const LookupTable*>(resource.get());
  if (table == nullptr || table->kind() != kind || table->key_dtype() != keys ||
      table->value_dtype() != values) {
    return absl::InvalidArgumentError(
        absl::StrCat("the session holds ", resource->DebugString(), ", this op wants a table from ",
                     DTypeName(keys), " to ", DTypeName(values), " under the same name"));
  }
  p.WillSetOutput(0);
  return KernelRun([handle = Tensor::Scalar<ResourceRef>(std::move(resource))](KernelContext& c) {
    c.SetOutput(0, handle);
    return absl::OkStatus();
  });
}

absl::Status CheckSignature(const LookupTable& table, DType keys, DType values) {
  if (keys == table.key_dtype() && values == table.value_dtype()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("Signature mismatch, have: ", DTypeSchemaName(keys), "->",
                   DTypeSchemaName(values), " expected: ", DTypeSchemaName(table.key_dtype()), "->",
                   DTypeSchemaName(table.value_dtype())));
}

// A kernel that calls work(table, context).
template <absl::Status (*work)(LookupTable&, KernelContext&)>
absl::StatusOr<KernelRun> TablePrepare(PrepareContext& p) {
  SLUICE_ASSIGN_OR_RETURN(auto input, TableInput::Resolve(p, 0));
  return KernelRun([input](KernelContext& c) -> absl::Status {
    SLUICE_ASSIGN_OR_RETURN(LookupTable * table, input.Get(c));
    return work(*table, c);
  });
}

absl::Status Find(LookupTable& table, KernelContext& c) {
  const Tensor &keys = c.input(1), &fallback = c.input(2);
  SLUICE_RETURN_IF_ERROR(CheckSignature(table, keys.dtype(), fallback.dtype()));
  if (fallback.shape().rank() != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("Expected shape [] for default value, got ", fallback.shape().ToString()));
  }
  return table.Find(keys, fallback, &c.output(0));
}

absl::Status Size(LookupTable& table, KernelContext& c) {
  *c.output(0).mutable_data<int64_t>() = table.size();
  return absl::OkStatus();
}

// Inputs 1 and 2: keys and values of the table's dtypes, of one shape.
absl::Status CheckEntries(const LookupTable& table, const KernelContext& c) {
  const Tensor &keys = c.input(1), &values = c.input(2);
  SLUICE_RETURN_IF_ERROR(CheckSignature(table, keys.dtype(), values.dtype()));
  if (keys.shape() == values.shape()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("Expected shape ", keys.shape().ToString(),
                                                 " for value, got ", values.shape().ToString()));
}

absl::Status Initialize(LookupTable& table, KernelContext& c) {
  SLUICE_RETURN_IF_ERROR(CheckEntries(table, c));
  return table.Initialize(c.input(1), c.input(2));
}

absl::Status InitializeFromFile(LookupTable& table, KernelContext& c) {
  VocabularyFile file = {.path = c.input(1).scalar<std::string>(),
                         .key_index = c.attr<int64_t>("key_index"),
                         .value_index = c.attr<int64_t>("value_index"),
                         .vocab_size = c.attr<int64_t>("vocab_size"),
                         .delimiter = c.attr<std::string>("delimiter")};
  SLUICE_ASSIGN_OR_RETURN(const Vocabulary entries,
                          ReadVocabulary(file, table.key_dtype(), table.value_dtype(), c.budget()));
  return table.Initialize(entries.keys, entries.values);
}

absl::Status Insert(LookupTable& table, KernelContext& c) {
  SLUICE_RETURN_IF_ERROR(CheckEntries(table, c));
  return table.Insert(c.input(1), c.input(2));
}

absl::Status Import(LookupTable& table, KernelContext& c) {
  SLUICE_RETURN_IF_ERROR(CheckEntries(table, c));
  return table.Import(c.input(1), c.input(2));
}

absl::Status Remove(LookupTable& table, KernelContext& c) {
  SLUICE_RETURN_IF_ERROR(CheckSignature(table, c.input(1).dtype(), table.value_dtype()));
  return table.Remove(c.input(1));
}

absl::Status Export(LookupTable& table, KernelContext& c) {
  SLUICE_RETURN_IF_ERROR(CheckSignature(table, c.attr<DType>("Tkeys"), c.attr<DType>("Tvalues")));
  return table.Export([&](int64_t count) -> absl::StatusOr<LookupTable::Entries> {
    SLUICE_ASSIGN_OR_RETURN(Tensor * keys, c.Allocate(0, {count}));
    SLUICE_ASSIGN_OR_RETURN(Tensor * values, c.Allocate(1, {count}));
    return LookupTable::Entries{keys, values};
  });
}

// --- specs ---------------------------------------------------------------------------------------

constexpr char kTable[] = "entries of tables have no gradient";

// Those among all dtypes that are none of `types`.
std::vector<DType> AllBut(std::initializer_list<DType> types) {
  std::vector<DType> others;
  for (int number = 1; IsKnown(static_cast<DType>(number)) && number < 100; ++number) {
    const auto dtype = static_cast<DType>(number);
    if (std::find(types.begin(), types.end(), dtype) == types.end()) others.push_back(dtype);
  }
  return others;
}

OpSpec HandleSpec(const char* name, bool reference, KernelPrepare prepare) {
  return OpSpec(name)
      .Output(reference ? "table_handle: Ref(string)" : "table_handle: resource")
      .Attr("container: string = ''")
      .Attr("shared_name: string = ''")
      .Attr("use_node_name_sharing: bool = false")
      .Attr("key_dtype: type")
      .Attr("value_dtype: type")
      .Shape(reference ? HandleShape<true> : HandleShape<false>)
      .Prepare(std::move(prepare))
      .NoKernelFor("key_dtype", AllBut({DType::kInt32, DType::kInt64, DType::kString}),
                   "keys of tables are integers and strings")
      .NoKernelFor("value_dtype",
                   AllBut({DType::kBool, DType::kInt32, DType::kInt64, DType::kFloat,
                           DType::kDouble, DType::kString}),
                   "TensorFlow has no such tables either")
      .Stateful()
      .SessionConstant()
      .NotDifferentiable(kTable);
}

OpSpec TableSpec(const char* name, bool reference) {
  OpSpec spec(name);
  spec.Input(reference ? "table_handle: Ref(string)" : "table_handle: resource")
      .NotDifferentiable(kTable);
  if (!reference) spec.Stateful();  // as every op of TensorFlow that takes a resource
  return spec;
}

OpSpec FindSpec(const char* name, bool reference) {
  return TableSpec(name, reference)
      .Input("keys: Tin")
      .Input("default_value: Tout")
      .Output("values: Tout")
      .Attr("Tin: type")
      .Attr("Tout: type")
      .Shape(reference ? FindShape<true> : FindShape<false>)
      .Prepare(TablePrepare<Find>);
}

OpSpec SizeSpec(const char* name, bool reference) {
  return TableSpec(name, reference)
      .Output("size: int64")
      .Shape(reference ? SizeShape<true> : SizeShape<false>)
      .Prepare(TablePrepare<Size>);
}

OpSpec ChangeSpec(const char* name, bool reference, const char* const types[2],
                  KernelPrepare prepare) {
  return TableSpec(name, reference)
      .Input(absl::StrCat("keys: ", types[0]))
      .Input(absl::StrCat("values: ", types[1]))
      .Attr(absl::StrCat(types[0], ": type"))
      .Attr(absl::StrCat(types[1], ": type"))
      .Prepare(std::move(prepare))
      .Stateful()
      .WritesResources();
}

constexpr const char* kInOut[] = {"Tin", "Tout"};
constexpr const char* kKeyVal[] = {"Tkey", "Tval"};

OpSpec ExportSpec(const char* name, bool reference) {
  return TableSpec(name, reference)
      .Output("keys: Tkeys")
      .Output("values: Tvalues")
      .Attr("Tkeys: type")
      .Attr("Tvalues: type")
      .Shape(reference ? ExportShape<true> : ExportShape<false>)
      .Prepare(TablePrepare<Export>);
}

OpSpec TextFileSpec(const char* name, bool reference) {
  return TableSpec(name, reference)
      .Input("filename: string")
      .Attr("key_index: int >= -2")
      .Attr("value_index: int >= -2")
      .Attr("vocab_size: int >= -1 = -1")
      .Attr("delimiter: string = '\t'")
      .Shape(reference ? TextFileShape<true> : TextFileShape<false>)
      .Prepare(TablePrepare<InitializeFromFile>)
      .Stateful()
      .WritesResources();
}

AttrMap HandleAttrs(DType key_dtype, DType value_dtype, const TableOptions& options) {
  return {{"container", options.container},
          {"shared_name", options.shared_name},
          {"use_node_name_sharing", options.use_node_name_sharing},
          {"key_dtype", key_dtype},
          {"value_dtype", value_dtype}};
}

AttrMap TextFileAttrs(int64_t key_index, int64_t value_index, const TextFileOptions& options) {
  return {{"key_index", key_index},
          {"value_index", value_index},
          {"vocab_size", options.vocab_size},
          {"delimiter", options.delimiter}};
}

}  // namespace

OpSpec HashTableOp() {
  return HandleSpec("HashTable", true, HandlePrepare<TableKind::kInitializedOnce>);
}
OpSpec HashTableV2Op() {
  return HandleSpec("HashTableV2", false, HandlePrepare<TableKind::kInitializedOnce>);
}
OpSpec MutableHashTableOp() {
  return HandleSpec("MutableHashTable", true, HandlePrepare<TableKind::kMutable>);
}
OpSpec MutableHashTableV2Op() {
  return HandleSpec("MutableHashTableV2", false, HandlePrepare<TableKind::kMutable>);
}

OpSpec InitializeTableOp() {
  return ChangeSpec("InitializeTable", true, kKeyVal, TablePrepare<Initialize>)
      .Shape(InitializeShape<true>);
}
OpSpec InitializeTableV2Op() {
  return ChangeSpec("InitializeTableV2", false, kKeyVal, TablePrepare<Initialize>)
      .Shape(InitializeShape<false>);
}
OpSpec InitializeTableFromTextFileOp() { return TextFileSpec("InitializeTableFromTextFile", true); }
OpSpec InitializeTableFromTextFileV2Op() {
  return TextFileSpec("InitializeTableFromTextFileV2", false);
}

OpSpec LookupTableFindOp() { return FindSpec("LookupTableFind", true); }
OpSpec LookupTableFindV2Op() { return FindSpec("LookupTableFindV2", false); }
OpSpec LookupTableSizeOp() { return SizeSpec("LookupTableSize", true); }
OpSpec LookupTableSizeV2Op() { return SizeSpec("LookupTableSizeV2", false); }
OpSpec LookupTableInsertOp() {
  return ChangeSpec("LookupTableInsert", true, kInOut, TablePrepare<Insert>)
      .Shape(InsertShape<true>);
}
OpSpec LookupTableInsertV2Op() {
  return ChangeSpec("LookupTableInsertV2", false, kInOut, TablePrepare<Insert>)
      .Shape(InsertShape<false>);
}
OpSpec LookupTableImportOp() {
  return ChangeSpec("LookupTableImport", true, kInOut, TablePrepare<Import>)
      .Shape(InsertShape<true>);
}
OpSpec LookupTableImportV2Op() {
  return ChangeSpec("LookupTableImportV2", false, kInOut, TablePrepare<Import>)
      .Shape(InitializeShape<false>);
}
OpSpec LookupTableRemoveV2Op() {
  return TableSpec("LookupTableRemoveV2", false)
      .Input("keys: Tin")
      .Attr("Tin: type")
      .Shape(InsertShape<false>)
      .Prepare(TablePrepare<Remove>)
      .Stateful()
      .WritesResources();
}
OpSpec LookupTableExportOp() { return ExportSpec("LookupTableExport", true); }
OpSpec LookupTableExportV2Op() { return ExportSpec("LookupTableExportV2", false); }

Output HashTable(At at, DType key_dtype, DType value_dtype, const TableOptions& options) {
  return at.Node("HashTable", {}, HandleAttrs(key_dtype, value_dtype, options));
}
Output HashTableV2(At at, DType key_dtype, DType value_dtype, const TableOptions& options) {
  return at.Node("HashTableV2", {}, HandleAttrs(key_dtype, value_dtype, options));
}
Output MutableHashTable(At at, DType key_dtype, DType value_dtype, const TableOptions& options) {
  return at.Node("MutableHashTable", {}, HandleAttrs(key_dtype, value_dtype, options));
}
Output MutableHashTableV2(At at, DType key_dtype, DType value_dtype, const TableOptions& options) {
  return at.Node("MutableHashTableV2", {}, HandleAttrs(key_dtype, value_dtype, options));
}
Output InitializeTable(At at, Output table_handle, Output keys, Output values) {
  return at.Node("InitializeTable", {table_handle, keys, values});
}
Output InitializeTableV2(At at, Output table_handle, Output keys, Output values) {
  return at.Node("InitializeTableV2", {table_handle, keys, values});
}
Output InitializeTableFromTextFile(At at, Output table_handle, Output filename, int64_t key_index,
                                   int64_t value_index, const TextFileOptions& options) {
  return at.Node("InitializeTableFromTextFile", {table_handle, filename},
                 TextFileAttrs(key_index, value_index, options));
}
Output InitializeTableFromTextFileV2(At at, Output table_handle, Output filename, int64_t key_index,
                                     int64_t value_index, const TextFileOptions& options) {
  return at.Node("InitializeTableFromTextFileV2", {table_handle, filename},
                 TextFileAttrs(key_index, value_index, options));
}
Output LookupTableFind(At at, Output table_handle, Output keys, Output default_value) {
  return at.Node("LookupTableFind", {table_handle, keys, default_value});
}
Output LookupTableFindV2(At at, Output table_handle, Output keys, Output default_value) {
  return at.Node("LookupTableFindV2", {table_handle, keys, default_value});
}
Output LookupTableSize(At at, Output table_handle) {
  return at.Node("LookupTableSize", {table_handle});
}
Output LookupTableSizeV2(At at, Output table_handle) {
  return at.Node("LookupTableSizeV2", {table_handle});
}
Output LookupTableInsert(At at, Output table_handle, Output keys, Output values) {
  return at.Node("LookupTableInsert", {table_handle, keys, values});
}
Output LookupTableInsertV2(At at, Output table_handle, Output keys, Output values) {
  return at.Node("LookupTableInsertV2", {table_handle, keys, values});
}
Output LookupTableImport(At at, Output table_handle, Output keys, Output values) {
  return at.Node("LookupTableImport", {table_handle, keys, values});
}
Output LookupTableImportV2(At at, Output table_handle, Output keys, Output values) {
  return at.Node("LookupTableImportV2", {table_handle, keys, values});
}
Output LookupTableRemoveV2(At at, Output table_handle, Output keys) {
  return at.Node("LookupTableRemoveV2", {table_handle, keys});
}
Outputs LookupTableExport(At at, Output table_handle, DType key_dtype, DType value_dtype) {
  return at.Nodes("LookupTableExport", {table_handle},
                  {{"Tkeys", key_dtype}, {"Tvalues", value_dtype}});
}
Outputs LookupTableExportV2(At at, Output table_handle, DType key_dtype, DType value_dtype) {
  return at.Nodes("LookupTableExportV2", {table_handle},
                  {{"Tkeys", key_dtype}, {"Tvalues", value_dtype}});
}

}  // namespace sluice::ops
