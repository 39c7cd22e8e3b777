// One op at a time on 10^7 floats, as a session runs it: what it reaches beside what the machine
// does in a plain loop over memory of that size, measured in the same run. See README.md.
//
//   bazel run //benchmarks:ops_benchmark -- [--threads=N] [--peer=FILE] [Google Benchmark's flags]
//
// FILE holds what ops_torch printed: its milliseconds appear beside ours.
#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "benchmark/benchmark.h"
#include "benchmarks/machine.h"
#include "benchmarks/op_workloads.h"
#include "benchmarks/timing.h"
#include "core/threads.h"
#include "glog/logging.h"
#include "sluice.h"

namespace sluice::benchmarks {
namespace {

const char* const kUnits[] = {"GB/s", "GB/s", "GF/s"};  // by Limit

struct Workload {
  std::string name;
  std::string op;
  std::vector<Tensor> inputs;                     // fed
  std::vector<std::pair<int, Tensor>> constants;  // (position among the inputs, value)
  AttrMap attrs;
  Limit limit;
  double work;  // bytes, or operations
};

Tensor Ints(std::vector<int32_t> values) {
  return Tensor::Of<int32_t>({static_cast<int64_t>(values.size())}, values);
}

double Bytes(std::initializer_list<int64_t> elements) {
  double sum = 0;
  for (const int64_t n : elements) sum += 4.0 * static_cast<double>(n);
  return sum;
}

// --- ours ---

class Step {
 public:
  Step(const Workload& w, int threads) : graph_(ops::Builtin()) {
    const Scope root = Scope::Root(graph_);
    const size_t total = w.inputs.size() + w.constants.size();
    Outputs inputs;
    size_t next_fed = 0, next_constant = 0;
    for (size_t i = 0; i < total; ++i) {
      if (next_constant < w.constants.size() &&
          w.constants[next_constant].first == static_cast<int>(i)) {
        inputs.push_back(ops::Const(root, w.constants[next_constant++].second));
        continue;
      }
      const Tensor& value = w.inputs[next_fed++];
      inputs.push_back(ops::Placeholder(root, value.dtype(), value.shape()));
      feeds_.push_back({inputs.back(), value});
    }
    const Outputs results = At(root).Nodes(w.op, inputs, w.attrs);
    // Nothing is fetched: a fetch would copy the result.
    fetches_ = {ops::NoOp(root.After(results))};
    CHECK(graph_.ok()) << graph_.status();
    session_ =
        std::make_unique<Session>(Session::Create(graph_, {.intra_op_threads = threads}).value());
  }
  void operator()() {
    const absl::Status status = session_->RunInto(feeds_, fetches_, &results_);
    CHECK(status.ok()) << status;
  }

