// Chains of elementwise functions, tile by tile, against plain loops over whole arrays.
#include "ops/kernels/tile_program.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/tensor.h"
#include "core/threads.h"
#include "gtest/gtest.h"
#include "ops/kernels/binary_math.h"
#include "ops/kernels/select.h"
#include "ops/kernels/unary_math.h"
#include "tests/testing/core/tensors.h"

namespace sluice::kernels {
namespace {

using Operands = absl::InlinedVector<int, 3>;

// Builds chains and keeps what their slow twin needs.
class Chain {
 public:
  Chain(int64_t rows, int64_t columns, DType dtype = DType::kFloat) : dtype_(dtype) {
    steps_.rows = rows;
    steps_.columns = columns;
  }
  int Input(TileInput form) { return Input(form, dtype_); }
  int Input(TileInput form, DType dtype) {
    steps_.inputs.push_back({dtype, form});
    return static_cast<int>(steps_.inputs.size()) - 1;
  }
  int Apply(BinaryFunction f, int x, int y) {
    const DType result = f >= BinaryFunction::kEqual ? DType::kBool : dtype_;
    return Add(FindBinary(f, dtype_).tile, {x, y}, result);
  }
  int Apply(UnaryFunction f, int x) { return Add(FindUnary(f, dtype_).tile, {x}, dtype_); }
  int Add(TileFn run, Operands operands, DType result) {
    EXPECT_NE(run, nullptr);
    steps_.steps.push_back({{run}, std::move(operands), result});
    return steps_.num_values() - 1;
  }
  void Output(int value, TileOutput form = TileOutput::kWhole, bool mean = false) {
    steps_.outputs.push_back({value, form, mean});
  }

  int64_t rows() const { return steps_.rows; }
  int64_t columns() const { return steps_.columns; }
  const TileSteps& steps() const { return steps_; }

  int64_t Elements(TileInput form) const {
    return form == TileInput::kWhole    ? rows() * columns()
           : form == TileInput::kScalar ? 1
           : form == TileInput::kRow    ? columns()
                                        : rows();
  }
  int64_t Elements(TileOutput form) const {
    return form == TileOutput::kWhole        ? rows() * columns()
           : form == TileOutput::kSum        ? 1
           : form == TileOutput::kColumnSums ? columns()
                                             : rows();
  }

  std::vector<Tensor> MakeInputs() const {
    std::vector<Tensor> inputs;
    for (const TileSteps::Input& input : steps_.inputs) {
      inputs.push_back(RandomTensor(input.dtype, {Elements(input.form)},
                                    static_cast<int>(inputs.size()) + 7, -2, 2));
    }
    return inputs;
  }

  // `in_place` >= 0: output 0 is written over that input.
  std::vector<Tensor> Run(std::vector<Tensor>& inputs, int threads, int in_place = -1) const {
    ThreadBudget budget(threads);
    const TileProgram program(steps_, threads);
    Tensor scratch = Tensor::Zeros(DType::kUint8, {program.scratch_bytes() + 64});
    auto* memory = static_cast<char*>(scratch.mutable_raw());
    std::memset(memory, 0x5a, scratch.byte_size());
    std::vector<const void*> from;
    std::vector<void*> to;
    std::vector<Tensor> outputs;
    for (Tensor& input : inputs) from.push_back(input.raw());
    for (const TileSteps::Output& output : steps_.outputs)
      outputs.push_back(Tensor::Zeros(steps_.dtype(output.value), {Elements(output.form)}));
    if (in_place >= 0) {
      void* const shared = inputs[in_place].mutable_raw();
      from[in_place] = shared;
      for (Tensor& output : outputs) to.push_back(output.mutable_raw());
      to[0] = shared;
      program.Run(from.data(), to.data(), memory);
      std::memcpy(outputs[0].mutable_raw(), shared, outputs[0].byte_size());
      return outputs;
    }
    for (Tensor& output : outputs) to.push_back(output.mutable_raw());
    program.Run(from.data(), to.data(), memory);
    return outputs;
  }

