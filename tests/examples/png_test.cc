// Images decoded again by hand: chunks, checksums, rows (PNG specification, third edition).
#include "examples/fashion_mnist/png.h"

#include <zlib.h>

#include <map>
#include <vector>

#include "gtest/gtest.h"

namespace sluice::examples {
namespace {

uint32_t BigEndian(const std::string& bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
  return value;
}

// Data by chunk type, in a file that must be whole.
std::map<std::string, std::string> Chunks(const std::string& png) {
  EXPECT_EQ(png.substr(0, 8), "\x89PNG\r\n\x1a\n");
  std::map<std::string, std::string> chunks;
  size_t at = 8;
  while (at + 12 <= png.size()) {
    const uint32_t length = BigEndian(png, at);
    const std::string body = png.substr(at + 4, length + 4);
    EXPECT_EQ(BigEndian(png, at + 8 + length), crc32(0, reinterpret_cast<const Bytef*>(body.data()),
                                                     static_cast<uInt>(body.size())));
    chunks[body.substr(0, 4)] = body.substr(4);
    at += length + 12;
  }
  EXPECT_EQ(at, png.size());
  return chunks;
}

std::string Inflate(const std::string& packed, size_t size) {
  std::string plain(size + 1, '\0');
  uLongf got = plain.size();
  EXPECT_EQ(uncompress(reinterpret_cast<Bytef*>(plain.data()), &got,
                       reinterpret_cast<const Bytef*>(packed.data()), packed.size()),
            Z_OK);
  plain.resize(got);
  return plain;
}

TEST(PngTest, HeaderAndRows) {
  const std::vector<uint8_t> pixels = {0, 127, 255, 1, 2, 3};
  auto chunks = Chunks(EncodeGreyPng(pixels, 3, 2));
  EXPECT_EQ(chunks.size(), 3u);
  // Width 3, height 2, 8 bits, grey, deflate, adaptive filtering, no interlacing.
  EXPECT_EQ(chunks["IHDR"], std::string("\0\0\0\3\0\0\0\2\x08\0\0\0\0", 13));
  EXPECT_EQ(chunks["IEND"], "");
  // Filter 0 before each row.
  EXPECT_EQ(Inflate(chunks["IDAT"], 8), std::string("\0\0\x7f\xff\0\1\2\3", 8));
}

TEST(PngTest, LargeImage) {
  const std::vector<uint8_t> pixels(200 * 300, 9);
  auto chunks = Chunks(EncodeGreyPng(pixels, 200, 300));
  EXPECT_EQ(Inflate(chunks["IDAT"], 201 * 300).size(), 201u * 300);
}

}  // namespace
}  // namespace sluice::examples
