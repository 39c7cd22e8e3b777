#include "ops/save_restore.h"

#include <string>
#include <vector>

#include "core/file.h"
#include "gtest/gtest.h"
#include "io/bundle_files.h"
#include "tests/testing/op_test.h"
#include "tests/testing/state_runner.h"

namespace sluice {
namespace {

using absl::StatusCode;

Tensor Text(const std::string& s) { return Tensor::Scalar(s); }
Tensor Texts(const std::vector<std::string>& s) {
  return Tensor::Of<std::string>({static_cast<int64_t>(s.size())}, s);
}

class SaveRestoreTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    return JoinPath(JoinPath(testing::TempDir(), test->name()), name);
  }
  absl::Status Save(const std::string& path, const std::vector<std::string>& names,
                    const std::vector<Tensor>& tensors, std::vector<std::string> slices = {}) {
    slices.resize(names.size());
    std::vector<Tensor> inputs = {Text(Path(path)), Texts(names), Texts(slices)};
    std::vector<DType> dtypes;
    for (const Tensor& t : tensors) {
      inputs.push_back(t);
      dtypes.push_back(t.dtype());
    }
    return state_.Run("SaveV2", inputs, {{"dtypes", dtypes}}).status();
  }
  absl::StatusOr<std::vector<Tensor>> Restore(const std::string& path,
                                              const std::vector<std::string>& names,
                                              const std::vector<DType>& dtypes,
                                              std::vector<std::string> slices = {}) {
    slices.resize(names.size());
    return state_.Run("RestoreV2", {Text(Path(path)), Texts(names), Texts(slices)},
                      {{"dtypes", dtypes}});
  }
  StateRunner state_;
};

const std::vector<DType> kFloatOnly = {DType::kFloat};

TEST_F(SaveRestoreTest, RoundTrip) {
  const Tensor w = RandomTensor(DType::kFloat, {3, 4}), i = Tensor::Scalar(int64_t{7});
  const Tensor s = Texts({"a", ""});
  ASSERT_THAT(Save("m", {"w", "i", "s"}, {w, i, s}), IsOk());
  const auto got = Restore("m", {"s", "w", "i"}, {DType::kString, DType::kFloat, DType::kInt64});
  ASSERT_THAT(got, IsOk());
  EXPECT_TRUE(BitEqual((*got)[0], s));
  EXPECT_TRUE(BitEqual((*got)[1], w));
  EXPECT_TRUE(BitEqual((*got)[2], i));
}

TEST_F(SaveRestoreTest, Errors) {
  ASSERT_THAT(Save("m", {"w"}, {Tensor::Scalar(1)}), IsOk());
  EXPECT_THAT(Restore("m", {"v"}, kFloatOnly),
              StatusIs(StatusCode::kNotFound, "Key v not found in checkpoint"));
  EXPECT_THAT(Restore("m", {"w"}, kFloatOnly),
              StatusIs(StatusCode::kInvalidArgument,
                       "expected dtype float32 does not equal original dtype int32"));
  EXPECT_THAT(Restore("missing", {"w"}, kFloatOnly), StatusIs(StatusCode::kNotFound, "missing"));
  EXPECT_THAT(Save("m2", {"w", "w"}, {Tensor::Scalar(1), Tensor::Scalar(2)}),
              StatusIs(StatusCode::kInvalidArgument, "Adding duplicate key: w"));
  EXPECT_FALSE(BundleExists(FileSystem::Default(), Path("m2")));
  EXPECT_THAT(Save("m3", {"w", "v"}, {Tensor::Scalar(1)}),
              StatusIs(StatusCode::kInvalidArgument, "tensor_names must have 1 entries"));
}

TEST_F(SaveRestoreTest, PartsOfATensor) {
  const Tensor top = Tensor::Of<float>({2, 2}, {1, 2, 3, 4});
  const Tensor bottom = Tensor::Of<float>({1, 2}, {5, 6});
  ASSERT_THAT(Save("m", {"w", "w"}, {top, bottom}, {"3 2 0,2:-", "3 2 2,1:-"}), IsOk());
  auto got = Restore("m", {"w"}, kFloatOnly);
  ASSERT_THAT(got, IsOk());
  ExpectClose((*got)[0], Tensor::Of<float>({3, 2}, {1, 2, 3, 4, 5, 6}));
  got = Restore("m", {"w"}, kFloatOnly, {"3 2 1,2:1,1"});
  ASSERT_THAT(got, IsOk());
  ExpectClose((*got)[0], Tensor::Of<float>({2, 1}, {4, 6}));
  EXPECT_THAT(Restore("m", {"w"}, kFloatOnly, {"4 2 1,2:-"}),
              StatusIs(StatusCode::kInvalidArgument, "[4,2] does not match the shape stored"));
  EXPECT_THAT(Restore("m", {"w"}, kFloatOnly, {"nonsense"}),
              StatusIs(StatusCode::kInvalidArgument, "nonsense"));
}

TEST_F(SaveRestoreTest, Merge) {
  const Tensor a = Tensor::Scalar(1.0f), b = Tensor::Scalar(2.0f);
  ASSERT_THAT(Save("tmp/part-0", {"a"}, {a}), IsOk());
  ASSERT_THAT(Save("tmp/part-1", {"b"}, {b}), IsOk());
  const Tensor parts = Texts({Path("tmp/part-0"), Path("tmp/part-1")});
  ASSERT_THAT(state_.Run("MergeV2Checkpoints", {parts, Text(Path("all"))}), IsOk());
  const auto got = Restore("all", {"a", "b"}, {DType::kFloat, DType::kFloat});
  ASSERT_THAT(got, IsOk());
  EXPECT_EQ((*got)[1].scalar<float>(), 2);
  EXPECT_FALSE(BundleExists(FileSystem::Default(), Path("tmp/part-0")));
}

TEST_F(SaveRestoreTest, MergeKeepsThePartsWhenItFails) {
  ASSERT_THAT(Save("part-0", {"a"}, {Tensor::Scalar(1)}), IsOk());
  ASSERT_THAT(Save("part-1", {"a"}, {Tensor::Scalar(2)}), IsOk());
  EXPECT_THAT(state_.Run("MergeV2Checkpoints",
                         {Texts({Path("part-0"), Path("part-1")}), Text(Path("all"))}),
              StatusIs(StatusCode::kInvalidArgument, "Adding duplicate key: a"));
  EXPECT_FALSE(BundleExists(FileSystem::Default(), Path("all")));
  EXPECT_TRUE(BundleExists(FileSystem::Default(), Path("part-0")));
}

TEST(ShardedFilenameTest, Names) {
  OpTest("ShardedFilename")
      .Input(Text("base"))
      .Input<int32_t>({}, {2})
      .Input<int32_t>({}, {3})
      .Expect(Text("base-00002-of-00003"));
  OpTest("ShardedFilespec")
      .Input(Text("base"))
      .Input<int32_t>({}, {3})
      .Expect(Text("base-\?\?\?\?\?-of-00003"));
}

}  // namespace
}  // namespace sluice