 private:
  Graph graph_;
  Feeds feeds_;
  Outputs fetches_;
  std::vector<Tensor> results_;
  std::unique_ptr<Session> session_;
};

std::vector<Workload> Elementwise() {
  const Tensor x = Floats({kElements}), y = Floats({kElements}), matrix = Floats({kRows, kColumns});
  const double unary = Bytes({kElements, kElements});
  const double binary = Bytes({kElements, kElements, kElements});
  std::vector<Workload> list;
  for (const char* op : {"Neg", "Relu", "Square", "Sqrt", "Exp", "Log", "Tanh", "Sigmoid"}) {
    list.push_back({absl::StrCat("elementwise/", op), op, {x}, {}, {}, Limit::kCopy, unary});
  }
  for (const char* op : {"Add", "Mul", "RealDiv", "Maximum"}) {
    list.push_back({absl::StrCat("elementwise/", op), op, {x, y}, {}, {}, Limit::kCopy, binary});
  }
  list.push_back({"broadcast/scalar", "Mul", {x, Floats({})}, {}, {}, Limit::kCopy, unary});
  list.push_back(
      {"broadcast/row", "Add", {matrix, Floats({kColumns})}, {}, {}, Limit::kCopy, unary});
  list.push_back(
      {"broadcast/column", "Add", {matrix, Floats({kRows, 1})}, {}, {}, Limit::kCopy, unary});
  list.push_back({"broadcast/middle",
                  "Add",
                  {Floats({200, 250, 200}), Floats({200, 1, 200})},
                  {},
                  {},
                  Limit::kCopy,
                  unary});
  list.push_back(
      {"broadcast/bias_add", "BiasAdd", {matrix, Floats({kColumns})}, {}, {}, Limit::kCopy, unary});
  return list;
}

std::vector<Workload> Reductions() {
  const Tensor matrix = Floats({kRows, kColumns}), cube = Floats({200, 250, 200});
  const double read = Bytes({kElements});
  const auto reduce = [&](const char* name, const char* op, const Tensor& x,
                          std::vector<int32_t> axes) {
    return Workload{absl::StrCat("reduce/", name),
                    op,
                    {x},
                    {{1, Ints(std::move(axes))}},
                    {},
                    Limit::kRead,
                    read};
  };
  return {reduce("sum_all", "Sum", matrix, {0, 1}),
          reduce("sum_rows", "Sum", matrix, {1}),
          reduce("sum_columns", "Sum", matrix, {0}),
          reduce("sum_middle", "Sum", cube, {1}),
          reduce("sum_outer_and_inner", "Sum", cube, {0, 2}),
          reduce("max_rows", "Max", matrix, {1}),
          reduce("max_columns", "Max", matrix, {0}),
          reduce("mean_image", "Mean", Floats({kBatch, kSide, kSide, kChannels}), {1, 2})};
}

std::vector<Workload> Moves() {
  const Tensor matrix = Floats({kRows, kColumns}), cube = Floats({200, 250, 200});
  const Tensor image = Floats({kBatch, kSide, kSide, kChannels});
  const double moved = Bytes({kElements, kElements});
  const Tensor zero = Tensor::Scalar<int32_t>(0), one = Tensor::Scalar<int32_t>(1);
  const Tensor half = Floats({kRows / 2, kColumns}), narrow = Floats({kRows, kColumns / 2});
  std::vector<int32_t> rows(kRows);
  for (int64_t i = 0; i < kRows; ++i) rows[i] = static_cast<int32_t>(i * 1237 % kRows);
  return {
      {"move/transpose", "Transpose", {matrix}, {{1, Ints({1, 0})}}, {}, Limit::kCopy, moved},
      {"move/transpose_021", "Transpose", {cube}, {{1, Ints({0, 2, 1})}}, {}, Limit::kCopy, moved},
      {"move/transpose_102", "Transpose", {cube}, {{1, Ints({1, 0, 2})}}, {}, Limit::kCopy, moved},
      {"move/transpose_210", "Transpose", {cube}, {{1, Ints({2, 1, 0})}}, {}, Limit::kCopy, moved},
      {"move/nhwc_to_nchw",
       "Transpose",
       {image},
       {{1, Ints({0, 3, 1, 2})}},
       {},
       Limit::kCopy,
       moved},
      {"move/concat_rows", "ConcatV2", {half, half}, {{2, zero}}, {}, Limit::kCopy, moved},
      {"move/concat_columns", "ConcatV2", {narrow, narrow}, {{2, one}}, {}, Limit::kCopy, moved},
      {"move/split_rows", "Split", {matrix}, {{0, zero}}, {{"num_split", 4}}, Limit::kCopy, moved},
      {"move/split_columns",
       "Split",
       {matrix},
       {{0, one}},
       {{"num_split", 4}},
       Limit::kCopy,
       moved},
      {"move/gather_rows", "GatherV2", {matrix, Ints(rows)}, {{2, zero}}, {}, Limit::kCopy, moved},
      {"move/pad",
       "Pad",
       {matrix},
       {{1, Tensor::Of<int32_t>({2, 2}, {1, 1, 1, 1})}},
       {},
       Limit::kCopy,
       moved},
      {"move/slice",
       "Slice",
       {matrix},
       {{1, Ints({10, 10})}, {2, Ints({3980, 2480})}},
       {},
       Limit::kCopy,
       Bytes({3980 * 2480, 3980 * 2480})},
      {"move/tile",
       "Tile",
       {half},
       {{1, Ints({2, 1})}},
       {},
       Limit::kCopy,
       Bytes({kElements / 2, kElements})},
      {"move/reverse", "ReverseV2", {matrix}, {{1, Ints({1})}}, {}, Limit::kCopy, moved}};
}

std::vector<Workload> Networks() {
  const Tensor image = Floats({kBatch, kSide, kSide, kChannels});
  const Tensor pooled = Floats({kBatch, kSide / 2, kSide / 2, kChannels});
  const Tensor channels = Floats({kChannels}), none = Floats({0});
  const int64_t elements = image.num_elements(), quarter = pooled.num_elements();
  const AttrMap pool{{"ksize", std::vector<int64_t>{1, 2, 2, 1}},
                     {"strides", std::vector<int64_t>{1, 2, 2, 1}},
                     {"padding", "VALID"}};
  const AttrMap overlapping{{"ksize", std::vector<int64_t>{1, 3, 3, 1}},
                            {"strides", std::vector<int64_t>{1, 2, 2, 1}},
                            {"padding", "SAME"}};
  const double read_and_quarter = Bytes({elements, quarter});
  const Tensor logits = Floats({10000, 1000});
  return {{"pool/max_2x2", "MaxPool", {image}, {}, pool, Limit::kCopy, read_and_quarter},
          {"pool/max_3x3", "MaxPool", {image}, {}, overlapping, Limit::kCopy, read_and_quarter},
          {"pool/avg_2x2", "AvgPool", {image}, {}, pool, Limit::kCopy, read_and_quarter},
          {"pool/max_2x2_grad",
           "MaxPoolGrad",
           {image, pooled, pooled},
           {},
           pool,
           Limit::kCopy,
           Bytes({elements, elements, quarter})},
          {"pool/max_3x3_grad",
           "MaxPoolGrad",
           {image, pooled, pooled},
           {},
           overlapping,
           Limit::kCopy,
           Bytes({elements, elements, quarter})},
          {"norm/batch_norm_train",
           "FusedBatchNorm",
           {image, channels, channels, none, none},
           {},
           {},
           Limit::kCopy,
           Bytes({elements, elements, elements})},
          {"norm/batch_norm_infer",
           "FusedBatchNorm",
           {image, channels, channels, channels, channels},
           {},
           {{"is_training", false}},
           Limit::kCopy,
           Bytes({elements, elements})},
          {"norm/batch_norm_grad",
           "FusedBatchNormGrad",
           {image, image, channels, channels, channels},
           {},
           {},
           Limit::kCopy,
           Bytes({elements, elements, elements, elements, elements})},
          {"norm/softmax_1000",
           "Softmax",
           {logits},
           {},
           {},
           Limit::kCopy,
           Bytes({kElements, kElements})},
          {"norm/log_softmax_1000",
           "LogSoftmax",
           {logits},
           {},
           {},
           Limit::kCopy,
           Bytes({kElements, kElements})},
          {"norm/softmax_10",
           "Softmax",
           {Floats({1000000, 10})},
           {},
           {},
           Limit::kCopy,
           Bytes({kElements, kElements})}};
}

std::vector<Workload> Contractions() {
  const auto n = static_cast<double>(kMatMul);
  const AttrMap plane{{"strides", std::vector<int64_t>{1, 1, 1, 1}}, {"padding", "SAME"}};
  const AttrMap volume{{"strides", std::vector<int64_t>{1, 1, 1, 1, 1}}, {"padding", "SAME"}};
  const Tensor image = Floats({kConvBatch, kConvSide, kConvSide, kConvChannels});
  const Tensor filter = Floats({3, 3, kConvChannels, kConvChannels});
  const Tensor cube =
      Floats({kVolumeBatch, kVolumeSide, kVolumeSide, kVolumeSide, kVolumeChannels});
  const double conv = 2.0 * 9 * static_cast<double>(image.num_elements() * kConvChannels);
  const double conv3d = 2.0 * 27 * static_cast<double>(cube.num_elements() * kVolumeChannels);
  const Tensor wide = Floats({kBatch, kSide, kSide, kChannels});
  const auto sizes = [](const Tensor& t) {
    return Ints(std::vector<int32_t>(t.shape().dims().begin(), t.shape().dims().end()));
  };
  return {{"matmul/square",
           "MatMul",
           {Floats({kMatMul, kMatMul}), Floats({kMatMul, kMatMul})},
           {},
           {},
           Limit::kSgemm,
           2 * n * n * n},
          {"matmul/batch",
           "BatchMatMul",
           {Floats({64, 128, 128}), Floats({64, 128, 128})},
           {},
           {},
           Limit::kSgemm,
           2.0 * 64 * 128 * 128 * 128},
          {"conv/forward", "Conv2D", {image, filter}, {}, plane, Limit::kSgemm, conv},
          {"conv/backprop_input",
           "Conv2DBackpropInput",
           {filter, image},
           {{0, sizes(image)}},
           plane,
           Limit::kSgemm,
           conv},
          {"conv/backprop_filter",
           "Conv2DBackpropFilter",
           {image, image},
           {{1, sizes(filter)}},
           plane,
           Limit::kSgemm,
           conv},
          {"conv/volume",
           "Conv3D",
           {cube, Floats({3, 3, 3, kVolumeChannels, kVolumeChannels})},
           {},
           volume,
           Limit::kSgemm,
           conv3d},
          {"conv/depthwise",
           "DepthwiseConv2dNative",
           {wide, Floats({3, 3, kChannels, 1})},
           {},
           plane,
           Limit::kCopy,
           Bytes({wide.num_elements(), wide.num_elements()})}};
}

// Milliseconds of the peer by workload, from its JSON lines.
std::map<std::string, double> ReadPeer(const std::string& path) {
  std::map<std::string, double> ms;
  std::ifstream file(path);
  const auto field = [](const std::string& line, const std::string& name) {
    const size_t at = line.find("\"" + name + "\":");
    if (at == std::string::npos) return std::string();
    const size_t begin = at + name.size() + 3;
    std::string value = line.substr(begin, line.find_first_of(",}", begin) - begin);
    value.erase(std::remove(value.begin(), value.end(), '"'), value.end());
    return value;
  };
  for (std::string line; std::getline(file, line);) {
    if (const std::string name = field(line, "workload"); !name.empty()) {
      ms[name] = std::atof(field(line, "p10").c_str());
    }
  }
  return ms;
}

// Of times measured on a machine that may be shared: the 10th percentile, as in timing.h.
double Percentile10(std::vector<double>& seconds) {
  std::sort(seconds.begin(), seconds.end());
  return seconds[(seconds.size() - 1) / 10];
}

void Register(const Workload& w, int threads, Machine* machine, double peer_ms) {
  benchmark::RegisterBenchmark(
      w.name.c_str(),
      [=](benchmark::State& state) {
        const double limit = machine->PerSecond(w.limit);
        Step step(w, threads);
        for (int i = 0; i < 3; ++i) step();
        std::vector<double> seconds;
        for (auto _ : state) {
          const auto start = std::chrono::steady_clock::now();
          step();
          seconds.push_back(
              std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
          state.SetIterationTime(seconds.back());
        }
        const double best = Percentile10(seconds);
        state.counters["ms_p10"] = best * 1e3;
        state.counters[kUnits[static_cast<int>(w.limit)]] = w.work / best * 1e-9;
        state.counters["%limit"] = 100 * w.work / best / limit;
        if (peer_ms > 0) state.counters["torch_p10"] = peer_ms;
      })
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}

// Takes --name=value out of the arguments.
std::string TakeFlag(absl::string_view name, int* argc, char** argv) {
  const std::string prefix = absl::StrCat("--", name, "=");
  std::string value;
  int kept = 1;
  for (int i = 1; i < *argc; ++i) {
    const std::string arg = argv[i];
    if (arg.rfind(prefix, 0) == 0) {
      value = arg.substr(prefix.size());
    } else {
      argv[kept++] = argv[i];
    }
  }
  *argc = kept;
  return value;
}

}  // namespace
}  // namespace sluice::benchmarks

int main(int argc, char** argv) {
  using namespace sluice;
  using namespace sluice::benchmarks;
  google::InitGoogleLogging(argv[0]);
  const std::string threads_flag = TakeFlag("threads", &argc, argv);
  const int threads = threads_flag.empty() ? AvailableThreads() : std::stoi(threads_flag);
  const std::map<std::string, double> peer = ReadPeer(TakeFlag("peer", &argc, argv));
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const ThreadBudget budget(threads);
  Machine machine;
  for (const auto& family : {Elementwise, Reductions, Moves, Networks, Contractions}) {
    for (const Workload& w : family()) {
      const auto found = peer.find(w.name);
      Register(w, threads, &machine, found == peer.end() ? 0 : found->second);
    }
  }
  benchmark::RunSpecifiedBenchmarks();
}
