#include "ops/kernels/crop.h"

#include <algorithm>
#include <cmath>

#include "core/threads.h"
#include "ops/kernels/unfused.h"

namespace sluice::kernels {
namespace {

// One axis of a box on its image.
class Axis {
 public:
  Axis(float begin, float end, int64_t image, int64_t crop)
      : begin_(begin), end_(end), last_(static_cast<float>(image - 1)), crop_(crop) {
    first_ = UnfusedProduct(begin, last_);
    if (crop > 1) scale_ = (end - begin) * last_ / static_cast<float>(crop - 1);
  }

  // Where cell i of the crop lies. False when that is outside of the image (or not a number).
  bool Place(int64_t i, float* place) const {
    *place = crop_ > 1 ? first_ + UnfusedProduct(static_cast<float>(i), scale_)
                       : 0.5f * (begin_ + end_) * last_;
    return *place >= 0 && *place <= last_;
  }

  // d place / d begin and d place / d end.
  float ByBegin(int64_t i) const { return crop_ > 1 ? last_ - ByEnd(i) : 0.5f * last_; }
  float ByEnd(int64_t i) const {
    return crop_ > 1 ? static_cast<float>(i) * (last_ / static_cast<float>(crop_ - 1))
                     : 0.5f * last_;
  }

 private:
  float begin_, end_, last_, first_, scale_ = 0;
  int64_t crop_;
};

// The two rows (columns) next to a place, as offsets, and how far it is from the first.
struct Between {
  Between(float place, int64_t stride)
      : first(static_cast<int64_t>(std::floor(place)) * stride),
        second(static_cast<int64_t>(std::ceil(place)) * stride),
        lerp(place - std::floor(place)) {}
  int64_t first, second;
  float lerp;
};

int64_t Nearest(float place, int64_t stride) {
  return static_cast<int64_t>(std::round(place)) * stride;
}

// A box, its image and its crop.
struct Box {
  Box(const CropShape& s, const float* boxes, const int32_t* image_of, int64_t b)
      : y(boxes[4 * b], boxes[4 * b + 2], s.image[0], s.crop[0]),
        x(boxes[4 * b + 1], boxes[4 * b + 3], s.image[1], s.crop[1]),
        row(s.image[1] * s.channels),
        image(image_of[b] * s.image[0] * row),
        crop(b * s.crop[0] * s.crop[1] * s.channels) {}
  Axis y, x;
  int64_t row, image, crop;  // elements in an image's row, and before the image and the crop
};

// Calls inside(crop offset, i, j, y, x) for the cells that lie on the image and outside(crop
// offset) for the others.
template <typename Inside, typename Outside>
void ForEachCell(const CropShape& s, const Box& box, Inside inside, Outside outside) {
  int64_t at = box.crop;
  for (int64_t i = 0; i < s.crop[0]; ++i) {
    float y, x;
    const bool row_inside = box.y.Place(i, &y);
    for (int64_t j = 0; j < s.crop[1]; ++j, at += s.channels) {
      if (row_inside && box.x.Place(j, &x)) {
        inside(at, i, j, y, x);
      } else {
        outside(at);
      }
    }
  }
}

double BoxCost(const CropShape& s, double cost) {
  return cost * static_cast<double>(s.crop[0] * s.crop[1]) * static_cast<double>(s.channels + 4);
}

}  // namespace

void CropAndResize(const CropShape& s, const float* boxes, const int32_t* image_of, float outside,
                   const float* images, float* crops) {
  if (s.channels == 0) return;
  auto crop = [&](int64_t b) {
    const Box box(s, boxes, image_of, b);
    const float* image = images + box.image;
    auto fill = [&](int64_t at) { std::fill_n(crops + at, s.channels, outside); };
    auto copy = [&](int64_t at, int64_t, int64_t, float y, float x) {
      const float* from = image + Nearest(y, box.row) + Nearest(x, s.channels);
      std::copy_n(from, s.channels, crops + at);
    };
    auto mix = [&](int64_t at, int64_t, int64_t, float y, float x) {
      const Between rows(y, box.row), columns(x, s.channels);
      const float *top = image + rows.first, *bottom = image + rows.second;
      const int64_t left = columns.first, right = columns.second;
      for (int64_t c = 0; c < s.channels; ++c) {
        const float above = top[left + c] + (top[right + c] - top[left + c]) * columns.lerp;
        const float below =
            bottom[left + c] + (bottom[right + c] - bottom[left + c]) * columns.lerp;
        crops[at + c] = above + (below - above) * rows.lerp;
      }
    };
    if (s.nearest) {
      ForEachCell(s, box, copy, fill);
    } else {
      ForEachCell(s, box, mix, fill);
    }
  };
  ParallelFor(s.boxes, GrainFor(BoxCost(s, 2)), [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) crop(b);
  });
}

