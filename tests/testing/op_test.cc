#include "tests/testing/op_test.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status.h"
#include "gmock/gmock.h"
#include "graph/evaluate.h"
#include "graph/graph.h"
#include "graph/op_spec.h"
#include "graph/scope.h"
#include "ops/all_ops.h"
#include "session/session.h"
#include "tests/testing/kernel_runner.h"

namespace sluice {
namespace {

constexpr int kManyThreads = 4;

TensorShape UnknownBatch(TensorShape shape) {
  if (shape.rank() > 0) shape.set_dim(0, -1);
  return shape;
}

}  // namespace

OpTest::OpTest(absl::string_view op, const char* file, int line)
    : op_(op), file_(file), line_(line) {}

OpTest& OpTest::Attr(absl::string_view name, AttrValue value) {
  attrs_.insert_or_assign(std::string(name), std::move(value));
  return *this;
}

OpTest& OpTest::Attr(absl::string_view name, std::initializer_list<int64_t> list) {
  return Attr(name, AttrValue(std::vector<int64_t>(list)));
}

OpTest& OpTest::Attr(absl::string_view name, std::initializer_list<DType> list) {
  return Attr(name, AttrValue(std::vector<DType>(list)));
}

OpTest& OpTest::Input(Tensor value) {
  inputs_.push_back(std::move(value));
  return *this;
}

OpTest& OpTest::Inputs(const std::vector<Tensor>& values) {
  inputs_.insert(inputs_.end(), values.begin(), values.end());
  return *this;
}

OpTest& OpTest::DataDependentShape() {
  data_dependent_shape_ = true;
  return *this;
}

OpTest& OpTest::EvaluateOnly() {
  evaluate_only_ = true;
  return *this;
}

std::string OpTest::Where(const std::string& way) const {
  return absl::StrCat(file_, ":", line_, ": ", op_, ", ", way);
}

void OpTest::AddKernelWays(const OpSpec& spec, const AttrMap& attrs, std::vector<Way>* ways) {
  auto add = [&](const std::string& name, const KernelRunnerOptions& options) {
    ways->push_back({name, RunKernelGuarded(spec, attrs, inputs_, options)});
  };
  add("kernel between guards", {});
  add("kernel between guards, inputs constant", {.constant_inputs = true});
  add(absl::StrCat("kernel between guards, ", kManyThreads, " threads"), {.threads = kManyThreads});
  if (!ways->front().result.ok()) return;
  const std::vector<Tensor> first = *ways->front().result;  // `ways` grows below
  for (const auto& [in, out] : spec.in_place()) {
    if (in >= static_cast<int>(inputs_.size()) || out >= static_cast<int>(first.size())) continue;
    const Tensor& input = inputs_[in];
    if (input.byte_size() != first[out].byte_size()) continue;
    if (!IsTriviallyCopyable(input.dtype())) continue;
    add(absl::StrCat("kernel writing output ", out, " over input ", in), {.in_place = {{in, out}}});
  }
}

absl::StatusOr<std::vector<Tensor>> OpTest::RunInGraph(const std::vector<TensorShape>& shapes,
                                                       bool constants, bool optimize) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  Outputs inputs;
  Feeds feeds;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const At at(root.Named(absl::StrCat("input", i)));
    const DType dtype = inputs_[i].dtype();
    if (constants) {
      inputs.push_back(at.Node("Const", {}, {{"value", inputs_[i]}, {"dtype", dtype}}));
    } else {
      inputs.push_back(at.Node("Placeholder", {}, {{"dtype", dtype}, {"shape", shapes[i]}}));
      feeds.emplace_back(inputs.back(), inputs_[i]);
    }
  }
  const Outputs outputs = At(root.Named("tested")).Nodes(op_, inputs, attrs_);
  SLUICE_RETURN_IF_ERROR(graph.status());
  SLUICE_ASSIGN_OR_RETURN(Session session, Session::Create(graph, {.optimize = optimize}));
  SLUICE_ASSIGN_OR_RETURN(std::vector<Tensor> results, session.Run(feeds, outputs));
  for (size_t i = 0; i < outputs.size(); ++i) {
    const TensorShape& inferred = outputs[i].shape();
    if (!inferred.CompatibleWith(results[i].shape()))
      return absl::InternalError(absl::StrCat("output ", i, " was inferred as ",
                                              inferred.ToString(), " but is ",
                                              results[i].shape().ToString()));
    if (constants && !data_dependent_shape_ && !inferred.fully_defined())
      return absl::InternalError(absl::StrCat("all inputs are constants, but output ", i,
                                              " was inferred as ", inferred.ToString()));
    if (outputs[i].dtype() != results[i].dtype())
      return absl::InternalError(absl::StrCat("output ", i, " was declared ",
                                              DTypeName(outputs[i].dtype()), " but is ",
                                              DTypeName(results[i].dtype())));
  }
  return results;
}

