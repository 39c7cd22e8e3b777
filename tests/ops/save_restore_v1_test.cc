#include "ops/save_restore_v1.h"

#include <complex>
#include <map>
#include <string>
#include <vector>

#include "core/file.h"
#include "gtest/gtest.h"
#include "io/sorted_table.h"
#include "proto/saved_tensor_slice.pb.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

Tensor Text(const std::string& s) { return Tensor::Scalar(s); }
Tensor Texts(const std::vector<std::string>& s) {
  return Tensor::Of<std::string>({static_cast<int64_t>(s.size())}, s);
}
std::string Path(const std::string& name) { return JoinPath(testing::TempDir(), "v1_" + name); }

absl::Status Save(const std::string& path, const std::vector<std::string>& names,
                  const std::vector<Tensor>& tensors) {
  return OpTest("Save")
      .Input(Text(path))
      .Input(Texts(names))
      .Inputs(tensors)
      .EvaluateOnly()
      .Run()
      .status();
}

absl::Status SaveSlices(const std::string& path, const std::vector<std::string>& names,
                        const std::vector<std::string>& slices,
                        const std::vector<Tensor>& tensors) {
  return OpTest("SaveSlices")
      .Input(Text(path))
      .Input(Texts(names))
      .Input(Texts(slices))
      .Inputs(tensors)
      .EvaluateOnly()
      .Run()
      .status();
}

OpTest Restore(const std::string& path, const std::string& name, DType dtype) {
  return OpTest("Restore")
      .Attr("dt", dtype)
      .Input(Text(path))
      .Input(Text(name))
      .DataDependentShape();
}

OpTest RestoreSlice(const std::string& path, const std::string& name, const std::string& slice,
                    DType dtype) {
  return OpTest("RestoreSlice")
      .Attr("dt", dtype)
      .Input(Text(path))
      .Input(Text(name))
      .Input(Text(slice))
      .DataDependentShape();
}

TEST(SaveRestoreV1Test, EveryDType) {
  const std::vector<Tensor> tensors = {
      RandomTensor(DType::kFloat, {2, 3}),
      RandomTensor(DType::kDouble, {4}),
      RandomTensor(DType::kInt32, {}, 1, -9, 9),
      RandomTensor(DType::kUint8, {3}, 1, 0, 200),
      RandomTensor(DType::kInt64, {0}),
      RandomTensor(DType::kBool, {5}),
      RandomTensor(DType::kHalf, {2}),
      RandomTensor(DType::kComplex64, {2}),
      RandomTensor(DType::kUint64, {2}, 1, 0, 9),
      Texts({"a", ""}),
  };
  std::vector<std::string> names;
  for (const Tensor& t : tensors) names.push_back("t/" + DTypeName(t.dtype()));
  const std::string path = Path("dtypes");
  ASSERT_EQ(Save(path, names, tensors), absl::OkStatus());
  for (size_t i = 0; i < tensors.size(); ++i) {
    Restore(path, names[i], tensors[i].dtype()).Expect(tensors[i]);
  }
  Restore(path, "none", DType::kFloat)
      .ExpectError(StatusCode::kNotFound, "Tensor name \"none\" not found in checkpoint files");
  Restore(path, names[0], DType::kInt32)
      .ExpectError(
          StatusCode::kInvalidArgument,
          "Expected to restore a tensor of type int32, got a tensor of type float instead");
  Restore(path + ".none", names[0], DType::kFloat)
      .ExpectError(StatusCode::kNotFound, "Failed to find any matching files for");
}

