#include "train/checkpoint_reader.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "io/sorted_table.h"
#include "ops/old_checkpoint.h"
#include "proto/saved_tensor_slice.pb.h"
#include "tests/testing/core/memory_files.h"
#include "tests/testing/core/status_matchers.h"
#include "train/checkpoint_state.h"

namespace sluice::train {
namespace {

using Code = absl::StatusCode;
using ::sluice::testing::MemoryFileSystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

Tensor W() { return Tensor::Of<float>({2, 3}, {1, 2, 3, 4, 5, 6}); }
Tensor P() { return Tensor::Of<int32_t>({4}, {1, 2, 3, 4}); }
Tensor Half(int64_t start) {
  return Tensor::Of<int32_t>({2},
                             {static_cast<int32_t>(start) + 1, static_cast<int32_t>(start) + 2});
}
TensorSlice Part(int64_t start, int64_t length = 2) { return {{{start, length}}}; }
TensorSlice Whole(int rank) { return {std::vector<SliceExtent>(rank)}; }

// w, the words s, and p in two parts.
void AddBundle(MemoryFileSystem& files, const std::string& prefix) {
  auto writer = BundleWriter::Create(files, prefix);
  ASSERT_THAT(writer, IsOk());
  EXPECT_THAT((*writer)->Add("net/w", W()), IsOk());
  EXPECT_THAT((*writer)->Add("s", Tensor::Of<std::string>({2}, {"one", "three"})), IsOk());
  EXPECT_THAT((*writer)->AddSlice("p", {4}, Part(0), Half(0)), IsOk());
  EXPECT_THAT((*writer)->AddSlice("p", {4}, Part(2), Half(2)), IsOk());
  EXPECT_THAT((*writer)->Finish(), IsOk());
}

// The same in the old format: w, and the first part of p, in one file; the second part in another.
void AddOld(MemoryFileSystem& files, const std::string& first, const std::string& second) {
  const Tensor w = W(), low = Half(0), high = Half(2);
  EXPECT_THAT(ops::WriteOldCheckpoint(files, first,
                                      std::vector<ops::OldSlice>{{"net/w", {2, 3}, Whole(2), &w},
                                                                 {"p", {4}, Part(0), &low}}),
              IsOk());
  EXPECT_THAT(ops::WriteOldCheckpoint(files, second,
                                      std::vector<ops::OldSlice>{{"p", {4}, Part(2), &high}}),
              IsOk());
}

void ExpectValues(const CheckpointReader& reader) {
  const auto w = reader.GetTensor("net/w");
  ASSERT_THAT(w, IsOk());
  EXPECT_TRUE(BitEqual(*w, W()));
  const auto p = reader.GetTensor("p");
  ASSERT_THAT(p, IsOk());
  EXPECT_TRUE(BitEqual(*p, P()));
  // Across the parts, and one of them.
  const auto middle = reader.GetSlice("p", Part(1));
  ASSERT_THAT(middle, IsOk());
  EXPECT_TRUE(BitEqual(*middle, Tensor::Of<int32_t>({2}, {2, 3})));
  const auto high = reader.GetSlice("p", Part(2));
  ASSERT_THAT(high, IsOk());
  EXPECT_TRUE(BitEqual(*high, Half(2)));
  EXPECT_THAT(reader.VerifyAll(), IsOk());
}

TEST(CheckpointReader, Bundle) {
  MemoryFileSystem files;
  AddBundle(files, "d/m-7");
  for (const char* path : {"d/m-7", "d/m-7.index", "d/m-7.data-00000-of-00001"}) {
    const auto reader = CheckpointReader::Open(path, files);
    ASSERT_THAT(reader, IsOk()) << path;
    EXPECT_EQ(reader->format(), CheckpointFormat::kV2);
    EXPECT_EQ(reader->path(), "d/m-7");
    EXPECT_EQ(reader->num_files(), 1);
    EXPECT_EQ(reader->DebugString(),
              "net/w (DT_FLOAT) [2,3]\np (DT_INT32) [4], 2 slices\ns (DT_STRING) [2]\n");
    EXPECT_THAT(reader->VariableToShapeMap(),
                ElementsAre(Pair("net/w", TensorShape{2, 3}), Pair("p", TensorShape{4}),
                            Pair("s", TensorShape{2})));
    EXPECT_THAT(reader->VariableToDTypeMap(),
                ElementsAre(Pair("net/w", DType::kFloat), Pair("p", DType::kInt32),
                            Pair("s", DType::kString)));
    ASSERT_NE(reader->Find("p"), nullptr);
    EXPECT_THAT(reader->Find("p")->slices, ElementsAre(Part(0), Part(2)));
    EXPECT_TRUE(reader->HasTensor("s"));
    EXPECT_FALSE(reader->HasTensor("w"));
    ExpectValues(*reader);
  }
}

TEST(CheckpointReader, OldFormat) {
  MemoryFileSystem files;
  AddOld(files, "d/m-00000-of-00002", "d/m-00001-of-00002");
  for (const char* path : {"d/m", "d/m-*", "d/m-0000[01]-of-00002"}) {
    const auto reader = CheckpointReader::Open(path, files);
    ASSERT_THAT(reader, IsOk()) << path;
    EXPECT_EQ(reader->format(), CheckpointFormat::kV1);
    EXPECT_EQ(reader->num_files(), 2);
    EXPECT_EQ(reader->DebugString(), "net/w (DT_FLOAT) [2,3]\np (DT_INT32) [4], 2 slices\n");
    ExpectValues(*reader);
  }
  // One shard alone has w, and says that it lacks a part of p.
  const auto shard = CheckpointReader::Open("d/m-00000-of-00002", files);
  ASSERT_THAT(shard, IsOk());
  EXPECT_THAT(shard->GetTensor("net/w"), IsOk());
  EXPECT_TRUE(shard->Find("net/w")->slices.empty());
  EXPECT_THAT(shard->Find("p")->slices, ElementsAre(Part(0)));
  EXPECT_THAT(shard->GetTensor("p"), StatusIs(Code::kDataLoss, "p: its parts do not make up"));
  EXPECT_THAT(shard->VerifyAll(), StatusIs(Code::kDataLoss, "d/m-00000-of-00002"));
}

TEST(CheckpointReader, NamesOfOldFilesAreNoPatterns) {
  MemoryFileSystem files;
  AddOld(files, "d/m*", "d/mx");
  const auto reader = CheckpointReader::Open("d/m*", files);
  ASSERT_THAT(reader, IsOk());
  EXPECT_EQ(reader->path(), "d/m*");
  EXPECT_EQ(reader->num_files(), 1);
}

TEST(CheckpointReader, AllShardsMustBeThere) {
  MemoryFileSystem files;
  AddOld(files, "d/m-00000-of-00003", "d/m-00002-of-00003");
  EXPECT_THAT(CheckpointReader::Open("d/m", files),
              StatusIs(Code::kDataLoss, "in the place of shard 0 is d/m-00000-of-00003"));
}

// Two equal halves of four have four elements, and leave two out.
TEST(CheckpointReader, PartsThatOverlap) {
  MemoryFileSystem files;
  const Tensor low = Half(0), middle = Half(1);
  ASSERT_THAT(ops::WriteOldCheckpoint(files, "d/m",
                                      std::vector<ops::OldSlice>{{"p", {4}, Part(0), &low},
                                                                 {"p", {4}, Part(1), &middle}}),
              IsOk());
  const auto reader = CheckpointReader::Open("d/m", files);
  ASSERT_THAT(reader, IsOk());
  EXPECT_THAT(reader->GetTensor("p"),
              StatusIs(Code::kDataLoss, "p: its parts overlap and leave elements out"));
}

TEST(CheckpointReader, Directories) {
  MemoryFileSystem files;
  AddBundle(files, "d/m-1");
  AddBundle(files, "d/m-2");
  EXPECT_EQ(CheckpointReader::Open("d", files)->path(), "d/m-2");  // no state: the highest step
  ASSERT_THAT(WriteCheckpointState(files, "d", {.latest = "d/m-1", .all = {"d/m-1"}}), IsOk());
  EXPECT_EQ(CheckpointReader::Open("d", files)->path(), "d/m-1");
  ASSERT_THAT(WriteCheckpointState(files, "d", {.latest = "d/gone", .all = {}}), IsOk());
  EXPECT_EQ(CheckpointReader::Open("d", files)->path(), "d/m-2");
  AddOld(files, "d/old", "x/unused");
  ASSERT_THAT(WriteCheckpointState(files, "d", {.latest = "d/old", .all = {}}), IsOk());
  EXPECT_EQ(CheckpointReader::Open("d", files)->path(), "d/old");

  AddBundle(files, "model/variables/variables");
  EXPECT_EQ(CheckpointReader::Open("model", files)->path(), "model/variables/variables");
  files.Set("e/checkpoint", "nonsense");
  EXPECT_THAT(CheckpointReader::Open("e", files),
              StatusIs(Code::kNotFound, "directory e holds no checkpoint; e/checkpoint"));
}

TEST(CheckpointReader, WhatIsNotThere) {
  MemoryFileSystem files;
  AddBundle(files, "d/m");
  EXPECT_THAT(CheckpointReader::Open("d/x", files),
              StatusIs(Code::kNotFound, "no checkpoint d/x: there is no d/x.index"));
  EXPECT_THAT(CheckpointReader::Open("", files), StatusIs(Code::kNotFound, "no checkpoint"));
  const auto reader = CheckpointReader::Open("d/m", files);
  ASSERT_THAT(reader, IsOk());
  const std::string message = "Key net/v not found in checkpoint d/m. Nearest names: 'net/w'";
  EXPECT_THAT(reader->GetTensor("net/v"), StatusIs(Code::kNotFound, message));
  EXPECT_THAT(reader->GetSlice("net/v", Whole(2)), StatusIs(Code::kNotFound, message));
  EXPECT_THAT(reader->GetSlice("p", Part(3)), StatusIs(Code::kInvalidArgument, "d/m, p: "));
  EXPECT_THAT(reader->GetSlice("p", Whole(2)), StatusIs(Code::kInvalidArgument, "d/m, p: "));
  ASSERT_THAT(files.Delete("d/m.data-00000-of-00001"), IsOk());
  EXPECT_THAT(CheckpointReader::Open("d/m", files)->VerifyAll(),
              StatusIs(Code::kNotFound, "d/m.data-00000-of-00001"));
  ASSERT_THAT(files.Delete("d/m.index"), IsOk());
  files.Set("d/m.data-00000-of-00001", "");
  EXPECT_THAT(CheckpointReader::Open("d/m.data-00000-of-00001", files),
              StatusIs(Code::kNotFound, "whose index is missing: d/m.index"));
}

TEST(CheckpointReader, OldFilesCutOrFlippedAnywhere) {
  MemoryFileSystem good;
  AddOld(good, "d/m", "d/other");
  const std::string bytes = good.Get("d/m");
  const auto read = [](const std::string& text) {
    MemoryFileSystem files;
    files.Set("d/m", text);
    auto reader = CheckpointReader::Open("d/m", files);
    return reader.ok() ? reader->GetTensor("net/w").status() : reader.status();
  };
  ASSERT_THAT(read(bytes), IsOk());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(read(bytes.substr(0, size)), StatusIs(Code::kDataLoss, "d/m")) << size;
  }
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_THAT(read(flipped), StatusIs(Code::kDataLoss, "d/m")) << bit;
  }
}

