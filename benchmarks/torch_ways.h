// The ways of libtorch to run one workload, the fastest of which counts. Only the *_torch.cc
// programs include this.
#ifndef SLUICE_BENCHMARKS_TORCH_WAYS_H_
#define SLUICE_BENCHMARKS_TORCH_WAYS_H_

#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/script.h>
#include <torch/torch.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace sluice::benchmarks {

using at::Tensor;

// One run and its result.
using Run = std::function<Tensor()>;

// `prepare` makes tensors and compiles; only what it returns is timed.
struct Way {
  std::string config;
  std::function<Run()> prepare;
};

// Tracing writes conv2d as aten::_convolution, which optimize_for_inference leaves alone.
inline void NamePublicConvolutions(torch::jit::Graph* graph) {
  std::vector<torch::jit::Node*> found;
  for (torch::jit::Node* node : graph->nodes()) {
    if (node->kind() == c10::aten::_convolution) found.push_back(node);
  }
  for (torch::jit::Node* node : found) {
    const auto in = node->inputs();  // x, weight, bias, stride, padding, dilation, transposed,
                                     // output padding, groups, ...
    torch::jit::Node* conv =
        graph->create(c10::aten::conv2d, {in[0], in[1], in[2], in[3], in[4], in[5], in[8]}, 1);
    conv->insertBefore(node);
    conv->output()->copyMetadata(node->output());
    node->output()->replaceAllUsesWith(conv->output());
    node->destroy();
  }
}

// An eager function as TorchScript: traced for these inputs, in-place ops as ordinary ones, tensors
// that it captured as constants.
inline torch::jit::Module Traced(const std::function<Tensor(const std::vector<Tensor>&)>& f,
                                 const std::vector<Tensor>& inputs) {
  using torch::jit::Stack;
  torch::jit::Module module("traced");
  module.register_attribute("training", c10::BoolType::get(), false);
  const auto traced = torch::jit::tracer::trace(
      Stack(inputs.begin(), inputs.end()),
      [&](Stack stack) {
        std::vector<Tensor> tensors;
        for (const c10::IValue& value : stack) tensors.push_back(value.toTensor());
        return Stack{f(tensors)};
      },
      [](const torch::autograd::Variable&) { return ""; }, /*strict=*/true, /*force_outplace=*/true,
      &module);
  auto graph = traced.first->graph;
  NamePublicConvolutions(graph.get());
  module.type()->addMethod(module._ivalue()->compilation_unit()->create_function(
      c10::QualifiedName(*module.type()->name(), "forward"), graph));
  return module;
}

// One run of the frozen module; `optimize` also fuses and packs weights for oneDNN.
inline Run ScriptRun(torch::jit::Module module, const std::vector<Tensor>& inputs, bool optimize) {
  module.eval();
  module = torch::jit::freeze(module);
  if (optimize) module = torch::jit::optimize_for_inference(module);
  auto method = std::make_shared<torch::jit::Method>(module.get_method("forward"));
  return [module, method, inputs] {
    return (*method)(torch::jit::Stack(inputs.begin(), inputs.end())).toTensor();
  };
}

}  // namespace sluice::benchmarks

#endif  // SLUICE_BENCHMARKS_TORCH_WAYS_H_
