// One layer at a time: forward and the gradients of its weights and its input, as a session runs
// them; and how long a locally connected layer takes to be built. layers_torch.cc is the same in
// libtorch. README.md describes the work.
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "benchmarks/layer_workloads.h"
#include "benchmarks/timing.h"
#include "core/status.h"
#include "glog/logging.h"
#include "layers/locally_connected.h"
#include "sluice.h"

namespace sluice::benchmarks {
namespace {

Tensor Floats(const TensorShape& shape) {
  Tensor t = Tensor::Make(DType::kFloat, shape).value();
  float* const x = t.mutable_data<float>();
  for (int64_t i = 0; i < t.num_elements(); ++i) {
    x[i] = static_cast<float>((i * 2654435761u) >> 8 & 0xffff) * 0x1p-16f - 0.5f;
  }
  return t;
}

Output Layer(Scope s, Output x, const LayerWorkload& w) {
  switch (w.kind) {
    case LayerKind::kLocal:
      return layers::LocallyConnected2D(s, x, {.filters = w.filters, .kernel_size = w.kernel});
    case LayerKind::kDepthwise:
      return layers::DepthwiseConv2D(
          s, x, {.kernel_size = w.kernel, .strides = w.stride, .padding = Padding::kSame});
    case LayerKind::kSeparable:
      break;
  }
  return layers::SeparableConv2D(s, x,
                                 {.filters = w.filters,
                                  .kernel_size = w.kernel,
                                  .strides = w.stride,
                                  .padding = Padding::kSame});
}

struct Model {
  Graph graph{ops::Builtin()};
  Output x, dy, step, init;
};

void Build(const LayerWorkload& w, Model* m) {
  m->graph.SetSeed(1);
  const Scope root = Scope::Root(m->graph);
  m->x = ops::Placeholder(root, DType::kFloat, {w.batch, w.side, w.side, w.channels});
  m->dy = ops::Placeholder(root, DType::kFloat, {w.batch, w.out_side(), w.out_side(), w.filters});
  const Output y = Layer(root.VariableScope("layer"), m->x, w);
  Outputs wrt = {m->x};
  for (const Variable& v : m->graph.TrainableVariables()) wrt.push_back(v.handle());
  Outputs results = Gradients(root, {y}, wrt, {.grad_ys = {m->dy}});
  results.push_back(y);
  m->step = ops::NoOp(root.After(results));  // nothing is fetched: a fetch would copy the result
  m->init = GlobalVariablesInitializer(root);
}

absl::Status RunStep(const LayerWorkload& w, const Flags& flags) {
  Model m;
  Build(w, &m);
  SLUICE_ASSIGN_OR_RETURN(Session session,
                          Session::Create(m.graph, {.intra_op_threads = flags.threads}));
  SLUICE_RETURN_IF_ERROR(session.Run(m.init));
  const Feeds feeds = {{m.x, Floats(m.x.shape())}, {m.dy, Floats(m.dy.shape())}};
  const Outputs fetches = {m.step};
  std::vector<Tensor> results;
  absl::Status status;
  const Times times =
      Measure([&] { status.Update(session.RunInto(feeds, fetches, &results)); }, flags.seconds);
  SLUICE_RETURN_IF_ERROR(status);
  PrintJson("sluice", w.name, flags.threads, w.batch, times);
  return absl::OkStatus();
}

// The graph of a step, gradients included, and its end.
absl::Status RunBuild(const LayerWorkload& w, const Flags& flags) {
  absl::Status status;
  const Times times = Measure(
      [&] {
        Model m;
        Build(w, &m);
        status.Update(m.graph.status());
      },
      flags.seconds);
  SLUICE_RETURN_IF_ERROR(status);
  PrintJson("sluice", absl::StrCat("build_", w.name), flags.threads, w.batch, times);
  return absl::OkStatus();
}

absl::Status RunAll(const Flags& flags) {
  for (const LayerWorkload& w : LayerWorkloads()) {
    if (w.name.rfind(flags.workload, 0) == 0) SLUICE_RETURN_IF_ERROR(RunStep(w, flags));
  }
  const LayerWorkload local = LayerWorkloads()[0];
  if (flags.workload.empty() || flags.workload == "build_" + local.name) {
    SLUICE_RETURN_IF_ERROR(RunBuild(local, flags));
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace sluice::benchmarks

int main(int argc, char** argv) {
  using namespace sluice::benchmarks;
  google::InitGoogleLogging(argv[0]);
  const absl::Status status = RunAll(ParseFlags(argc, argv));
  if (!status.ok()) LOG(ERROR) << status;
  return status.ok() ? 0 : 1;
}
