#include "examples/fashion_mnist/png.h"

#include <zlib.h>

#include "glog/logging.h"

namespace sluice::examples {
namespace {

void AppendBigEndian(std::string* out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out->push_back(static_cast<char>(value >> shift));
}

// Length, type, data, CRC of type and data.
void AppendChunk(std::string* out, const std::string& type, const std::string& data) {
  AppendBigEndian(out, static_cast<uint32_t>(data.size()));
  const std::string body = type + data;
  *out += body;
  AppendBigEndian(out, static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(body.data()),
                                                   static_cast<uInt>(body.size()))));
}

std::string Deflate(const std::string& raw) {
  uLongf size = compressBound(raw.size());
  std::string packed(size, '\0');
  CHECK_EQ(compress(reinterpret_cast<Bytef*>(packed.data()), &size,
                    reinterpret_cast<const Bytef*>(raw.data()), raw.size()),
           Z_OK);
  packed.resize(size);
  return packed;
}

}  // namespace

std::string EncodeGreyPng(absl::Span<const uint8_t> pixels, int width, int height) {
  CHECK_EQ(static_cast<int64_t>(pixels.size()), static_cast<int64_t>(width) * height);
  std::string header;
  AppendBigEndian(&header, static_cast<uint32_t>(width));
  AppendBigEndian(&header, static_cast<uint32_t>(height));
  header += std::string("\x08\x00\x00\x00\x00",
                        5);  // 8 bits, grey, deflate, adaptive filters, not interlaced
  std::string rows;
  for (int y = 0; y < height; ++y) {
    rows.push_back('\0');  // filter: none
    rows.append(reinterpret_cast<const char*>(pixels.data()) + static_cast<size_t>(y) * width,
                width);
  }
  std::string png = "\x89PNG\r\n\x1a\n";
  AppendChunk(&png, "IHDR", header);
  AppendChunk(&png, "IDAT", Deflate(rows));
  AppendChunk(&png, "IEND", "");
  return png;
}

}  // namespace sluice::examples
