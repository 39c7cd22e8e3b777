#include "ops/kernels/locally_connected.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/threads.h"
#include "ops/kernels/indexed_product.h"
#include "ops/kernels/strided_copy.h"

namespace sluice::kernels {
namespace {

// Images and columns (elements of a patch) whose gradients are in the making at a time.
constexpr int64_t kImages = 64, kColumns = 64;
// Images whose outputs are computed together, and bytes of filters kept for them.
constexpr int64_t kFew = 8, kCached = 1 << 17;

// Neighbours in the image that are neighbours in the patch, too.
struct Stretch {
  int64_t image, column, length;
};

// What a window sees of one image, or of some of its rows: `count` elements.
struct Patch {
  int64_t count = 0;
  const int64_t* image = nullptr;   // where each lies in the image, from `origin` on
  const int64_t* filter = nullptr;  // where its row of weights begins
  int64_t origin = 0;
};

// A task: the images and rows whose gradients it makes, or a share of the positions; its memory.
template <typename T>
struct Task {
  int64_t first_image, end_image;
  int64_t top, bottom;
  int64_t first_position, end_position;
  int64_t *image, *filter;
  Stretch* stretches;
  T *outputs, *panel, *sums;
};

int64_t Align(int64_t bytes) { return (bytes + 63) / 64 * 64; }

// Inside, images are channels last, a little apart: at distances that are multiples of a page, the
// same elements of all images would compete for one set of the cache.
template <typename T>
class LocallyConnected : public Conv {
 public:
  LocallyConnected(ConvPass pass, const ConvShape& shape, int threads)
      : pass_(pass), s_(shape), size_(s_.taps() * s_.in_channels) {
    // Images of one row become images of one column: work is shared out by rows.
    if (s_.input[1] == 1 && s_.kernel[1] == 1) {
      for (int64_t(*sizes)[3] : {&s_.input, &s_.kernel, &s_.output, &s_.stride, &s_.before}) {
        std::swap((*sizes)[1], (*sizes)[2]);
      }
    }
    constexpr int64_t kPage = 4096 / sizeof(T), kApart = 320 / sizeof(T);
    const int64_t image = s_.input_pixels() * s_.in_channels;
    copy_images_ = s_.batch > 1 || s_.channels_first;
    x_image_ = copy_images_ ? (image + kPage - 1) / kPage * kPage + kApart : image;
    y_image_ = s_.output_pixels() * s_.out_channels;
    pitch_ = Padded(std::min(size_, kColumns));
    MakeTables();
    ShareOut(threads);
    MakeCopies(image);
  }

  int64_t scratch_bytes() const override {
    return images_bytes() + outputs_bytes() + image_tasks_ * row_tasks_ * task_bytes();
  }

  absl::Status Run(const ConvTensors& t) override {
    char* const memory = static_cast<char*>(t.scratch);
    T* const w = static_cast<T*>(t.filter);
    T* const x = static_cast<T*>(copy_images_ ? t.scratch : t.input);
    T* const y = reinterpret_cast<T*>(s_.channels_first ? memory + images_bytes() : t.output);
    if (copy_images_ && pass_ != ConvPass::kBackwardInput) images_in_.Run(t.input, x);
    if (s_.channels_first && pass_ != ConvPass::kForward) outputs_in_.Run(t.output, y);
    const int64_t tasks = image_tasks_ * row_tasks_;
    ParallelFor(tasks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const Task<T> task =
            TaskAt(i, memory + images_bytes() + outputs_bytes() + i * task_bytes());
        if (pass_ == ConvPass::kForward) Outputs(x, w, y, task);
        if (pass_ == ConvPass::kBackwardFilter) Filters(x, w, y, task);
        if (pass_ == ConvPass::kBackwardInput) Inputs(x, w, y, task);
      }
    });
    if (copy_images_ && pass_ == ConvPass::kBackwardInput) images_out_.Run(x, t.input);
    if (s_.channels_first && pass_ == ConvPass::kForward) outputs_out_.Run(y, t.output);
    return absl::OkStatus();
  }

 private:
  static int64_t Padded(int64_t columns) {
    const int64_t packet = PacketSize<T>();
    return (columns + packet - 1) / packet * packet;
  }