TEST(SaveRestoreV1Test, Slices) {
  const std::string path = Path("slices");
  const Tensor top = Tensor::Of<float>({1, 2}, {1, 2}),
               rest = Tensor::Of<float>({2, 2}, {3, 4, 5, 6});
  ASSERT_EQ(SaveSlices(path, {"w", "w", "b"}, {"3 2 0,1:-", "3 2 1,2:-", ""},
                       {top, rest, Tensor::Of<int32_t>({1}, {7})}),
            absl::OkStatus());
  Restore(path, "w", DType::kFloat).Expect({3, 2}, {1, 2, 3, 4, 5, 6});
  RestoreSlice(path, "w", "3 2 0,2:1,1", DType::kFloat).Expect({2, 1}, {2, 4});
  RestoreSlice(path, "b", "", DType::kInt32).Expect<int32_t>({1}, {7});
  RestoreSlice(path, "w", "4 2 0,2:-", DType::kFloat)
      .ExpectError(StatusCode::kInvalidArgument, "does not match the shape in the save file");
  EXPECT_THAT(SaveSlices(path, {"w"}, {"3 2 0,2:-"}, {top}),
              StatusIs(StatusCode::kInvalidArgument, "does not match the shape of the tensor"));
  EXPECT_THAT(SaveSlices(path, {"w", "w"}, {"3 2 0,1:-", "3 2 0,1:-"}, {top, top}),
              StatusIs(StatusCode::kInvalidArgument, "duplicate"));
  ASSERT_EQ(SaveSlices(path, {"w"}, {"3 2 0,1:-"}, {top}), absl::OkStatus());
  Restore(path, "w", DType::kFloat).ExpectError(StatusCode::kDataLoss, "do not make up the tensor");
}

TEST(SaveRestoreV1Test, SeveralFiles) {
  const Tensor a = Tensor::Of<float>({1}, {1}), b = Tensor::Of<float>({1}, {2});
  ASSERT_EQ(SaveSlices(Path("shard-00000-of-00002"), {"w"}, {"2 0,1"}, {a}), absl::OkStatus());
  ASSERT_EQ(SaveSlices(Path("shard-00001-of-00002"), {"w"}, {"2 1,1"}, {b}), absl::OkStatus());
  Restore(Path("shard-*-of-00002"), "w", DType::kFloat).Expect({2}, {1, 2});
}

TEST(SaveRestoreV1Test, RestoreV2ReadsThem) {
  const std::string path = Path("v2");
  ASSERT_EQ(Save(path, {"w"}, {Tensor::Of<float>({2}, {1, 2})}), absl::OkStatus());
  OpTest("RestoreV2")
      .Attr("dtypes", {DType::kFloat})
      .Input(Text(path))
      .Input(Texts({"w"}))
      .Input(Texts({""}))
      .DataDependentShape()
      .Expect({2}, {1, 2});
}

// A table as TensorFlow writes it: raw lists, no shape beside the values.
std::map<std::string, std::string> Table(std::vector<float> values) {
  proto::SavedTensorSlices head, record;
  proto::SavedSliceMeta* meta = head.mutable_meta()->add_tensor();
  meta->set_name("w");
  meta->mutable_shape()->add_dim()->set_size(2);
  meta->set_type(proto::DT_FLOAT);
  meta->add_slice()->add_extent();
  record.mutable_data()->set_name("w");
  for (const float v : values) record.mutable_data()->mutable_data()->add_float_val(v);
  const std::string key("\0w\0\1\1\1\x80\x7f", 8);
  return {{"", head.SerializeAsString()}, {key, record.SerializeAsString()}};
}

absl::Status WriteTable(const std::string& path, const std::map<std::string, std::string>& table) {
  const auto file = FileSystem::Default().Create(path);
  if (!file.ok()) return file.status();
  const absl::Status written = WriteSortedTable(table, **file);
  return written.ok() ? (*file)->Close() : written;
}

TEST(SaveRestoreV1Test, TensorFlowsOwn) {
  ASSERT_EQ(WriteTable(Path("own"), Table({0.5f, 2.0f})), absl::OkStatus());
  Restore(Path("own"), "w", DType::kFloat).Expect({2}, {0.5, 2});
}

TEST(SaveRestoreV1Test, Damage) {
  const std::string path = Path("damaged");
  const auto refused = [&](const std::map<std::string, std::string>& table, const char* why) {
    ASSERT_EQ(WriteTable(path, table), absl::OkStatus());
    Restore(path, "w", DType::kFloat).ExpectError(StatusCode::kDataLoss, why);
  };
  refused(Table({1.0f}), "has 1 values");
  refused(Table({1.0f, 2.0f, 3.0f}), "has 3 values");
  auto table = Table({1.0f, 2.0f});
  table.erase(std::prev(table.end()));
  refused(table, "a part is missing");
  table[""] = "\xFF";
  refused(table, "no list of tensors");
}

}  // namespace
}  // namespace sluice
