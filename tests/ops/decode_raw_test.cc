#include "ops/decode_raw.h"

#include <zlib.h>

#include <complex>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

Tensor Texts(const std::vector<std::string>& s) {
  return Tensor::Of<std::string>({static_cast<int64_t>(s.size())}, s);
}

OpTest Raw(DType type, const std::vector<std::string>& bytes) {
  return OpTest("DecodeRaw").Attr("out_type", type).Input(Texts(bytes)).DataDependentShape();
}

TEST(DecodeRawTest, ByHand) {
  Raw(DType::kUint8, {"AB", "\xFF\x01"}).Expect<uint8_t>({2, 2}, {65, 66, 255, 1});
  const std::string bytes("\x01\x00\x02\xFF", 4);
  Raw(DType::kInt16, {bytes}).Expect<int16_t>({1, 2}, {1, -254});
  Raw(DType::kInt16, {bytes}).Attr("little_endian", false).Expect<int16_t>({1, 2}, {256, 767});
  Raw(DType::kFloat, {std::string("\x00\x00\xC0\x3F", 4)}).Expect({1, 1}, {1.5});
  Raw(DType::kComplex64, {std::string("\x3F\x80\x00\x00\x40\x00\x00\x00", 8)})
      .Attr("little_endian", false)
      .Expect<std::complex<float>>({1, 1}, {{1, 2}});
  Raw(DType::kBool, {std::string("\x00\x02", 2)}).Expect<bool>({1, 2}, {false, true});
}

TEST(DecodeRawTest, Empty) {
  Raw(DType::kFloat, {}).Expect({0, 0}, {});
  Raw(DType::kFloat, {"", ""}).Expect({2, 0}, {});
}

TEST(DecodeRawTest, Errors) {
  Raw(DType::kUint8, {"a", "ab"})
      .ExpectError(StatusCode::kInvalidArgument,
                   "DecodeRaw requires input strings to all be the same size, but element 1 has "
                   "size 1 != 2");
  Raw(DType::kFloat, {"abc"})
      .ExpectError(
          StatusCode::kInvalidArgument,
          "Input to DecodeRaw has length 3 that is not a multiple of 4, the size of float");
}

std::string Compress(const std::string& text, int window_bits) {
  z_stream stream = {};
  deflateInit2(&stream, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST(DecodeCompressedTest, AllTypes) {
  const std::string text(100000, 'x');
  OpTest("DecodeCompressed").Input(Texts({"a", ""})).Expect(Texts({"a", ""}));
  OpTest("DecodeCompressed")
      .Attr("compression_type", "ZLIB")
      .Input(Texts({Compress(text, 15), Compress("b", 15)}))
      .Expect(Texts({text, "b"}));
  OpTest("DecodeCompressed")
      .Attr("compression_type", "GZIP")
      .Input(Texts({Compress(text, 15 + 16)}))
      .Expect(Texts({text}));
}

TEST(DecodeCompressedTest, Errors) {
  OpTest("DecodeCompressed")
      .Attr("compression_type", "LZO")
      .Input(Texts({"a"}))
      .ExpectError(StatusCode::kInvalidArgument,
                   "Only ZLIB, GZIP or NONE are supported compressions");
  std::string damaged = Compress("some text that is compressed", 15);
  damaged.back() ^= 1;  // of the checksum
  for (const std::string& bad : {std::string("no zlib"), damaged}) {
    OpTest("DecodeCompressed")
        .Attr("compression_type", "ZLIB")
        .Input(Texts({bad}))
        .ExpectError(StatusCode::kDataLoss, "inflate() failed");
  }
}

TEST(DecodeCompressedTest, WhatEndsTooEarlyGivesWhatThereIs) {
  const std::string whole = Compress(std::string(50, 'a') + std::string(50, 'b'), 15);
  OpTest("DecodeCompressed")
      .Attr("compression_type", "ZLIB")
      .Input(Texts({"", whole.substr(0, 2), whole.substr(0, whole.size() - 1)}))
      .Expect(Texts({"", "", std::string(50, 'a') + std::string(50, 'b')}));
}

TEST(DecodeCompressedTest, SeveralParts) {
  OpTest("DecodeCompressed")
      .Attr("compression_type", "GZIP")
      .Input(Texts({Compress("one ", 15 + 16) + Compress("two", 15 + 16)}))
      .Expect(Texts({"one two"}));
}

}  // namespace
}  // namespace sluice