  void MakeTables() {
    image_.resize(size_);
    filter_.resize(size_);
    FillPatch(0, 0, 0, s_.kernel[1], s_.kernel[2], image_.data(), filter_.data());
    for (int64_t n = 0; n < s_.batch; ++n) {
      x_images_.push_back(n * x_image_);
      y_images_.push_back(n * y_image_);
      y_rows_.push_back(n * s_.out_channels);
    }
    for (int64_t n = 0; n < std::min(s_.batch, kImages); ++n) sum_rows_.push_back(n * pitch_);
    for (int64_t f = 0; f < s_.out_channels; ++f) {
      channels_.push_back(f);
      panel_rows_.push_back(f * pitch_);
    }
  }

  // Rows whose windows overlap are computed by both tasks that need them, so few rows are shared
  // out by images.
  void ShareOut(int threads) {
    const double weights = static_cast<double>(s_.output_pixels() * size_ * s_.out_channels);
    const double nanoseconds = weights * (0.1 + 0.04 * static_cast<double>(s_.batch));
    const int64_t tasks = std::clamp<int64_t>(
        static_cast<int64_t>(std::min(nanoseconds / 20000, 1e6)), 1, std::max(threads, 1));
    const bool few_rows = s_.input[1] < 4 * s_.kernel[1] * tasks;
    image_tasks_ = few_rows ? std::min(tasks, s_.batch) : 1;
    row_tasks_ = tasks / image_tasks_;
    if (pass_ == ConvPass::kBackwardInput) row_tasks_ = std::min(row_tasks_, s_.input[1]);
  }

  void MakeCopies(int64_t image) {
    constexpr DType kType = std::is_same_v<T, float> ? DType::kFloat : DType::kDouble;
    const int64_t c = s_.in_channels, f = s_.out_channels;
    const int64_t pixels = s_.input_pixels(), positions = s_.output_pixels();
    const bool first = s_.channels_first;
    const int64_t x_dims[] = {s_.batch, pixels, c}, y_dims[] = {s_.batch, positions, f};
    const int64_t x[] = {image, first ? 1 : c, first ? pixels : 1}, inside[] = {x_image_, c, 1};
    const int64_t y[] = {y_image_, 1, positions}, last[] = {y_image_, f, 1};
    images_in_ = ops::StridedCopy(kType, x_dims, {0, x}, {0, inside});
    images_out_ = ops::StridedCopy(kType, x_dims, {0, inside}, {0, x});
    outputs_in_ = ops::StridedCopy(kType, y_dims, {0, y}, {0, last});
    outputs_out_ = ops::StridedCopy(kType, y_dims, {0, last}, {0, y});
  }

  int64_t images_bytes() const { return copy_images_ ? Align(s_.batch * x_image_ * sizeof(T)) : 0; }
  int64_t outputs_bytes() const {
    return s_.channels_first ? Align(s_.batch * y_image_ * sizeof(T)) : 0;
  }
  int64_t task_bytes() const {
    Task<T> task;
    return PlaceMemory(nullptr, &task);
  }

  // Cuts `memory` (null: nothing) up for a task; the bytes that it needs.
  int64_t PlaceMemory(char* memory, Task<T>* task) const {
    int64_t bytes = 0;
    const auto take = [&](auto*& pointer, int64_t count) {
      using Pointer = std::remove_reference_t<decltype(pointer)>;
      pointer = memory == nullptr ? nullptr : reinterpret_cast<Pointer>(memory + bytes);
      bytes += Align(count * sizeof(*pointer));
    };
    take(task->image, size_);
    take(task->filter, size_);
    if (pass_ != ConvPass::kForward) take(task->outputs, s_.batch * s_.out_channels);
    if (pass_ != ConvPass::kBackwardInput) return bytes;
    take(task->stretches, pitch_);
    take(task->panel, s_.out_channels * pitch_);
    take(task->sums, static_cast<int64_t>(sum_rows_.size()) * pitch_);
    return bytes;
  }

