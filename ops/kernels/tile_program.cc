#include "ops/kernels/tile_program.h"

#include <algorithm>
#include <utility>

#include "core/memory.h"
#include "core/threads.h"
#include "glog/logging.h"

namespace sluice::kernels {
namespace {

constexpr int64_t kTileBytes = 2048;  // of one value: a dozen of them fit in the first-level cache
constexpr int64_t kVector = 16;       // tiles start at multiples of it where rows allow
constexpr int64_t kSmall = 65536;     // fewer elements stay on one thread
constexpr int64_t kChunkItems = 32768;  // elements that are summed one after another, at least
constexpr int64_t kMaxChunks = 64;
constexpr int64_t kFarBytes =
    1 << 20;  // values of so many bytes are not in a cache: they are fetched ahead
constexpr double kStepCost = 0.2;  // nanoseconds per element, about

int64_t AlignUp(int64_t bytes) {
  return (bytes + kBufferAlignment - 1) / kBufferAlignment * kBufferAlignment;
}

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

DType TileSteps::dtype(int value) const {
  const int count = static_cast<int>(inputs.size());
  return value < count ? inputs[value].dtype : steps[value - count].dtype;
}

TileProgram::TileProgram(TileSteps steps, int threads) : program_(std::move(steps)) {
  CHECK_LE(program_.inputs.size(), size_t{TileSteps::kMaxInputs});
  CHECK_LE(program_.steps.size(), size_t{TileSteps::kMaxSteps});
  CHECK_LE(program_.outputs.size(), size_t{TileSteps::kMaxSteps});
  CutShape();
  PlaceValues();
  MakeCalls();
  if (total_ >= kSmall) {
    const double cost = kStepCost * static_cast<double>(1 + program_.steps.size());
    slots_ = std::min<int64_t>({threads, chunks_, total_ / GrainFor(cost)});
    slots_ = std::max<int64_t>(slots_, 1);
  }
  slot_bytes_ = registers_ * register_bytes_;
  scratch_bytes_ = slots_ * slot_bytes_;
  PlanOutputs();
}

void TileProgram::MakeCalls() {
  int result = static_cast<int>(program_.inputs.size());
  for (const TileSteps::Step& step : program_.steps) {
    CHECK(!step.operands.empty() && step.operands.size() <= 3);
    Call call{step.kernel.run, {}, static_cast<uint8_t>(result), {}};
    for (size_t k = 0; k < step.operands.size(); ++k) {
      CHECK(step.operands[k] >= 0 && step.operands[k] < result);
      call.operands[k] = static_cast<uint8_t>(step.operands[k]);
    }
    std::copy_n(step.kernel.params, 2, call.params);
    calls_.push_back(call);
    ++result;
  }
}

void TileProgram::CutShape() {
  bool by_rows = false;
  for (const TileSteps::Input& input : program_.inputs)
    by_rows |= input.form == TileInput::kRow || input.form == TileInput::kColumn;
  bool whole_rows = false;
  for (const TileSteps::Output& output : program_.outputs) {
    whole_rows |= output.form == TileOutput::kRowSums;
    by_rows |= output.form == TileOutput::kRowSums || output.form == TileOutput::kColumnSums;
    has_sums_ |= output.form != TileOutput::kWhole;
  }
  int64_t size = 1;
  for (int v = 0; v < program_.num_values(); ++v)
    size = std::max(size, static_cast<int64_t>(SizeOf(program_.dtype(v))));
  total_ = program_.rows * program_.columns;
  if (total_ == 0) return;
  if (!by_rows) {
    program_.rows = 1;
    program_.columns = total_;
  }
  const int64_t rows = program_.rows, columns = program_.columns;
  const int64_t most = kTileBytes / size;
  if (rows == 1 || columns > most) {
    tile_ = CeilDiv(columns, CeilDiv(columns, most));
    tile_ = std::min(columns, CeilDiv(tile_, kVector) * kVector);
    row_tiles_ = CeilDiv(columns, tile_);
    tiles_ = rows * row_tiles_;
  } else {
    tile_rows_ = std::min(most / columns, rows);
    tile_ = tile_rows_ * columns;
    tiles_ = CeilDiv(rows, tile_rows_);
  }
  register_bytes_ = AlignUp(tile_ * size);
  ahead_ = total_ * size >= kFarBytes ? tile_ : 0;
  chunks_ = tiles_;
  if (!has_sums_) return;
  const int64_t unit = whole_rows ? row_tiles_ : 1;
  const int64_t wanted = std::clamp<int64_t>(
      std::min(total_ / kChunkItems, total_ / (8 * SideBySide())), 1, kMaxChunks);
  chunk_tiles_ = CeilDiv(tiles_ / unit, wanted) * unit;
  chunks_ = CeilDiv(tiles_, chunk_tiles_);
}

// Gives registers to the values that need one, and takes them back after the last use.
void TileProgram::PlaceValues() {
  const int inputs = static_cast<int>(program_.inputs.size()), values = program_.num_values();
  std::vector<int> last_use(values, -1);
  for (int s = 0; s < values - inputs; ++s) {
    last_use[inputs + s] = s;
    for (const int v : program_.steps[s].operands) last_use[v] = s;
  }
  for (const TileSteps::Output& output : program_.outputs) last_use[output.value] = values;
  register_of_.assign(values, -1);
  std::vector<int> free;
  const auto take = [&] {
    if (free.empty()) return static_cast<int>(registers_++);
    const int r = free.back();
    free.pop_back();
    return r;
  };
  for (int v = 0; v < inputs; ++v) {  // repeated inputs keep theirs: they are filled once
    if (program_.inputs[v].form != TileInput::kWhole) register_of_[v] = take();
  }
  for (int s = 0; s < values - inputs; ++s) {
    const TileSteps::Step& step = program_.steps[s];
    absl::InlinedVector<int, 3> later;  // the result may overwrite operands of its size only
    for (auto v = step.operands.begin(); v != step.operands.end(); ++v) {
      if (*v < inputs || last_use[*v] != s || std::find(step.operands.begin(), v, *v) != v)
        continue;
      if (SizeOf(program_.dtype(*v)) == SizeOf(step.dtype)) {
        free.push_back(register_of_[*v]);
      } else {
        later.push_back(register_of_[*v]);
      }
    }
    register_of_[inputs + s] = take();
    free.insert(free.end(), later.begin(), later.end());
    if (last_use[inputs + s] == s) free.push_back(register_of_[inputs + s]);
  }
}

void TileProgram::PlanOutputs() {
  const int inputs = static_cast<int>(program_.inputs.size());
  std::vector<int> seen;
  for (const TileSteps::Output& output : program_.outputs) {
    const bool whole = output.form == TileOutput::kWhole;
    const bool first = std::find(seen.begin(), seen.end(), output.value) == seen.end();
    direct_.push_back(whole && first && output.value >= inputs);
    if (whole) seen.push_back(output.value);
    uint32_t later = 0;
    for (const TileSteps::Output& other : program_.outputs)
      if (other.value < inputs) later |= uint32_t{1} << other.value;
    const int own = std::max(output.value - inputs + 1, 0);
    for (size_t s = own; s < program_.steps.size(); ++s) {
      for (const int v : program_.steps[s].operands)
        if (v < inputs) later |= uint32_t{1} << v;
    }
    read_later_.push_back(later);
    sum_offset_.push_back(scratch_bytes_);
    sum_width_.push_back(output.form == TileOutput::kSum          ? 1
                         : output.form == TileOutput::kColumnSums ? SideBySide()
                                                                  : 0);
    scratch_bytes_ += AlignUp(chunks_ * sum_width_.back() * static_cast<int64_t>(sizeof(double)));
  }
}

int64_t TileProgram::SideBySide() const { return tile_rows_ > 0 ? tile_ : program_.columns; }

TileProgram::Tile TileProgram::TileAt(int64_t index) const {
  if (tile_rows_ > 0) {
    const int64_t row = index * tile_rows_, begin = row * program_.columns;
    return {begin, std::min(tile_, total_ - begin), row, 0};
  }
  const int64_t row = index / row_tiles_, column = index % row_tiles_ * tile_;
  return {row * program_.columns + column, std::min(tile_, program_.columns - column), row, column};
}

}  // namespace sluice::kernels
