// Building a large graph, and finding nodes in it by name. One JSON line per result, as in the
// other programs; "config" says what the time means per node. README.md describes the work.
#include <malloc.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "benchmarks/timing.h"
#include "glog/logging.h"
#include "sluice.h"

namespace sluice::benchmarks {
namespace {

// Depth and width of the tree of scopes. Every leaf holds kLeafNodes nodes: 100,000 in all.
constexpr int kDepth = 5;
constexpr int kWidth = 5;
constexpr int kLeafNodes = 32;

using Leaf = void (*)(Scope scope, Output x);

// A constant, then sums and products of its neighbours: half named by the caller, half by their op.
void Arithmetic(Scope scope, Output x) {
  const Output bias = ops::Const(scope.Named("bias"), 0.5f);
  for (int i = 1; i < kLeafNodes; ++i) {
    x = i % 2 == 0 ? ops::Add(scope.Named("sum"), x, bias) : ops::Mul(scope, x, bias);
  }
}

// The same of constants alone: every value is known while the graph is built.
void Constants(Scope scope, Output) { Arithmetic(scope, ops::Const(scope, 0.5f)); }

// Opens kWidth scopes in each scope, until `leaves` of them lie at the depth of leaves.
void Build(Graph* graph, Leaf leaf, int leaves) {
  const Scope root = Scope::Root(*graph);
  const Output x = ops::Placeholder(root.Named("x"), DType::kFloat, {-1, 128});
  std::vector<Scope> level = {root};
  for (int depth = 0; depth < kDepth; ++depth) {
    std::vector<Scope> next;
    for (const Scope& scope : level) {
      for (int i = 0; i < kWidth; ++i) next.push_back(scope.Sub("block"));
    }
    level = std::move(next);
  }
  for (int i = 0; i < leaves; ++i) leaf(level[i], x);
  CHECK(graph->ok()) << graph->status();
}

int64_t HeapBytes() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<int64_t>(info.uordblks + info.hblkhd);
}

// `count` names of nodes, spread over the graph, in an order of no use to any cache.
std::vector<std::string> SomeNames(const Graph& graph, int count) {
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) {
    names.push_back(graph.node(static_cast<int>(int64_t{i} * graph.num_nodes() / count))->name());
  }
  std::shuffle(names.begin(), names.end(), std::mt19937(7));
  return names;
}

void RunLookUp(const Flags& flags, int leaves) {
  Graph graph(ops::Builtin());
  Build(&graph, Arithmetic, leaves);
  const std::vector<std::string> names = SomeNames(graph, 1000);
  int64_t found = 0;
  const Times times = Measure(
      [&] {
        for (const std::string& name : names) found += graph.FindNode(name) != nullptr;
      },
      flags.seconds);
  CHECK_GT(found, 0);
  CHECK_EQ(found % static_cast<int64_t>(names.size()), 0);
  PrintJson("sluice", absl::StrFormat("look_up_in_%d", graph.num_nodes()), 1, 1, times,
            absl::StrFormat("%.0f ns per look-up of one of %d names",
                            1e6 * times.median / static_cast<double>(names.size()), names.size()));
}

void RunBuild(const char* workload, const Flags& flags, Leaf leaf, int leaves) {
  const int64_t before = HeapBytes();
  auto graph = std::make_unique<Graph>(ops::Builtin());
  Build(graph.get(), leaf, leaves);
  const int64_t bytes = HeapBytes() - before;
  const int nodes = graph->num_nodes();
  graph.reset();
  int runs = 0;
  const std::clock_t start = std::clock();
  const Times times = Measure(
      [&] {
        Graph fresh(ops::Builtin());
        Build(&fresh, leaf, leaves);
        ++runs;
      },
      flags.seconds);
  const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC / runs;
  PrintJson("sluice", workload, 1, 1, times,
            absl::StrFormat("%d nodes in %.3f s of processor time, %.0f bytes per node", nodes,
                            seconds, static_cast<double>(bytes) / nodes));
}

}  // namespace
}  // namespace sluice::benchmarks

int main(int argc, char** argv) {
  using namespace sluice::benchmarks;
  google::InitGoogleLogging(argv[0]);
  const Flags flags = ParseFlags(argc, argv);
  const auto wanted = [&](const char* workload) {
    return flags.workload.empty() || flags.workload == workload;
  };
  constexpr int kLeaves = kWidth * kWidth * kWidth * kWidth * kWidth;
  if (wanted("build")) RunBuild("build", flags, Arithmetic, kLeaves);
  if (wanted("build_constants")) RunBuild("build_constants", flags, Constants, kLeaves);
  if (wanted("look_up")) RunLookUp(flags, 1000 / kLeafNodes + 1);
  if (wanted("look_up")) RunLookUp(flags, kLeaves);
}
