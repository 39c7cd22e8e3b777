#include "ops/lookup_table.h"

#include <string>
#include <vector>

#include "core/file.h"
#include "graph/graph.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "ops/const.h"
#include "session/session.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/core/tensors.h"
#include "tests/testing/state_runner.h"

namespace sluice {
namespace {

using absl::StatusCode;

Tensor Texts(const std::vector<std::string>& s) {
  return Tensor::Of<std::string>({static_cast<int64_t>(s.size())}, s);
}
const Tensor kNone = Tensor::Scalar<int64_t>(-1);

// One table in a store of its own.
class Tables {
 public:
  explicit Tables(const char* op, DType keys = DType::kString, DType values = DType::kInt64) {
    handle_ = state_.Run(op, {}, {{"key_dtype", keys}, {"value_dtype", values}}).value()[0];
  }
  absl::StatusOr<std::vector<Tensor>> Run(const char* op, std::vector<Tensor> inputs = {},
                                          AttrMap attrs = {}) {
    inputs.insert(inputs.begin(), handle_);
    return state_.Run(op, inputs, attrs);
  }
  void ExpectFound(const Tensor& keys, const Tensor& fallback, const Tensor& want) {
    const auto found = Run("LookupTableFindV2", {keys, fallback});
    ASSERT_THAT(found, IsOk());
    ExpectClose((*found)[0], want);
  }
  int64_t Size() { return Run("LookupTableSizeV2").value()[0].scalar<int64_t>(); }