  Task<T> TaskAt(int64_t i, char* memory) const {
    const int64_t tasks = image_tasks_ * row_tasks_, positions = s_.output_pixels();
    const int64_t images = i / row_tasks_, rows = i % row_tasks_;
    Task<T> task{.first_image = s_.batch * images / image_tasks_,
                 .end_image = s_.batch * (images + 1) / image_tasks_,
                 .top = s_.input[1] * rows / row_tasks_,
                 .bottom = s_.input[1] * (rows + 1) / row_tasks_,
                 .first_position = positions * i / tasks,
                 .end_position = positions * (i + 1) / tasks};
    PlaceMemory(memory, &task);
    return task;
  }

  // The elements of the patch at (y, x) that lie in rows [top, bottom) and columns [0, width).
  int64_t FillPatch(int64_t y, int64_t x, int64_t top, int64_t bottom, int64_t width,
                    int64_t* image, int64_t* filter) const {
    const int64_t u0 = std::max<int64_t>(0, top - y), u1 = std::min(s_.kernel[1], bottom - y);
    const int64_t v0 = std::max<int64_t>(0, -x), v1 = std::min(s_.kernel[2], width - x);
    const int64_t channels = s_.in_channels, taps = s_.taps();
    int64_t count = 0;
    for (int64_t u = u0; u < u1; ++u) {
      for (int64_t v = v0; v < v1; ++v) {
        const int64_t tap = u * s_.kernel[2] + v;
        const int64_t pixel = ((y + u) * s_.input[2] + x + v) * channels;
        for (int64_t c = 0; c < channels; ++c, ++count) {
          image[count] = pixel + c;
          filter[count] =
              (s_.channels_first ? c * taps + tap : tap * channels + c) * s_.out_channels;
        }
      }
    }
    return count;
  }

  Patch PatchAt(int64_t position, const Task<T>& task, int64_t top, int64_t bottom) const {
    const int64_t y = position / s_.output[2] * s_.stride[1] - s_.before[1];
    const int64_t x = position % s_.output[2] * s_.stride[2] - s_.before[2];
    if (y >= top && y + s_.kernel[1] <= bottom && x >= 0 && x + s_.kernel[2] <= s_.input[2]) {
      return {size_, image_.data(), filter_.data(), (y * s_.input[2] + x) * s_.in_channels};
    }
    const int64_t count = FillPatch(y, x, top, bottom, s_.input[2], task.image, task.filter);
    return {count, task.image, task.filter, 0};
  }

  // A few images at a time over a few positions, whose filters stay in the cache: what is written
  // of an image lies together.
  void Outputs(const T* x, const T* w, T* y, const Task<T>& task) const {
    const int64_t filter = size_ * s_.out_channels;
    const int64_t block = std::clamp<int64_t>(kCached / (filter * sizeof(T)), 1, 16);
    for (int64_t p = task.first_position; p < task.end_position; p += block) {
      const int64_t end = std::min(p + block, task.end_position);
      for (int64_t n = 0; n < s_.batch; n += kFew) {
        for (int64_t q = p; q < end; ++q) {
          const Patch patch = PatchAt(q, task, 0, s_.input[1]);
          Multiply<T>({.rows = std::min(kFew, s_.batch - n),
                       .columns = s_.out_channels,
                       .steps = patch.count,
                       .a_row = x_images_.data() + n,
                       .a_step = patch.image,
                       .b_step = patch.filter,
                       .c_row = y_images_.data() + n,
                       .a = x + patch.origin,
                       .b = w + q * filter,
                       .c = y + q * s_.out_channels});
        }
      }
    }
  }

  // Puts one position's outputs of the task's images together.
  void Gather(const T* y, int64_t position, const Task<T>& task) const {
    const int64_t f = s_.out_channels;
    for (int64_t n = task.first_image; n < task.end_image; ++n) {
      std::copy_n(y + n * y_image_ + position * f, f, task.outputs + n * f);
    }
  }

  void Filters(const T* x, T* w, const T* y, Task<T> task) const {
    task.first_image = 0;
    task.end_image = s_.batch;
    for (int64_t p = task.first_position; p < task.end_position; ++p) {
      const Patch patch = PatchAt(p, task, 0, s_.input[1]);
      T* const filter = w + p * size_ * s_.out_channels;
      if (patch.count < size_) std::fill_n(filter, size_ * s_.out_channels, T(0));
      Gather(y, p, task);
      Multiply<T>({.rows = patch.count,
                   .columns = s_.out_channels,
                   .steps = s_.batch,
                   .a_row = patch.image,
                   .a_step = x_images_.data(),
                   .b_step = y_rows_.data(),
                   .c_row = patch.filter,
                   .a = x + patch.origin,
                   .b = task.outputs,
                   .c = filter});
    }
  }