// A few bytes that claim a tensor of 4 TiB.
TEST(CheckpointReader, OldFilesThatLie) {
  MemoryFileSystem files;
  proto::SavedTensorSlices head, data;
  auto* meta = head.mutable_meta()->add_tensor();
  meta->set_name("huge");
  meta->set_type(proto::DT_FLOAT);
  meta->mutable_shape()->add_dim()->set_size(int64_t{1} << 40);
  meta->add_slice()->add_extent();
  data.mutable_data()->set_name("huge");
  data.mutable_data()->mutable_data()->add_float_val(1);
  auto file = files.Create("d/m");
  ASSERT_THAT(WriteSortedTable({{"", head.SerializeAsString()},
                                {SliceKey("huge", Whole(1)), data.SerializeAsString()}},
                               **file),
              IsOk());
  ASSERT_THAT((*file)->Close(), IsOk());
  const auto reader = CheckpointReader::Open("d/m", files);
  ASSERT_THAT(reader, IsOk());
  EXPECT_THAT(reader->GetTensor("huge"), StatusIs(Code::kDataLoss, "huge"));
}

TEST(BundlePrefixOf, NamesOfFiles) {
  EXPECT_EQ(BundlePrefixOf("a/b.index"), "a/b");
  EXPECT_EQ(BundlePrefixOf("a/b.data-00003-of-00010"), "a/b");
  for (const char* other : {"a/b", "a/b-00000-of-00001", "a/b.data-0000x-of-00001", "index", "",
                            "a/b.data-00000-of-000010"}) {
    EXPECT_EQ(BundlePrefixOf(other), other);
  }
}

}  // namespace
}  // namespace sluice::train
