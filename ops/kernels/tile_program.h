// Chains of elementwise functions over large arrays, tile by tile: intermediate values live in a
// few buffers that stay in the first-level cache, so that memory is passed over once, whatever the
// length of the chain.
//
// A program is a list of steps. Each applies one function to one to three values and gives a new
// value; values are inputs (the first ones) and the results of earlier steps. All values have the
// elements of one shape, seen as [rows, columns]; an input may instead repeat along it. Some values
// are written out, whole or summed.
#ifndef SLUICE_OPS_KERNELS_TILE_PROGRAM_H_
#define SLUICE_OPS_KERNELS_TILE_PROGRAM_H_

#include <cstdint>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "core/dtype.h"
#include "core/kernel.h"

namespace sluice::kernels {

// What an input holds of the shape [rows, columns].
enum class TileInput : uint8_t {
  kWhole,   // every element
  kScalar,  // one element
  kRow,     // [columns]: the same in every row
  kColumn,  // [rows]: the same in every column
};

// What becomes of a value.
enum class TileOutput : uint8_t {
  kWhole,       // every element is written
  kSum,         // one element: the sum of all
  kColumnSums,  // [columns]: sums over the rows
  kRowSums,     // [rows]: sums over the columns
};

// What a program does. Values count up: input 0, 1, ..., then the results of the steps.
struct TileSteps {
  static constexpr int kMaxInputs = 32;
  static constexpr int kMaxSteps = 64;
  struct Input {
    DType dtype = DType::kFloat;
    TileInput form = TileInput::kWhole;
  };
  struct Step {
    TileKernel kernel;
    absl::InlinedVector<int, 3> operands;  // earlier values
    DType dtype = DType::kFloat;           // of the result
  };
  struct Output {
    int value = 0;
    TileOutput form = TileOutput::kWhole;
    bool mean = false;  // a sum is divided by the number of elements that went into it
  };
  int64_t rows = 1, columns = 0;
  std::vector<Input> inputs;
  std::vector<Step> steps;
  std::vector<Output> outputs;

  int num_values() const { return static_cast<int>(inputs.size() + steps.size()); }
  DType dtype(int value) const;
};

// A program made ready to run. Results do not depend on the number of threads: the elements of a
// value do not depend on their place in a tile, and sums are cut by the shape alone. Sums are taken
// in double above a few hundred elements; their bits differ from those of reduce.h.
class TileProgram {
 public:
  TileProgram() = default;
  // REQUIRES: at most kMaxInputs inputs and kMaxSteps steps; one to three operands per step, all
  // earlier values; elements of a fixed size of at most 8 bytes; sums of float or double only.
  // Uses at most `threads` threads.
  TileProgram(TileSteps steps, int threads);

  // Memory that Run needs, 64-byte aligned.
  int64_t scratch_bytes() const { return scratch_bytes_; }

  // outputs[i] is apart from all inputs, or (kWhole) equal to an input of form kWhole with elements
  // of the same size; outputs are apart from one another.
  void Run(const void* const* inputs, void* const* outputs, void* scratch) const;

 private:
  // A piece of the shape: elements [begin, begin + count), which start in `row` at `column`.
  struct Tile {
    int64_t begin, count, row, column;
  };
  struct Buffers;  // where the values are while tiles are computed (tile_program.cc)

  struct Call {  // a step with its values found
    TileFn run;
    uint8_t operands[3];
    uint8_t result;
    double params[2];
  };

  void CutShape();
  void PlaceValues();
  void PlanOutputs();
  void MakeCalls();
  int64_t SideBySide() const;  // column sums that a chunk keeps
  Tile TileAt(int64_t index) const;
  void RunSlot(int64_t slot, const void* const* inputs, void* const* outputs, char* scratch) const;
  void PlaceInputs(char* registers, Buffers* buffers) const;
  void PlaceResults(char* registers, Buffers* buffers) const;
  void Fetch(const Tile& tile, Buffers* buffers) const;
  void FetchAhead(const Tile& tile, int64_t share, const Buffers& buffers) const;
  void Deliver(const Tile& tile, Buffers* buffers) const;
  void ClearSums(int64_t chunk, Buffers* buffers) const;
  void AddToSums(int64_t chunk, const Tile& tile, Buffers* buffers) const;
  void FinishSums(void* const* outputs, char* scratch) const;

  TileSteps program_;
  std::vector<Call> calls_;
  int64_t total_ = 0;        // elements
  int64_t tile_ = 0;         // elements of a tile, at most
  int64_t tile_rows_ = 0;    // whole rows of a tile; 0: a tile is a piece of one row
  int64_t row_tiles_ = 1;    // tiles of a row, where tile_rows_ is 0
  int64_t tiles_ = 0;        // of the shape
  int64_t chunk_tiles_ = 1;  // tiles whose sums are taken one after another
  int64_t chunks_ = 1;
  int64_t slots_ = 1;  // threads that get a share of the chunks
  int64_t ahead_ = 0;  // elements that are asked of the memory before they are needed
  bool has_sums_ = false;
  std::vector<int> register_of_;  // per value; -1: none
  // Per output:
  std::vector<bool> direct_;          // may be computed in place
  std::vector<uint32_t> read_later_;  // inputs that are read after its own step, as bits
  std::vector<int64_t> sum_offset_;   // bytes in scratch where its sums begin
  std::vector<int64_t> sum_width_;    // doubles per chunk there
  int64_t register_bytes_ = 0, registers_ = 0;
  int64_t slot_bytes_ = 0;  // scratch of one slot
  int64_t scratch_bytes_ = 0;
};

}  // namespace sluice::kernels

#endif  // SLUICE_OPS_KERNELS_TILE_PROGRAM_H_
