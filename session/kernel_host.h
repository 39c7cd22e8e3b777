// The two contexts through which a plan talks to kernels, and running one node outside a plan.
#ifndef SLUICE_SESSION_KERNEL_HOST_H_
#define SLUICE_SESSION_KERNEL_HOST_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/kernel.h"
#include "core/tensor.h"
#include "graph/node.h"
#include "session/state.h"

namespace sluice {

// What all steps of one running plan share.
struct RunState {
  SessionState* session = nullptr;
  int threads = 1;
  uint64_t random_run = 0;
  Tensor arena;  // the planned memory, whole; empty outside plans
};

// The threads on which a deterministic session runs `node`, when a run has `threads`.
inline int StepThreads(const Node& node, const SessionState& session, int threads) {
  return session.deterministic && node.spec().thread_sensitive() ? 1 : threads;
}

// What Prepare sees of one node.
class PrepareStep final : public PrepareContext {
 public:
  // `constants[i]` is the value of input i when every run has the same, else null. All spans
  // outlive the object.
  // `stable` as PrepareContext::stable_input; empty: no input is.
  PrepareStep(const Node& node, SessionState& session, absl::Span<const TensorShape> inputs,
              absl::Span<const TensorShape> outputs, absl::Span<const Tensor* const> constants,
              std::vector<bool> stable = {});

  const std::string& node_name() const override { return node_.name(); }
  const AttrMap& attrs() const override { return node_.attrs(); }
  int num_inputs() const override { return node_.num_inputs(); }
  int num_outputs() const override { return node_.num_outputs(); }
  DType input_dtype(int i) const override { return node_.input_dtype(i); }
  DType output_dtype(int i) const override { return node_.output_dtype(i); }
  const TensorShape& input_shape(int i) const override { return inputs_[i]; }
  const TensorShape& output_shape(int i) const override { return outputs_[i]; }
  const Tensor* constant_input(int i) const override { return constants_[i]; }
  bool stable_input(int i) const override { return !stable_.empty() && stable_[i]; }
  int threads() const override { return StepThreads(node_, session_, session_.threads); }
  bool deterministic() const override { return session_.deterministic; }
  const std::shared_ptr<MemoryBudget>& budget() const override { return session_.budget; }
  void RequestScratch(int64_t bytes) override;
  void WillSetOutput(int i) override { sets_output_[i] = true; }
  ResourceStore& resources() const override { return session_.resources; }

  // Afterwards: what the kernel asked for.
  int64_t scratch_bytes() const { return scratch_bytes_; }
  const std::vector<bool>& sets_output() const { return sets_output_; }

 private:
  const Node& node_;
  SessionState& session_;
  absl::Span<const TensorShape> inputs_, outputs_;
  absl::Span<const Tensor* const> constants_;
  const std::vector<bool> stable_;
  int64_t scratch_bytes_ = 0;
  std::vector<bool> sets_output_;
};

// What Run sees of one node. Lives as long as its plan; Tensors are slots of the plan.
class StepContext final : public KernelContext {
 public:
  struct Out {
    Tensor* slot = nullptr;
    DType dtype = DType::kInvalid;         // of the tensor in the slot
    const TensorShape* planned = nullptr;  // the only shape it may have; null: any
    bool fixed = false;                    // the slot is planned memory that Run fills
    bool preset = false;                   // the slot has its value; what Run sets is the same
  };

  StepContext(const Node& node, const RunState& run, std::vector<const Tensor*> inputs,
              std::vector<Out> outputs)
      : node_(node), run_(run), inputs_(std::move(inputs)), outputs_(std::move(outputs)) {}

  const AttrMap& attrs() const override { return node_.attrs(); }
  int num_inputs() const override { return static_cast<int>(inputs_.size()); }
  int num_outputs() const override { return static_cast<int>(outputs_.size()); }
  const Tensor& input(int i) const override { return *inputs_[i]; }
  Tensor& output(int i) override { return *outputs_[i].slot; }
  // InvalidArgument when a shape was planned and `shape` is another one.
  absl::StatusOr<Tensor*> Allocate(int i, const TensorShape& shape) override;
  // A value that does not fit, or that must be copied and cannot, makes error() fail.
  void SetOutput(int i, Tensor value) override;
  void* scratch() const override { return scratch_; }
  int threads() const override { return threads_ > 0 ? threads_ : run_.threads; }
  const std::shared_ptr<MemoryBudget>& budget() const override { return run_.session->budget; }
  uint64_t random_run() const override { return run_.random_run; }
  uint64_t session_seed() const override { return run_.session->session_seed; }
  const std::string& node_name() const override { return node_.name(); }

  const Node& node() const { return node_; }
  void set_scratch(void* scratch) { scratch_ = scratch; }
  void set_threads(int threads) { threads_ = threads; }  // instead of the run's
  absl::Span<const Out> outputs() const { return outputs_; }
  // The first error of SetOutput in this run of the step. Reading it clears it.
  absl::Status TakeError();
  bool failed() const { return !error_.ok(); }
  // Internal when Run left an output without value.
  absl::Status CheckOutputs() const;

 private:
  void Fail(absl::Status status) {
    if (error_.ok()) error_ = std::move(status);
  }
  const Node& node_;
  const RunState& run_;
  std::vector<const Tensor*> inputs_;
  std::vector<Out> outputs_;
  void* scratch_ = nullptr;
  int threads_ = 0;
  absl::Status error_;
};

// Prepares and runs `node` by itself on `inputs`, which have the shapes `input_shapes`; tensors
// without elements where the op needs none. `output_shapes` as the shape function gave them. The
// results are fresh or shared with inputs or variables. Errors are not annotated.
absl::StatusOr<std::vector<Tensor>> RunNodeOnce(const Node& node, SessionState& session,
                                                absl::Span<const Tensor* const> inputs,
                                                absl::Span<const TensorShape> output_shapes);

}  // namespace sluice

#endif  // SLUICE_SESSION_KERNEL_HOST_H_