void OpTest::AddGraphWays(std::vector<Way>* ways) {
  std::vector<TensorShape> exact, batch, unknown;
  for (const Tensor& t : inputs_) {
    exact.push_back(t.shape());
    batch.push_back(UnknownBatch(t.shape()));
    unknown.push_back(TensorShape::Unknown());
  }
  ways->push_back({"session, constants", RunInGraph({}, true, true)});
  if (inputs_.empty()) return;
  ways->push_back({"session, constants, not optimized", RunInGraph({}, true, false)});
  ways->push_back({"session, exact shapes", RunInGraph(exact, false, true)});
  ways->push_back({"session, unknown first dimension", RunInGraph(batch, false, true)});
  ways->push_back({"session, unknown rank", RunInGraph(unknown, false, true)});
}

absl::StatusOr<std::vector<OpTest::Way>> OpTest::RunAllWays() {
  const OpSpec* spec = ops::Builtin().Find(op_);
  if (!spec) return absl::NotFoundError(absl::StrCat("no op ", op_));
  SLUICE_ASSIGN_OR_RETURN(AttrMap attrs, CompleteAttrs(*spec, attrs_, inputs_));
  std::vector<Way> ways;
  ways.push_back({"EvaluateOp", EvaluateOp(*spec, attrs, inputs_)});
  if (evaluate_only_) return ways;
  AddKernelWays(*spec, attrs, &ways);
  AddGraphWays(&ways);
  return ways;
}

void OpTest::ExpectAll(const std::vector<Tensor>& want, Tolerance tolerance) {
  auto ways = RunAllWays();
  ASSERT_TRUE(ways.ok()) << Where("case") << ": " << ways.status();
  for (const Way& way : *ways) {
    if (!way.result.ok()) {
      ADD_FAILURE() << Where(way.name) << ": " << way.result.status();
      continue;
    }
    if (way.result->size() != want.size()) {
      ADD_FAILURE() << Where(way.name) << ": got " << way.result->size() << " outputs, want "
                    << want.size();
      continue;
    }
    for (size_t i = 0; i < want.size(); ++i)
      ExpectClose((*way.result)[i], want[i], tolerance,
                  Where(absl::StrCat(way.name, ", output ", i)));
  }
}

void OpTest::ExpectError(absl::StatusCode code, absl::string_view text) {
  auto ways = RunAllWays();
  if (!ways.ok()) {  // attributes that no node could have
    EXPECT_THAT(ways, StatusIs(code, text)) << Where("attributes");
    return;
  }
  for (const Way& way : *ways) {
    if (way.result.ok()) {
      ADD_FAILURE() << Where(way.name) << ": no error";
    } else {
      EXPECT_THAT(way.result, StatusIs(code, text)) << Where(way.name);
    }
  }
}

absl::StatusOr<std::vector<Tensor>> OpTest::Run(Tolerance tolerance) {
  SLUICE_ASSIGN_OR_RETURN(std::vector<Way> ways, RunAllWays());
  const bool random = ops::Builtin().Find(op_)->random();
  const auto& first = ways.front().result;
  for (const Way& way : ways) {
    if (!way.result.ok()) return Annotate(way.result.status(), Where(way.name));
    for (size_t i = 0; i < way.result->size(); ++i) {
      const Tensor& got = (*way.result)[i];
      const Tensor& want = (*first)[i];
      if (!random) {
        ExpectClose(got, want, tolerance, Where(absl::StrCat(way.name, ", output ", i)));
      } else {
        EXPECT_EQ(got.dtype(), want.dtype()) << Where(way.name);
        EXPECT_EQ(got.shape(), want.shape()) << Where(way.name);
      }
    }
  }
  return first;
}

absl::StatusOr<TensorShape> OpTest::InferShape(const std::vector<TensorShape>& shapes,
                                               const std::vector<int>& known) {
  const OpSpec* spec = ops::Builtin().Find(op_);
  if (!spec) return absl::NotFoundError(absl::StrCat("no op ", op_));
  SLUICE_ASSIGN_OR_RETURN(AttrMap attrs, CompleteAttrs(*spec, attrs_, inputs_));
  std::vector<const Tensor*> values(inputs_.size());
  for (int i : known) values[i] = &inputs_[i];
  std::vector<DType> dtypes;
  for (const Tensor& t : inputs_) dtypes.push_back(t.dtype());
  SLUICE_ASSIGN_OR_RETURN(std::vector<DType> output_dtypes, ArgTypes(spec->outputs(), attrs));
  ShapeContext context(attrs, shapes, values, std::move(dtypes), std::move(output_dtypes));
  SLUICE_RETURN_IF_ERROR(spec->shape_fn()(context));
  return context.output(0);
}

void OpTest::CheckGradient(const GradientCheckOptions& options) {
  GradientCheckOptions with_place = options;
  with_place.context =
      absl::StrCat(Where("gradient"), options.context.empty() ? "" : ", ", options.context);
  sluice::CheckGradient(
      [this](At at, const Outputs& inputs) {
        return at.Named("tested").Nodes(op_, inputs, attrs_);
      },
      inputs_, with_place);
}

}  // namespace sluice
