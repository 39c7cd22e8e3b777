// The running half of tile_program.h.
#include <algorithm>
#include <cstring>
#include <limits>

#include "core/memory.h"
#include "core/threads.h"
#include "ops/kernels/tile_program.h"
#include "ops/kernels/tile_sums.h"

namespace sluice::kernels {
namespace {

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

template <typename T>
void RepeatAs(const void* value, int64_t count, void* to) {
  T element;
  std::memcpy(&element, value, sizeof(T));
  std::fill_n(static_cast<T*>(to), count, element);
}

void Repeat(int64_t size, const void* value, int64_t count, void* to) {
  switch (size) {
    case 1:
      return RepeatAs<uint8_t>(value, count, to);
    case 2:
      return RepeatAs<uint16_t>(value, count, to);
    case 4:
      return RepeatAs<uint32_t>(value, count, to);
    default:
      return RepeatAs<uint64_t>(value, count, to);
  }
}

// The processor's own fetching stops at page ends, which tiles meet all the time.
void PrefetchToRead(const char* from, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += kBufferAlignment) __builtin_prefetch(from + i, 0);
}
void PrefetchToWrite(const char* to, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += kBufferAlignment) __builtin_prefetch(to + i, 1);
}

}  // namespace

// Where the values are while one slot computes its tiles: at[v] points to the elements of value v
// in the current tile.
struct TileProgram::Buffers {
  struct Moving {  // a value in memory: at[value] = base + size * place
    int value;
    bool by_column;  // its place is the tile's column, else the tile's first element
    int64_t size;
    const char* base;
  };
  const void* const* inputs;
  void* const* outputs;
  char* sums;
  const char* at[TileSteps::kMaxInputs + TileSteps::kMaxSteps];
  double row_totals[TileSteps::kMaxSteps];  // per output of form kRowSums: of the row so far
  absl::InlinedVector<Moving, 16> moving;
  absl::InlinedVector<int, 4> columns;  // inputs of form kColumn
  absl::InlinedVector<int, 4> copied;   // outputs that are copied from their registers
};

void TileProgram::Run(const void* const* inputs, void* const* outputs, void* scratch) const {
  char* const memory = static_cast<char*>(scratch);
  if (slots_ == 1) {
    RunSlot(0, inputs, outputs, memory);
  } else {
    ParallelFor(slots_, 1, [&](int64_t begin, int64_t end) {
      for (int64_t slot = begin; slot < end; ++slot) RunSlot(slot, inputs, outputs, memory);
    });
  }
  if (has_sums_) FinishSums(outputs, memory);
}

void TileProgram::RunSlot(int64_t slot, const void* const* inputs, void* const* outputs,
                          char* scratch) const {
  if (total_ == 0) return;
  Buffers buffers;
  buffers.inputs = inputs;
  buffers.outputs = outputs;
  buffers.sums = scratch;
  PlaceInputs(scratch + slot * slot_bytes_, &buffers);
  PlaceResults(scratch + slot * slot_bytes_, &buffers);
  const int64_t last = chunks_ * (slot + 1) / slots_;
  for (int64_t chunk = chunks_ * slot / slots_; chunk < last; ++chunk) {
    if (has_sums_) ClearSums(chunk, &buffers);
    const int64_t end = std::min((chunk + 1) * chunk_tiles_, tiles_);
    for (int64_t index = chunk * chunk_tiles_; index < end; ++index) {
      const Tile tile = TileAt(index);
      Fetch(tile, &buffers);
      for (size_t k = 0; k < calls_.size(); ++k) {
        const Call& call = calls_[k];
        const void* const operands[3] = {buffers.at[call.operands[0]], buffers.at[call.operands[1]],
                                         buffers.at[call.operands[2]]};
        call.run(operands, const_cast<char*>(buffers.at[call.result]), tile.count, call.params);
        if (ahead_ > 0) FetchAhead(tile, k, buffers);
      }
      if (has_sums_) AddToSums(chunk, tile, &buffers);
      Deliver(tile, &buffers);
    }
  }
}

void TileProgram::PlaceInputs(char* registers, Buffers* buffers) const {
  for (int v = 0; v < static_cast<int>(program_.inputs.size()); ++v) {
    const int64_t size = static_cast<int64_t>(SizeOf(program_.inputs[v].dtype));
    const char* const from = static_cast<const char*>(buffers->inputs[v]);
    char* const own = registers + register_of_[v] * register_bytes_;
    switch (program_.inputs[v].form) {
      case TileInput::kWhole:
        buffers->moving.push_back({v, false, size, from});
        break;
      case TileInput::kScalar:
        Repeat(size, from, tile_, own);
        buffers->at[v] = own;
        break;
      case TileInput::kRow:
        if (tile_rows_ == 0) {
          buffers->moving.push_back({v, true, size, from});
          break;
        }
        for (int64_t row = 0; row < tile_rows_; ++row) {
          const int64_t bytes = program_.columns * size;
          std::memcpy(own + row * bytes, from, static_cast<size_t>(bytes));
        }
        buffers->at[v] = own;
        break;
      case TileInput::kColumn:
        buffers->columns.push_back(v);
        buffers->at[v] = own;
        break;
    }
  }
}