  // Every value whole, one function after another; sums in double.
  std::vector<Tensor> Slow(const std::vector<Tensor>& inputs) const {
    const int64_t total = rows() * columns();
    std::vector<Tensor> values;
    for (size_t i = 0; i < inputs.size(); ++i) {
      const size_t size = SizeOf(inputs[i].dtype());
      Tensor whole = Tensor::Zeros(inputs[i].dtype(), {total});
      for (int64_t k = 0; k < total; ++k) {
        const TileInput form = steps_.inputs[i].form;
        const int64_t at = form == TileInput::kWhole    ? k
                           : form == TileInput::kScalar ? 0
                           : form == TileInput::kRow    ? k % columns()
                                                        : k / columns();
        std::memcpy(static_cast<char*>(whole.mutable_raw()) + k * size,
                    static_cast<const char*>(inputs[i].raw()) + at * size, size);
      }
      values.push_back(whole);
    }
    for (const TileSteps::Step& step : steps_.steps) {
      Tensor result = Tensor::Zeros(step.dtype, {total});
      const void* operands[3] = {};
      for (size_t k = 0; k < step.operands.size(); ++k)
        operands[k] = values[step.operands[k]].raw();
      step.kernel.run(operands, result.mutable_raw(), total, step.kernel.params);
      values.push_back(result);
    }
    std::vector<Tensor> outputs;
    for (const TileSteps::Output& output : steps_.outputs) {
      const Tensor& x = values[output.value];
      outputs.push_back(output.form == TileOutput::kWhole ? x : SlowSum(x, output));
    }
    return outputs;
  }

 private:
  Tensor SlowSum(const Tensor& x, const TileSteps::Output& output) const {
    std::vector<double> sums(Elements(output.form), 0);
    const std::vector<double> elements = ToDoubles(x);
    for (int64_t k = 0; k < rows() * columns(); ++k) {
      const int64_t at = output.form == TileOutput::kSum          ? 0
                         : output.form == TileOutput::kColumnSums ? k % columns()
                                                                  : k / columns();
      sums[at] += elements[k];
    }
    if (output.mean) {
      for (double& sum : sums)
        sum /= static_cast<double>(rows() * columns()) / static_cast<double>(sums.size());
    }
    return FromDoubles(x.dtype(), {static_cast<int64_t>(sums.size())}, sums);
  }

