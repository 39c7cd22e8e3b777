// IDX files made by hand: every way to be malformed, and the order of batches.
#include "train/image_set.h"

#include <zlib.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/core/memory_files.h"
#include "tests/testing/core/status_matchers.h"
#include "tests/testing/core/tensors.h"

namespace sluice::train {
namespace {

using absl::StatusCode;

// Two zero bytes, the type (8: unsigned bytes), the rank, big-endian dimensions, the elements.
std::string Idx(const std::vector<uint32_t>& dims, const std::string& elements, char type = 8) {
  std::string bytes = {0, 0, type, static_cast<char>(dims.size())};
  for (uint32_t dim : dims) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(dim >> shift));
  }
  return bytes + elements;
}

std::string Gzip(const std::string& plain) {
  z_stream stream = {};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(plain.size() + 200, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

class IdxTest : public ::testing::Test {
 protected:
  absl::StatusOr<Tensor> Read(const std::string& bytes) {
    files_.Set("/d/x", bytes);
    return ReadIdx("/d/x", files_);
  }
  // That code, and a message with `text` and the path.
  void ExpectRefused(const std::string& bytes, StatusCode code, const std::string& text) {
    const auto result = Read(bytes);
    EXPECT_THAT(result, StatusIs(code, text));
    EXPECT_THAT(result, StatusIs(code, "/d/x"));
  }
  testing::MemoryFileSystem files_;
};

TEST_F(IdxTest, ReadsPlainFiles) {
  const auto t = Read(Idx({2, 1, 3}, "\x01\x02\x03\xff\x80\x04"));
  ASSERT_THAT(t, IsOk());
  ExpectClose(*t, Tensor::Of<uint8_t>({2, 1, 3}, {1, 2, 3, 255, 128, 4}));
}

TEST_F(IdxTest, ReadsGzippedFiles) {
  const auto t = Read(Gzip(Idx({300, 300}, std::string(90000, '\x07'))));
  ASSERT_THAT(t, IsOk());
  EXPECT_EQ(t->shape(), TensorShape({300, 300}));
  EXPECT_EQ(std::count(t->flat<uint8_t>().begin(), t->flat<uint8_t>().end(), 7), 90000);
}

TEST_F(IdxTest, ReadsEmptyAndScalarTensors) {
  EXPECT_EQ(Read(Idx({0, 5}, ""))->shape(), TensorShape({0, 5}));
  EXPECT_EQ(Read(Idx({}, "\x09"))->scalar<uint8_t>(), 9);
}

TEST_F(IdxTest, MissingFile) {
  EXPECT_THAT(ReadIdx("/d/none", files_), StatusIs(StatusCode::kNotFound, "/d/none"));
}

TEST_F(IdxTest, CutAnywhere) {
  const std::string whole = Idx({2, 2}, "abcd");
  for (size_t length = 0; length < whole.size(); ++length) {
    SCOPED_TRACE(length);
    ExpectRefused(whole.substr(0, length), StatusCode::kDataLoss, "");
  }
}

TEST_F(IdxTest, BytesTooMany) {
  ExpectRefused(Idx({2, 2}, "abcde"), StatusCode::kDataLoss,
                "shape [2,2] needs 4 bytes, the file has 5");
}

TEST_F(IdxTest, AnotherMagicNumber) {
  ExpectRefused(std::string("PK\x03\x04 no idx"), StatusCode::kInvalidArgument,
                "does not start with two zero bytes");
}

TEST_F(IdxTest, AnotherElementType) {
  ExpectRefused(Idx({1}, "abcd", 0x0D), StatusCode::kInvalidArgument, "element type 13");
}

TEST_F(IdxTest, DimensionsThatOverflow) {
  const uint32_t huge = 0xFFFFFFFF;
  ExpectRefused(Idx({huge, huge, huge}, "abcd"), StatusCode::kInvalidArgument, "");
  ExpectRefused(Idx({0x80000000, 4}, "abcd"), StatusCode::kDataLoss, "the file has 4");
  ExpectRefused(Idx({0, huge, huge, huge}, ""), StatusCode::kInvalidArgument, "");
}

TEST_F(IdxTest, RankAboveTheLimit) {
  ExpectRefused(Idx(std::vector<uint32_t>(255, 1), "a"), StatusCode::kInvalidArgument, "");
}

TEST_F(IdxTest, GzipCutAnywhere) {
  const std::string whole = Gzip(Idx({2, 2}, "abcd"));
  for (size_t length = 2; length < whole.size(); ++length) {
    SCOPED_TRACE(length);
    ExpectRefused(whole.substr(0, length), StatusCode::kDataLoss, "gzip stream is cut or damaged");
  }
}

TEST_F(IdxTest, GzipWithAFlippedByte) {
  const std::string whole = Gzip(Idx({2, 2}, "abcd"));
  // The compressed data and the checksum; the header before has bytes that nobody checks.
  for (size_t i = 10; i < whole.size(); ++i) {
    SCOPED_TRACE(i);
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    ExpectRefused(damaged, StatusCode::kDataLoss, "");
  }
}

TEST_F(IdxTest, BytesAfterTheGzipStream) {
  ExpectRefused(Gzip(Idx({1}, "a")) + "xyz", StatusCode::kDataLoss,
                "3 bytes follow the gzip stream");
}

// --- sets ---

class ImageSetTest : public ::testing::Test {
 protected:
  absl::StatusOr<ImageSet> Read(const std::string& images, const std::string& labels,
                                int classes = 10) {
    files_.Set("/d/images", images);
    files_.Set("/d/labels", labels);
    return ReadImageSet("/d/images", "/d/labels", classes, files_);
  }
  testing::MemoryFileSystem files_;
};

TEST_F(ImageSetTest, ReadsBothFiles) {
  const auto set = Read(Idx({2, 1, 2}, std::string("\x00\x33\x66\xff", 4)), Idx({2}, "\x05\x09"));
  ASSERT_THAT(set, IsOk());
  EXPECT_EQ(set->size(), 2);
  const auto batch = Slice(*set, 1, 2);
  ASSERT_THAT(batch, IsOk());
  ExpectClose(batch->images, Tensor::Of<float>({1, 1, 2, 1}, {0.4, 1}));
  ExpectClose(batch->labels, Tensor::Of<int64_t>({1}, {9}));
  EXPECT_EQ(Slice(*set, 0, 0)->images.shape(), TensorShape({0, 1, 2, 1}));
}

TEST_F(ImageSetTest, FilesThatDoNotBelongTogether) {
  const std::string two = Idx({2, 1, 2}, "abcd");
  EXPECT_THAT(Read(two, Idx({3}, "\1\2\3")),
              StatusIs(StatusCode::kInvalidArgument,
                       "/d/labels: expected 2 labels, one for each image, got [3]"));
  EXPECT_THAT(Read(two, Idx({2, 1}, "\1\2")), StatusIs(StatusCode::kInvalidArgument, "got [2,1]"));
  EXPECT_THAT(Read(Idx({2}, "ab"), Idx({2}, "\1\2")),
              StatusIs(StatusCode::kInvalidArgument,
                       "/d/images: expected images [n, height, width], got [2]"));
  EXPECT_THAT(Read(Idx({0, 2, 2}, ""), Idx({0}, "")),
              StatusIs(StatusCode::kInvalidArgument, "got [0,2,2]"));
}

TEST_F(ImageSetTest, LabelsOutsideOfTheClasses) {
  EXPECT_THAT(Read(Idx({2, 1, 1}, "ab"), Idx({2}, "\x01\x03"), 3),
              StatusIs(StatusCode::kInvalidArgument, "/d/labels: label 3 is outside of 3 classes"));
}

// --- batches ---

// Image i has the one pixel i and the label i % 10.
ImageSet Numbered(int count) {
  std::vector<uint8_t> pixels(count), labels(count);
  for (int i = 0; i < count; ++i) {
    pixels[i] = static_cast<uint8_t>(i);
    labels[i] = static_cast<uint8_t>(i % 10);
  }
  return {Tensor::Of<uint8_t>({count, 1, 1}, pixels), Tensor::Of<uint8_t>({count}, labels)};
}

std::vector<int> ImagesOf(const Batch& batch) {
  std::vector<int> images;
  for (float pixel : batch.images.flat<float>())
    images.push_back(static_cast<int>(pixel * 255 + 0.5f));
  return images;
}

std::vector<int> Epoch(ShuffledBatches& batches, int64_t epoch) {
  std::vector<int> images;
  for (int64_t i = 0; i < batches.steps_per_epoch(); ++i) {
    const auto batch = batches.At(epoch * batches.steps_per_epoch() + i);
    EXPECT_THAT(batch, IsOk());
    for (int image : ImagesOf(*batch)) images.push_back(image);
  }
  return images;
}

TEST(ShuffledBatchesTest, EveryEpochHasEveryImageOnce) {
  const ImageSet set = Numbered(60);
  auto batches = ShuffledBatches::Create(set, 12, 5);
  ASSERT_THAT(batches, IsOk());
  EXPECT_EQ(batches->steps_per_epoch(), 5);
  std::set<std::vector<int>> orders;
  for (int epoch = 0; epoch < 4; ++epoch) {
    std::vector<int> order = Epoch(*batches, epoch);
    orders.insert(order);
    std::sort(order.begin(), order.end());
    ASSERT_EQ(order.size(), 60u);
    for (int i = 0; i < 60; ++i) EXPECT_EQ(order[i], i);
  }
  EXPECT_EQ(orders.size(), 4u);
}

TEST(ShuffledBatchesTest, ARestIsLeftOut) {
  const ImageSet set = Numbered(10);
  auto batches = ShuffledBatches::Create(set, 4, 1);
  ASSERT_THAT(batches, IsOk());
  EXPECT_EQ(batches->steps_per_epoch(), 2);
  const std::vector<int> order = Epoch(*batches, 0);
  EXPECT_EQ(std::set<int>(order.begin(), order.end()).size(), 8u);
}

TEST(ShuffledBatchesTest, LabelsGoWithTheirImages) {
  const ImageSet set = Numbered(50);
  auto batches = ShuffledBatches::Create(set, 50, 2);
  const auto batch = batches->At(0);
  ASSERT_THAT(batch, IsOk());
  const std::vector<int> images = ImagesOf(*batch);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(batch->labels.data<int64_t>()[i], images[i] % 10);
}

TEST(ShuffledBatchesTest, ABatchDependsOnSeedAndStepOnly) {
  const ImageSet set = Numbered(40);
  auto forward = ShuffledBatches::Create(set, 8, 7), backward = ShuffledBatches::Create(set, 8, 7);
  auto other = ShuffledBatches::Create(set, 8, 8);
  std::vector<std::vector<int>> first;
  for (int step = 0; step < 20; ++step) first.push_back(ImagesOf(*forward->At(step)));
  int differing = 0;
  for (int step = 19; step >= 0; --step) {
    EXPECT_EQ(ImagesOf(*backward->At(step)), first[step]);
    differing += ImagesOf(*other->At(step)) != first[step];
  }
  EXPECT_GT(differing, 15);
}

// Position 0 takes every image about equally often.
TEST(ShuffledBatchesTest, TheOrderIsUniform) {
  const ImageSet set = Numbered(8);
  auto batches = ShuffledBatches::Create(set, 8, 11);
  std::vector<int> count(8, 0);
  for (int epoch = 0; epoch < 8000; ++epoch) ++count[ImagesOf(*batches->At(epoch))[0]];
  for (int c : count) EXPECT_NEAR(c, 1000, 150);  // 5 standard deviations
}

TEST(ShuffledBatchesTest, BatchSizesThatDoNotFit) {
  const ImageSet set = Numbered(5);
  for (int64_t size : {int64_t{0}, int64_t{-1}, int64_t{6}}) {
    EXPECT_THAT(ShuffledBatches::Create(set, size, 1),
                StatusIs(StatusCode::kInvalidArgument, "the batch size must be in [1, 5], got "));
  }
  EXPECT_THAT(ShuffledBatches::Create(set, 5, 1), IsOk());
}

TEST(ShuffledBatchesTest, NegativeStep) {
  const ImageSet set = Numbered(5);
  EXPECT_THAT(ShuffledBatches::Create(set, 5, 1)->At(-1),
              StatusIs(StatusCode::kInvalidArgument, "a step is >= 0, got -1"));
}

}  // namespace
}  // namespace sluice::train