// A value that is written out whole is computed in place there, if nothing that is still read lies
// there.
void TileProgram::PlaceResults(char* registers, Buffers* buffers) const {
  const int inputs = static_cast<int>(program_.inputs.size());
  for (int v = inputs; v < program_.num_values(); ++v)
    buffers->at[v] = registers + register_of_[v] * register_bytes_;
  for (int i = 0; i < static_cast<int>(program_.outputs.size()); ++i) {
    const TileSteps::Output& output = program_.outputs[i];
    if (output.form != TileOutput::kWhole) continue;
    const char* const to = static_cast<const char*>(buffers->outputs[i]);
    bool direct = direct_[i];
    for (int v = 0; direct && v < inputs; ++v)
      direct = (read_later_[i] >> v & 1) == 0 || buffers->inputs[v] != to;
    if (direct) {
      const int64_t size = static_cast<int64_t>(SizeOf(program_.dtype(output.value)));
      buffers->moving.push_back({output.value, false, size, to});
    } else {
      buffers->copied.push_back(i);
    }
  }
}

void TileProgram::Fetch(const Tile& tile, Buffers* buffers) const {
  for (const Buffers::Moving& m : buffers->moving)
    buffers->at[m.value] = m.base + (m.by_column ? tile.column : tile.begin) * m.size;
  for (const int v : buffers->columns) {
    const int64_t size = static_cast<int64_t>(SizeOf(program_.inputs[v].dtype));
    const char* from = static_cast<const char*>(buffers->inputs[v]) + tile.row * size;
    char* to = const_cast<char*>(buffers->at[v]);
    const int64_t width = std::min(program_.columns, tile.count);
    for (int64_t i = 0; i < tile.count; i += width, from += size, to += width * size)
      Repeat(size, from, width, to);
  }
}

// Asks for the `share`-th part of what the next tile needs: spread over the steps, so that the
// memory works while they compute.
void TileProgram::FetchAhead(const Tile& tile, int64_t share, const Buffers& buffers) const {
  const int64_t part = CeilDiv(ahead_, static_cast<int64_t>(calls_.size()));
  const int64_t first = tile.begin + tile.count + share * part;
  const int64_t count = std::min(part, total_ - first);
  for (const Buffers::Moving& m : buffers.moving) {
    if (m.by_column) continue;
    const bool read = m.value < static_cast<int>(program_.inputs.size());
    (read ? PrefetchToRead : PrefetchToWrite)(m.base + first * m.size, count * m.size);
  }
}

void TileProgram::Deliver(const Tile& tile, Buffers* buffers) const {
  for (const int i : buffers->copied) {
    const int value = program_.outputs[i].value;
    const int64_t size = static_cast<int64_t>(SizeOf(program_.dtype(value)));
    char* const to = static_cast<char*>(buffers->outputs[i]) + tile.begin * size;
    if (to != buffers->at[value]) {
      std::memcpy(to, buffers->at[value], static_cast<size_t>(tile.count * size));
    }
  }
}

void TileProgram::ClearSums(int64_t chunk, Buffers* buffers) const {
  for (size_t i = 0; i < program_.outputs.size(); ++i) {
    double* const totals = reinterpret_cast<double*>(buffers->sums + sum_offset_[i]);
    std::fill_n(totals + chunk * sum_width_[i], sum_width_[i], 0.0);
  }
}

void TileProgram::AddToSums(int64_t chunk, const Tile& tile, Buffers* buffers) const {
  for (size_t i = 0; i < program_.outputs.size(); ++i) {
    const TileSteps::Output& output = program_.outputs[i];
    const DType dtype = program_.dtype(output.value);
    const char* const x = buffers->at[output.value];
    double* const totals =
        reinterpret_cast<double*>(buffers->sums + sum_offset_[i]) + chunk * sum_width_[i];
    if (output.form == TileOutput::kSum) {
      *totals += SumTile(dtype, x, tile.count);
    } else if (output.form == TileOutput::kColumnSums) {
      AddTile(dtype, x, tile.count, totals + tile.column);
    } else if (output.form == TileOutput::kRowSums) {
      const double items = output.mean ? static_cast<double>(program_.columns) : 1;
      const int64_t size = static_cast<int64_t>(SizeOf(dtype)), width = program_.columns;
      for (int64_t j = 0; tile_rows_ > 0 && j < tile.count / width; ++j) {
        const double sum = SumTile(dtype, x + j * width * size, width);
        StoreTotal(dtype, sum / items, buffers->outputs[i], tile.row + j);
      }
      if (tile_rows_ > 0) continue;
      double& total = buffers->row_totals[i];
      total = (tile.column == 0 ? 0 : total) + SumTile(dtype, x, tile.count);
      if (tile.column + tile.count == width)
        StoreTotal(dtype, total / items, buffers->outputs[i], tile.row);
    }
  }
}

// Puts the chunks' sums together, in their order.
void TileProgram::FinishSums(void* const* outputs, char* scratch) const {
  for (size_t i = 0; i < program_.outputs.size(); ++i) {
    const TileSteps::Output& output = program_.outputs[i];
    if (output.form == TileOutput::kWhole) continue;
    const DType dtype = program_.dtype(output.value);
    const int64_t rows = program_.rows, columns = program_.columns;
    const bool all = output.form == TileOutput::kSum;
    if (output.form == TileOutput::kRowSums) {
      const double nothing = output.mean ? std::numeric_limits<double>::quiet_NaN() : 0;
      for (int64_t row = 0; columns == 0 && row < rows; ++row)
        StoreTotal(dtype, nothing, outputs[i], row);
      continue;
    }
    const double items = !output.mean ? 1 : static_cast<double>(all ? total_ : rows);
    const double* const totals = reinterpret_cast<double*>(scratch + sum_offset_[i]);
    const int64_t step = all ? 1 : columns;  // narrow rows have several totals per column
    for (int64_t column = 0; column < (all ? 1 : columns); ++column) {
      double total = 0;
      for (int64_t k = column; total_ > 0 && k < chunks_ * sum_width_[i]; k += step)
        total += totals[k];
      StoreTotal(dtype, total / items, outputs[i], column);
    }
  }
}

}  // namespace sluice::kernels
