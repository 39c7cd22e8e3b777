#include "io/png.h"

#include <png.h>

#include <csetjmp>
#include <cstddef>

#include "absl/strings/str_cat.h"

namespace sluice {
namespace {

constexpr int64_t kMaxSide = 1 << 20;  // libpng refuses larger images too

void AppendBytes(png_structp png, png_bytep data, size_t count) {
  static_cast<std::string*>(png_get_io_ptr(png))->append(reinterpret_cast<char*>(data), count);
}
void FlushNothing(png_structp) {}
void Quiet(png_structp, png_const_charp) {}
[[noreturn]] void Jump(png_structp png, png_const_charp) { longjmp(png_jmpbuf(png), 1); }

struct Image {
  const uint8_t* pixels;
  int64_t width, height;
  int channels;
};

// False where libpng gives up. Nothing with a destructor lives here: libpng jumps over it.
bool Write(png_structp png, png_infop info, const Image& image, std::string* out) {
  constexpr int kColours[] = {0, PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB,
                              PNG_COLOR_TYPE_RGB_ALPHA};
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  png_set_write_fn(png, out, AppendBytes, FlushNothing);
  png_set_IHDR(png, info, static_cast<png_uint_32>(image.width),
               static_cast<png_uint_32>(image.height), 8, kColours[image.channels],
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
  for (int64_t row = 0; row < image.height; ++row) {
    png_write_row(png, image.pixels + row * image.width * image.channels);
  }
  png_write_end(png, nullptr);
  return true;
}

}  // namespace

absl::StatusOr<std::string> EncodePng(absl::Span<const uint8_t> pixels, int64_t width,
                                      int64_t height, int channels) {
  if (width < 1 || height < 1 || width > kMaxSide || height > kMaxSide || channels < 1 ||
      channels > 4 || static_cast<int64_t>(pixels.size()) != width * height * channels) {
    return absl::InvalidArgumentError(
        absl::StrCat("no PNG of ", width, " x ", height, " pixels of ", channels,
                     " channels can be made of ", pixels.size(), " bytes"));
  }
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, Jump, Quiet);
  png_infop info = png != nullptr ? png_create_info_struct(png) : nullptr;
  std::string out;
  const bool written =
      info != nullptr && Write(png, info, {pixels.data(), width, height, channels}, &out);
  png_destroy_write_struct(&png, &info);
  if (!written) return absl::InternalError("PNG encoding failed");
  return out;
}

}  // namespace sluice
