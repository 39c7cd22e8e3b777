#include "ops/parse_example.h"

#include <string>
#include <vector>

#include "google/protobuf/text_format.h"
#include "graph/graph.h"
#include "gtest/gtest.h"
#include "ops/all_ops.h"
#include "ops/const.h"
#include "proto/example.pb.h"
#include "session/session.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

Tensor Text(const std::string& s) { return Tensor::Scalar(s); }
Tensor Texts(const std::vector<std::string>& s) {
  return Tensor::Of<std::string>({static_cast<int64_t>(s.size())}, s);
}

// "key: 'x' value { float_list { value: 1 } }" -> a message.
std::string Example(const std::vector<std::string>& features) {
  std::string text = "features {";
  for (const std::string& f : features) text += " feature { " + f + " }";
  proto::Example example;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text + " }", &example)) << text;
  return example.SerializeAsString();
}

const char* const kX = "key: 'x' value { float_list { value: 1 value: 2 } }";
const char* const kTag = "key: 'tag' value { bytes_list { value: 'a' value: 'b' } }";
const char* const kId = "key: 'id' value { int64_list { value: 7 } }";

OpTest Dense(const std::vector<std::string>& serialized, const TensorShape& shape,
             const Tensor& fallback) {
  return OpTest("ParseExample")
      .Attr("Nsparse", 0)
      .Attr("Ndense", 1)
      .Attr("sparse_types", std::vector<DType>{})
      .Attr("Tdense", {fallback.dtype()})
      .Attr("dense_shapes", std::vector<TensorShape>{shape})
      .Input(Texts(serialized))
      .Input(Texts({}))
      .Input(Text("x"))
      .Input(fallback)
      .DataDependentShape();
}

TEST(ParseExampleTest, Dense) {
  const Tensor none = Tensor::Of<float>({0}, {});
  Dense({Example({kX, kId}), Example({kX})}, {2}, none).Expect({2, 2}, {1, 2, 1, 2});
  Dense({Example({kId}), Example({kX})}, {2}, Tensor::Of<float>({2}, {8, 9}))
      .Expect({2, 2}, {8, 9, 1, 2});
  Dense({}, {2}, none).Expect({0, 2}, {});
  Dense({Example({"key: 'x' value { float_list { value: 5 } }"}), Example({kX}), Example({})}, {-1},
        Tensor::Of<float>({}, {-1}))
      .Expect({3, 2}, {5, -1, 1, 2, -1, -1});
  Dense({Example({kX}), Example({"key: 'x' value { }"})}, {-1, 2}, Tensor::Of<float>({1}, {0}))
      .Expect({2, 1, 2}, {1, 2, 0, 0});
}

TEST(ParseExampleTest, DenseErrors) {
  const Tensor none = Tensor::Of<float>({0}, {});
  const auto refused = [&](const std::string& message, const TensorShape& shape,
                           const Tensor& fallback, const char* why) {
    Dense({message}, shape, fallback).ExpectError(StatusCode::kInvalidArgument, why);
  };
  refused(Example({kId}), {2}, none,
          "Feature: x (data type: float) is required but could not be found.");
  refused(Example({kX}), {3}, none,
          "Number of float values != expected.  values size: 2 but output shape: [3]");
  refused(Example({kX}), {-1, 3}, Tensor::Of<float>({}, {0}), "values size: 2");
  refused(Example({kX}), {2}, Tensor::Of<int64_t>({2}, {1, 2}),
          "Key: x.  Data types don't match. Data type: float but expected type: int64");
  refused("\xFF", {2}, none, "Could not parse example input");
  refused(Example({kX}), {2}, Tensor::Of<float>({3}, {1, 2, 3}),
          "def_value[0].shape() == [3] != dense_shapes_[0] == [2]");
  refused(Example({kX}), {-1}, none, "must contain a single element");
  refused(Example({kX}), {2, -1}, none, "unknown inner dimensions");
}