  DType dtype_;
  TileSteps steps_;
};

bool SameBits(const Tensor& a, const Tensor& b) {
  return a.byte_size() == b.byte_size() &&
         (a.byte_size() == 0 || std::memcmp(a.raw(), b.raw(), a.byte_size()) == 0);
}

// A few roundings of each of the summed elements, which are at most 4 here (16 when squared).
Tolerance SumTolerance(const Chain& chain, DType dtype) {
  const double epsilon = dtype == DType::kDouble ? 1e-15 : 1e-7;
  return {10 * epsilon, 16 * epsilon * static_cast<double>(chain.rows() * chain.columns())};
}

// Whole results have the same bits as the slow twin, sums are near; 1, 2 and 3 threads agree in
// every bit.
void Check(const Chain& chain) {
  std::vector<Tensor> inputs = chain.MakeInputs();
  const std::vector<Tensor> slow = chain.Slow(inputs);
  const std::vector<Tensor> one = chain.Run(inputs, 1);
  for (size_t i = 0; i < slow.size(); ++i) {
    SCOPED_TRACE(absl::StrCat("[", chain.rows(), ", ", chain.columns(), "], output ", i));
    if (chain.steps().outputs[i].form == TileOutput::kWhole) {
      EXPECT_TRUE(SameBits(one[i], slow[i]));
    } else {
      ExpectClose(one[i], slow[i], SumTolerance(chain, one[i].dtype()));
    }
  }
  for (const int threads : {2, 3}) {
    const std::vector<Tensor> more = chain.Run(inputs, threads);
    for (size_t i = 0; i < slow.size(); ++i) EXPECT_TRUE(SameBits(more[i], one[i])) << threads;
  }
}

constexpr int64_t kSizes[] = {0, 1, 2, 15, 16, 17, 511, 512, 513, 1023, 4099, 70001};

TEST(TileProgramTest, ChainsOfWholeInputsAndScalars) {
  for (const DType dtype : {DType::kFloat, DType::kDouble}) {
    for (const int64_t n : kSizes) {
      Chain chain(1, n, dtype);
      const int x = chain.Input(TileInput::kWhole), z = chain.Input(TileInput::kWhole);
      const int six = chain.Input(TileInput::kScalar);
      int y = chain.Apply(BinaryFunction::kMul, x, z);
      y = chain.Apply(BinaryFunction::kAdd, y, x);
      const int squared = chain.Apply(UnaryFunction::kSquare, y);
      y = chain.Apply(UnaryFunction::kTanh, squared);
      y = chain.Apply(BinaryFunction::kMinimum, y, six);
      y = chain.Apply(BinaryFunction::kSub, squared, y);
      chain.Output(y);
      Check(chain);
    }
  }
}

TEST(TileProgramTest, RowsAndColumnsRepeat) {
  for (const int64_t rows : {1, 2, 7, 300}) {
    for (const int64_t columns : {1, 3, 16, 100, 512, 513, 1100}) {
      Chain chain(rows, columns);
      const int x = chain.Input(TileInput::kWhole), row = chain.Input(TileInput::kRow);
      const int column = chain.Input(TileInput::kColumn);
      int y = chain.Apply(BinaryFunction::kAdd, x, row);
      y = chain.Apply(UnaryFunction::kSigmoid, y);
      y = chain.Apply(BinaryFunction::kMul, column, y);
      chain.Output(y);
      chain.Output(chain.Apply(BinaryFunction::kSub, column, row));
      Check(chain);
    }
  }
}

TEST(TileProgramTest, Sums) {
  for (const DType dtype : {DType::kFloat, DType::kDouble}) {
    for (const int64_t rows : {1, 2, 9, 1000}) {
      for (const int64_t columns : {1, 10, 64, 511, 700}) {
        Chain chain(rows, columns, dtype);
        const int x = chain.Input(TileInput::kWhole), row = chain.Input(TileInput::kRow);
        const int y = chain.Apply(BinaryFunction::kMul, x, row);
        const int z = chain.Apply(UnaryFunction::kSquare, y);
        chain.Output(z, TileOutput::kSum);
        chain.Output(y);
        chain.Output(z, TileOutput::kColumnSums);
        chain.Output(y, TileOutput::kRowSums);
        chain.Output(z, TileOutput::kSum, true);
        chain.Output(x, TileOutput::kColumnSums, true);
        chain.Output(z, TileOutput::kRowSums, true);
        Check(chain);
      }
    }
  }
}

TEST(TileProgramTest, SumsOfNothing) {
  Chain no_rows(0, 3), no_columns(3, 0);
  for (Chain* chain : {&no_rows, &no_columns}) {
    const int y = chain->Apply(UnaryFunction::kNeg, chain->Input(TileInput::kWhole));
    chain->Output(y, TileOutput::kSum);
    chain->Output(y, TileOutput::kColumnSums);
    chain->Output(y, TileOutput::kRowSums);
    chain->Output(y, TileOutput::kSum, true);
    std::vector<Tensor> inputs = chain->MakeInputs();
    const std::vector<Tensor> sums = chain->Run(inputs, 1);
    EXPECT_EQ(sums[0].data<float>()[0], 0);
    for (int i = 1; i < 3; ++i)
      for (int64_t k = 0; k < sums[i].num_elements(); ++k) EXPECT_EQ(sums[i].data<float>()[k], 0);
    EXPECT_TRUE(std::isnan(sums[3].data<float>()[0]));
  }
}

// Bools have tiles of their own size: a result must not overwrite an operand of another one.
TEST(TileProgramTest, BoolsBetweenNumbers) {
  const TileFn select = [](const void* const* in, void* out, int64_t n, const double*) {
    SelectElements(DType::kDouble, static_cast<const bool*>(in[0]), 1, in[1], 1, in[2], 1, out, n);
  };
  for (const int64_t n : kSizes) {
    Chain chain(1, n, DType::kDouble);
    const int x = chain.Input(TileInput::kWhole), y = chain.Input(TileInput::kWhole);
    const int flag = chain.Input(TileInput::kScalar, DType::kBool);
    const int sum = chain.Apply(BinaryFunction::kAdd, x, y);
    const int negative = chain.Apply(UnaryFunction::kNeg, sum);
    const int less = chain.Apply(BinaryFunction::kLess, sum, negative);
    const int both = chain.Add(FindBinary(BinaryFunction::kLogicalAnd, DType::kBool).tile,
                               {less, flag}, DType::kBool);
    chain.Output(chain.Add(select, {both, x, y}, DType::kDouble));
    chain.Output(less);
    Check(chain);
  }
}

TEST(TileProgramTest, LongChainsUseFewRegisters) {
  Chain chain(1, 3000);
  const int x = chain.Input(TileInput::kWhole), c = chain.Input(TileInput::kScalar);
  int y = x;
  for (int i = 0; i < TileSteps::kMaxSteps; ++i) y = chain.Apply(BinaryFunction::kAdd, y, c);
  chain.Output(y);
  Check(chain);
  EXPECT_LE(TileProgram(chain.steps(), 1).scratch_bytes(), 8192);
}

// y is written while x, which lies there, is still needed.
TEST(TileProgramTest, ResultsTakeOverTheMemoryOfInputs) {
  for (const int64_t n : {1, 17, 512, 5000}) {
    Chain chain(1, n);
    const int x = chain.Input(TileInput::kWhole), z = chain.Input(TileInput::kWhole);
    const int y = chain.Apply(BinaryFunction::kMul, x, z);
    const int last = chain.Apply(BinaryFunction::kSub, y, x);
    chain.Output(y);
    chain.Output(last);
    chain.Output(x, TileOutput::kSum);
    for (const int over : {x, z}) {
      std::vector<Tensor> inputs = chain.MakeInputs();
      const std::vector<Tensor> slow = chain.Slow(inputs);
      const std::vector<Tensor> fast = chain.Run(inputs, 2, over);
      EXPECT_TRUE(SameBits(fast[0], slow[0]));
      EXPECT_TRUE(SameBits(fast[1], slow[1]));
      ExpectClose(fast[2], slow[2], SumTolerance(chain, DType::kFloat));
    }
  }
}

// Special values go through like through the functions themselves.
TEST(TileProgramTest, NansAndInfinities) {
  Chain chain(1, 40);
  const int x = chain.Input(TileInput::kWhole), one = chain.Input(TileInput::kScalar);
  chain.Output(chain.Apply(BinaryFunction::kMaximum, chain.Apply(UnaryFunction::kLog, x), one));
  std::vector<Tensor> inputs = chain.MakeInputs();
  inputs[0].mutable_data<float>()[3] = NAN;
  inputs[0].mutable_data<float>()[20] = INFINITY;
  inputs[0].mutable_data<float>()[39] = -INFINITY;
  inputs[1].mutable_data<float>()[0] = 1;
  const Tensor y = chain.Run(inputs, 1)[0];
  EXPECT_TRUE(std::isnan(y.data<float>()[3]));
  EXPECT_EQ(y.data<float>()[20], INFINITY);
  EXPECT_TRUE(std::isnan(y.data<float>()[39]));
}

}  // namespace
}  // namespace sluice::kernels