 private:
  StateRunner state_;
  Tensor handle_;
};

TEST(HashTableTest, IsFilledOnce) {
  Tables table("HashTableV2");
  EXPECT_EQ(table.Size(), 0);
  EXPECT_THAT(table.Run("LookupTableFindV2", {Texts({"a"}), kNone}),
              StatusIs(StatusCode::kFailedPrecondition, "Table not initialized."));
  const Tensor keys = Texts({"a", "b"}), values = Tensor::Of<int64_t>({2}, {10, 20});
  ASSERT_THAT(table.Run("InitializeTableV2", {keys, values}), IsOk());
  EXPECT_EQ(table.Size(), 2);
  table.ExpectFound(Tensor::Of<std::string>({3, 1}, {"b", "x", "a"}), kNone,
                    Tensor::Of<int64_t>({3, 1}, {20, -1, 10}));
  table.ExpectFound(Tensor::Scalar(std::string("a")), kNone, Tensor::Scalar<int64_t>(10));
  table.ExpectFound(Texts({}), kNone, Tensor::Of<int64_t>({0}, {}));
  EXPECT_THAT(table.Run("InitializeTableV2", {keys, values}), IsOk());  // the same again
  EXPECT_THAT(table.Run("InitializeTableV2", {Texts({"a"}), Tensor::Of<int64_t>({1}, {10})}),
              StatusIs(StatusCode::kFailedPrecondition,
                       "Table was already initialized with different data."));
  EXPECT_THAT(table.Run("LookupTableInsertV2", {keys, values}),
              StatusIs(StatusCode::kUnimplemented, "Insert not supported"));
}

TEST(HashTableTest, RefusesTwoValuesOfOneKey) {
  Tables table("HashTableV2");
  EXPECT_THAT(
      table.Run("InitializeTableV2", {Texts({"a", "a"}), Tensor::Of<int64_t>({2}, {1, 2})}),
      StatusIs(
          StatusCode::kInvalidArgument,
          "HashTable has different value for same key. Key a has 1 and trying to add value 2"));
  EXPECT_THAT(table.Run("LookupTableFindV2", {Texts({"a"}), kNone}),
              StatusIs(StatusCode::kFailedPrecondition, "Table not initialized."));
  EXPECT_THAT(table.Run("InitializeTableV2", {Texts({"a", "a"}), Tensor::Of<int64_t>({2}, {1, 1})}),
              IsOk());
}

TEST(HashTableTest, ChecksDTypesAndShapes) {
  Tables table("MutableHashTableV2");
  EXPECT_THAT(table.Run("LookupTableFindV2", {Tensor::Of<int64_t>({1}, {1}), kNone}),
              StatusIs(StatusCode::kInvalidArgument,
                       "Signature mismatch, have: int64->int64 expected: string->int64"));
  EXPECT_THAT(
      table.Run("LookupTableFindV2", {Texts({"a"}), Tensor::Of<int64_t>({1}, {1})}),
      StatusIs(StatusCode::kInvalidArgument, "Expected shape [] for default value, got [1]"));
  EXPECT_THAT(table.Run("LookupTableInsertV2", {Texts({"a"}), Tensor::Of<int64_t>({2}, {1, 2})}),
              StatusIs(StatusCode::kInvalidArgument, "Expected shape [1] for value, got [2]"));
  StateRunner state;
  EXPECT_THAT(
      state.Run("HashTableV2", {}, {{"key_dtype", DType::kHalf}, {"value_dtype", DType::kInt64}}),
      StatusIs(StatusCode::kUnimplemented, "no table from float16 to int64"));
  const Tensor variable = state.Variable("v", Tensor::Scalar(1.0f));
  EXPECT_THAT(state.Run("LookupTableSizeV2", {variable}),
              StatusIs(StatusCode::kInvalidArgument, "must be the handle of a table"));
}

TEST(MutableHashTableTest, Changes) {
  Tables table("MutableHashTableV2", DType::kInt64, DType::kString);
  const auto keys = [](std::initializer_list<int64_t> k) {
    return Tensor::Of<int64_t>({static_cast<int64_t>(k.size())}, k);
  };
  ASSERT_THAT(table.Run("LookupTableInsertV2", {keys({3, 1, 2}), Texts({"c", "a", "b"})}), IsOk());
  ASSERT_THAT(table.Run("LookupTableInsertV2", {keys({3}), Texts({"C"})}), IsOk());
  ASSERT_THAT(table.Run("LookupTableRemoveV2", {keys({2, 9})}), IsOk());
  const auto exported =
      table.Run("LookupTableExportV2", {}, {{"Tkeys", DType::kInt64}, {"Tvalues", DType::kString}});
  ASSERT_THAT(exported, IsOk());
  ExpectClose((*exported)[0], keys({1, 3}));
  ExpectClose((*exported)[1], Texts({"a", "C"}));
  ASSERT_THAT(table.Run("LookupTableImportV2", {keys({7}), Texts({"g"})}), IsOk());
  EXPECT_EQ(table.Size(), 1);
  table.ExpectFound(keys({1, 7}), Tensor::Scalar(std::string("-")), Texts({"-", "g"}));
}

TEST(HashTableTest, HandlesOfOneNameAreOneTable) {
  StateRunner state;
  AttrMap attrs = {
      {"shared_name", "t"}, {"key_dtype", DType::kInt64}, {"value_dtype", DType::kInt64}};
  const auto a = state.Run("HashTableV2", {}, attrs), b = state.Run("HashTableV2", {}, attrs);
  ASSERT_THAT(a, IsOk());
  ASSERT_THAT(b, IsOk());
  EXPECT_EQ((*a)[0].scalar<ResourceRef>(), (*b)[0].scalar<ResourceRef>());
  attrs["value_dtype"] = DType::kFloat;
  EXPECT_THAT(state.Run("HashTableV2", {}, attrs),
              StatusIs(StatusCode::kInvalidArgument, "under the same name"));
}

std::string TextFile(const std::string& name, const std::string& bytes) {
  const std::string path = JoinPath(testing::TempDir(), name);
  EXPECT_EQ(FileSystem::Default().ReplaceAtomically(path, bytes), absl::OkStatus());
  return path;
}

absl::Status FromFile(Tables& table, const std::string& path, int64_t key_index,
                      int64_t value_index, AttrMap attrs = {}) {
  attrs.insert({{"key_index", key_index}, {"value_index", value_index}});
  return table.Run("InitializeTableFromTextFileV2", {Tensor::Scalar(path)}, attrs).status();
}

TEST(TextFileTest, WholeLinesAndTheirNumbers) {
  const std::string path = TextFile("lines.txt", "one\r\ntwo\nthree");
  Tables ids("HashTableV2");
  ASSERT_EQ(FromFile(ids, path, -2, -1), absl::OkStatus());
  ids.ExpectFound(Texts({"three", "one", "x"}), kNone, Tensor::Of<int64_t>({3}, {2, 0, -1}));
  Tables words("HashTableV2", DType::kInt64, DType::kString);
  ASSERT_EQ(FromFile(words, path, -1, -2, {{"vocab_size", 2}}), absl::OkStatus());
  words.ExpectFound(Tensor::Of<int64_t>({2}, {1, 2}), Tensor::Scalar(std::string("?")),
                    Texts({"two", "?"}));
}

TEST(TextFileTest, Columns) {
  const std::string path = TextFile("columns.txt", "a,1.5,7\nb,-2,8\n");
  Tables table("HashTableV2", DType::kString, DType::kFloat);
  ASSERT_EQ(FromFile(table, path, 0, 1, {{"delimiter", ","}}), absl::OkStatus());
  table.ExpectFound(Texts({"b", "a"}), Tensor::Scalar(0.0f), Tensor::Of<float>({2}, {-2, 1.5}));
}

TEST(TextFileTest, Errors) {
  const std::string path = TextFile("bad.txt", "a\tx\nb\n");
  const auto refused = [&](int64_t key, int64_t value, const AttrMap& attrs, const char* why,
                           DType values = DType::kInt64) {
    Tables table("HashTableV2", DType::kString, values);
    EXPECT_THAT(FromFile(table, path, key, value, attrs),
                StatusIs(StatusCode::kInvalidArgument, why));
  };
  refused(-2, -1, {{"vocab_size", 3}}, "expected 3 but got 2");
  refused(-2, 1, {}, "Field x in line 0 is not a valid int64.");
  refused(1, -1, {}, "line 1 (b) : expected 1 got 1");
  refused(-1, -1, {}, "Key index for line number requires table key dtype of int64, got string");
  refused(-2, -2, {}, "Value index for whole line requires table value dtype of integer or string",
          DType::kFloat);
  refused(-2, -1, {{"delimiter", ",,"}}, "delimiter should be only 1 char");
  Tables table("HashTableV2");
  EXPECT_THAT(FromFile(table, path + ".none", -2, -1), StatusIs(StatusCode::kNotFound, ""));
  EXPECT_THAT(FromFile(table, TextFile("gap.txt", "a\n\nb\n"), -2, -1),
              StatusIs(StatusCode::kInvalidArgument, "empty line found"));
}

TEST(HashTableTest, InASession) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Output table = ops::HashTableV2(root.Named("t"), DType::kString, DType::kInt64);
  const Output init = ops::InitializeTableV2(root, table, ops::Const<std::string>(root, {"a", "b"}),
                                             ops::Const<int64_t>(root, {1, 2}));
  const Output found = ops::LookupTableFindV2(
      root, table, ops::Const<std::string>(root, {"b", "c"}), ops::Const(root, int64_t{-1}));
  EXPECT_EQ(found.shape(), (TensorShape{2}));
  auto session = Session::Create(graph);
  ASSERT_THAT(session, IsOk());
  EXPECT_THAT(session->Run({}, {found}),
              StatusIs(StatusCode::kFailedPrecondition, "Table not initialized."));
  ASSERT_THAT(session->Run({}, {init}), IsOk());
  const auto values = session->Run({}, {found});
  ASSERT_THAT(values, IsOk());
  ExpectClose((*values)[0], Tensor::Of<int64_t>({2}, {2, -1}));
}

TEST(HashTableTest, ByReference) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Output table = ops::MutableHashTable(root.Named("t"), DType::kInt64, DType::kFloat);
  const Output insert = ops::LookupTableInsert(root, table, ops::Const<int64_t>(root, {5, 6}),
                                               ops::Const<float>(root, {0.5f, 0.25f}));
  const Output found =
      ops::LookupTableFind(root, table, ops::Const<int64_t>(root, {6, 7}), ops::Const(root, 0.0f));
  const Output size = ops::LookupTableSize(root, table);
  EXPECT_EQ(graph.status(), absl::OkStatus());
  auto session = Session::Create(graph);
  ASSERT_THAT(session, IsOk());
  ASSERT_THAT(session->Run({}, {insert}), IsOk());
  const auto results = session->Run({}, {found, size});
  ASSERT_THAT(results, IsOk());
  ExpectClose((*results)[0], Tensor::Of<float>({2}, {0.25f, 0}));
  ExpectClose((*results)[1], Tensor::Scalar<int64_t>(2));
}

}  // namespace
}  // namespace sluice