  // Every position adds to what it sees of the task's rows.
  void Inputs(T* x, const T* w, const T* y, const Task<T>& task) const {
    const int64_t row = s_.input[2] * s_.in_channels;
    for (int64_t n = task.first_image; n < task.end_image; ++n) {
      std::fill(x + n * x_image_ + task.top * row, x + n * x_image_ + task.bottom * row, T(0));
    }
    const int64_t stride = s_.stride[1];
    const int64_t first = task.top + s_.before[1] - s_.kernel[1] + 1;
    const int64_t begin = first <= 0 ? 0 : (first + stride - 1) / stride;
    const int64_t end = std::min(s_.output[1], (task.bottom + s_.before[1] + stride - 1) / stride);
    for (int64_t p = begin * s_.output[2]; p < end * s_.output[2]; ++p) {
      const Patch patch = PatchAt(p, task, task.top, task.bottom);
      Gather(y, p, task);
      for (int64_t k = 0; k < patch.count; k += pitch_) {
        const int64_t count = std::min(pitch_, patch.count - k);
        TransposeRows(w + p * size_ * s_.out_channels, patch.filter + k, count, s_.out_channels,
                      task.panel, pitch_);
        AddPatches(x + patch.origin, patch.image + k, count, task);
      }
    }
  }

  // Adds the gathered outputs times the panel's `count` columns to elements `image` of the images.
  void AddPatches(T* x, const int64_t* image, int64_t count, const Task<T>& task) const {
    int64_t stretches = 0;
    for (int64_t i = 0; i < count; ++i) {
      if (i > 0 && image[i] == image[i - 1] + 1) {
        ++task.stretches[stretches - 1].length;
      } else {
        task.stretches[stretches++] = {image[i], i, 1};
      }
    }
    for (int64_t n = task.first_image; n < task.end_image; n += kImages) {
      const int64_t images = std::min(kImages, task.end_image - n);
      Multiply<T>({.rows = images,
                   .columns = Padded(count),
                   .steps = s_.out_channels,
                   .a_row = y_rows_.data() + n,
                   .a_step = channels_.data(),
                   .b_step = panel_rows_.data(),
                   .c_row = sum_rows_.data(),
                   .a = task.outputs,
                   .b = task.panel,
                   .c = task.sums});
      for (int64_t i = 0; i < images; ++i) {
        const T* const sums = task.sums + i * pitch_;
        T* const to = x + (n + i) * x_image_;
        for (int64_t r = 0; r < stretches; ++r) {
          const Stretch& part = task.stretches[r];
          for (int64_t j = 0; j < part.length; ++j) to[part.image + j] += sums[part.column + j];
        }
      }
    }
  }

  const ConvPass pass_;
  ConvShape s_;
  const int64_t size_;  // of a patch
  bool copy_images_;
  int64_t x_image_, y_image_;            // from one image to the next
  int64_t pitch_;                        // of the panel and the sums
  std::vector<int64_t> image_, filter_;  // a patch that lies inside
  std::vector<int64_t> x_images_, y_images_, y_rows_, sum_rows_, channels_, panel_rows_;
  int64_t image_tasks_ = 1, row_tasks_ = 1;
  ops::StridedCopy images_in_, images_out_, outputs_in_, outputs_out_;
};

}  // namespace

template <typename T>
std::unique_ptr<Conv> MakeLocallyConnected(ConvPass pass, const ConvShape& shape, int threads) {
  return std::make_unique<LocallyConnected<T>>(pass, shape, threads);
}
template std::unique_ptr<Conv> MakeLocallyConnected<float>(ConvPass, const ConvShape&, int);
template std::unique_ptr<Conv> MakeLocallyConnected<double>(ConvPass, const ConvShape&, int);

}  // namespace sluice::kernels