TEST(ParseExampleTest, Sparse) {
  OpTest("ParseExample")
      .Attr("Nsparse", 2)
      .Attr("Ndense", 0)
      .Attr("sparse_types", {DType::kString, DType::kInt64})
      .Attr("Tdense", std::vector<DType>{})
      .Attr("dense_shapes", std::vector<TensorShape>{})
      .Input(Texts({Example({kTag}), Example({kId}), Example({kTag, kX})}))
      .Input(Texts({"first", "second", "third"}))
      .Input(Text("tag"))
      .Input(Text("id"))
      .DataDependentShape()
      .ExpectAll({Tensor::Of<int64_t>({4, 2}, {0, 0, 0, 1, 2, 0, 2, 1}),
                  Tensor::Of<int64_t>({1, 2}, {1, 0}), Texts({"a", "b", "a", "b"}),
                  Tensor::Of<int64_t>({1}, {7}), Tensor::Of<int64_t>({2}, {3, 2}),
                  Tensor::Of<int64_t>({2}, {3, 1})});
}

TEST(ParseExampleTest, NamesAreForMessages) {
  const auto parse = [](const std::vector<std::string>& names) {
    return OpTest("ParseExample")
        .Attr("Nsparse", 1)
        .Attr("Ndense", 0)
        .Attr("sparse_types", {DType::kFloat})
        .Attr("Tdense", std::vector<DType>{})
        .Attr("dense_shapes", std::vector<TensorShape>{})
        .Input(Texts({Example({kX}), Example({"key: 'x' value { int64_list { value: 1 } }"})}))
        .Input(Texts(names))
        .Input(Text("x"))
        .DataDependentShape();
  };
  parse({"a", "b"})
      .ExpectError(StatusCode::kInvalidArgument, "Name: b, Key: x.  Data types don't match");
  parse({"a"}).ExpectError(StatusCode::kInvalidArgument,
                           "Expected len(names) == len(serialized), or 0, but got: 1 vs. 2");
}

TEST(ParseSingleExampleTest, BuilderAndDefaults) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  const Output bytes = ops::Const(root, Example({kX, kTag, kId}));
  const Outputs outputs = ops::ParseSingleExample(
      root, bytes, {ops::Const<float>(root, std::vector<float>{}), ops::Const(root, int64_t{0})},
      {"tag", "none"}, {"x", "id"}, {DType::kString, DType::kFloat}, {{-1}, {}});
  EXPECT_EQ(graph.status(), absl::OkStatus());
  ASSERT_EQ(outputs.size(), 8u);
  EXPECT_EQ(outputs[7].shape(), TensorShape());
  auto session = Session::Create(graph);
  ASSERT_THAT(session, IsOk());
  const auto values = session->Run({}, outputs);
  EXPECT_THAT(values, StatusIs(StatusCode::kInvalidArgument, "must contain a single element"));
}

TEST(ParseSingleExampleTest, Outputs) {
  const auto parse = [](const std::string& message) {
    return OpTest("ParseSingleExample")
        .Attr("num_sparse", 1)
        .Attr("sparse_keys", std::vector<std::string>{"tag"})
        .Attr("dense_keys", std::vector<std::string>{"x", "id"})
        .Attr("sparse_types", {DType::kString})
        .Attr("Tdense", {DType::kFloat, DType::kInt64})
        .Attr("dense_shapes", std::vector<TensorShape>{{-1}, {}})
        .Input(Text(message))
        .Input({}, {0})
        .Input<int64_t>({}, {3})
        .DataDependentShape();
  };
  parse(Example({kX, kTag, kId}))
      .ExpectAll({Tensor::Of<int64_t>({2, 1}, {0, 1}), Texts({"a", "b"}),
                  Tensor::Of<int64_t>({1}, {2}), Tensor::Of<float>({2}, {1, 2}),
                  Tensor::Scalar<int64_t>(7)});
  parse(Example({}))
      .ExpectAll({Tensor::Of<int64_t>({0, 1}, {}), Texts({}), Tensor::Of<int64_t>({1}, {0}),
                  Tensor::Of<float>({0}, {}), Tensor::Scalar<int64_t>(3)});
}

}  // namespace
}  // namespace sluice