void CropImageGradient(const CropShape& s, const float* boxes, const int32_t* image_of,
                       const float* dcrops, float* dimages) {
  const int64_t size = s.image[0] * s.image[1] * s.channels;
  if (size == 0) return;
  std::fill_n(dimages, s.batch * size, 0.0f);
  auto spread = [&](const Box& box) {
    float* image = dimages + box.image;
    auto add = [&](int64_t at, int64_t, int64_t, float y, float x) {
      const float* d = dcrops + at;
      if (s.nearest) {
        float* to = image + Nearest(y, box.row) + Nearest(x, s.channels);
        for (int64_t c = 0; c < s.channels; ++c) to[c] += d[c];
        return;
      }
      const Between rows(y, box.row), columns(x, s.channels);
      float *top = image + rows.first, *bottom = image + rows.second;
      const int64_t left = columns.first, right = columns.second;
      for (int64_t c = 0; c < s.channels; ++c) {
        const float up = (1 - rows.lerp) * d[c], down = rows.lerp * d[c];
        top[left + c] += (1 - columns.lerp) * up;
        top[right + c] += columns.lerp * up;
        bottom[left + c] += (1 - columns.lerp) * down;
        bottom[right + c] += columns.lerp * down;
      }
    };
    ForEachCell(s, box, add, [](int64_t) {});
  };
  // Boxes may overlap, images do not.
  const double cost = BoxCost(s, 4) * static_cast<double>(s.boxes);
  ParallelFor(s.batch, GrainFor(cost / static_cast<double>(std::max<int64_t>(s.batch, 1))),
              [&](int64_t begin, int64_t end) {
                for (int64_t b = 0; b < s.boxes; ++b)
                  if (image_of[b] >= begin && image_of[b] < end) spread(Box(s, boxes, image_of, b));
              });
}

void CropBoxGradient(const CropShape& s, const float* boxes, const int32_t* image_of,
                     const float* images, const float* dcrops, float* dboxes) {
  if (s.channels == 0) {
    std::fill_n(dboxes, 4 * s.boxes, 0.0f);
    return;
  }
  auto slope = [&](int64_t b) {
    const Box box(s, boxes, image_of, b);
    const float* image = images + box.image;
    double sums[4] = {0, 0, 0, 0};
    auto add = [&](int64_t at, int64_t i, int64_t j, float y, float x) {
      const Between rows(y, box.row), columns(x, s.channels);
      const float *top = image + rows.first, *bottom = image + rows.second;
      const int64_t left = columns.first, right = columns.second;
      for (int64_t c = 0; c < s.channels; ++c) {
        const float d = dcrops[at + c];
        const float by_y = d * ((1 - columns.lerp) * (bottom[left + c] - top[left + c]) +
                                columns.lerp * (bottom[right + c] - top[right + c]));
        const float by_x = d * ((1 - rows.lerp) * (top[right + c] - top[left + c]) +
                                rows.lerp * (bottom[right + c] - bottom[left + c]));
        sums[0] += by_y * box.y.ByBegin(i);
        sums[1] += by_x * box.x.ByBegin(j);
        sums[2] += by_y * box.y.ByEnd(i);
        sums[3] += by_x * box.x.ByEnd(j);
      }
    };
    ForEachCell(s, box, add, [](int64_t) {});
    for (int k = 0; k < 4; ++k) dboxes[4 * b + k] = static_cast<float>(sums[k]);
  };
  ParallelFor(s.boxes, GrainFor(BoxCost(s, 6)), [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) slope(b);
  });
}

}  // namespace sluice::kernels
