#include "ops/const.h"

#include <string>
#include <vector>

#include "graph/graph.h"
#include "graph/node.h"
#include "ops/all_ops.h"
#include "session/session.h"
#include "tests/testing/op_test.h"

namespace sluice {
namespace {

using absl::StatusCode;

class ConstTest : public ::testing::Test {
 protected:
  // The value that `output` has in a run.
  Tensor Value(const Output& output) {
    EXPECT_THAT(graph_.status(), IsOk());
    absl::StatusOr<Session> session = Session::Create(graph_);
    EXPECT_THAT(session, IsOk());
    if (!session.ok()) return Tensor();
    auto values = session->Run({}, {output});
    EXPECT_THAT(values, IsOk());
    return values.ok() ? (*values)[0] : Tensor();
  }

  Graph graph_{ops::Builtin()};
  Scope root_ = Scope::Root(graph_);
};

TEST_F(ConstTest, TheLiteralDecidesTheDType) {
  ExpectClose(Value(ops::Const(root_, 1.5f)), Tensor::Scalar(1.5f));
  ExpectClose(Value(ops::Const(root_, 1.5)), Tensor::Scalar(1.5));
  ExpectClose(Value(ops::Const(root_, 3)), Tensor::Scalar(int32_t{3}));
  ExpectClose(Value(ops::Const(root_, int64_t{3})), Tensor::Scalar(int64_t{3}));
  ExpectClose(Value(ops::Const(root_, true)), Tensor::Scalar(true));
  ExpectClose(Value(ops::Const(root_, "text")), Tensor::Scalar(std::string("text")));
  ExpectClose(Value(ops::Const(root_, std::string("text"))), Tensor::Scalar(std::string("text")));
}

TEST_F(ConstTest, ListsAndShapes) {
  ExpectClose(Value(ops::Const(root_, {1, 2, 3})), Tensor::Of<int32_t>({3}, {1, 2, 3}));
  ExpectClose(Value(ops::Const<float>(root_, {1, 2, 3, 4}, {2, 2})),
              Tensor::Of<float>({2, 2}, {1, 2, 3, 4}));
  ExpectClose(Value(ops::Const<double>(root_, {7}, {3})), Tensor::Of<double>({3}, {7, 7, 7}));
  ExpectClose(Value(ops::Const(root_, std::vector<std::string>{"a", "b"})),
              Tensor::Of<std::string>({2}, {"a", "b"}));
  ExpectClose(Value(ops::Const<bool>(root_, {true, false}, {2, 1})),
              Tensor::Of<bool>({2, 1}, {true, false}));
  ExpectClose(Value(ops::Const<float>(root_, {}, {0, 2})), Tensor::Of<float>({0, 2}, {}));
  EXPECT_EQ(ops::Const<float>(root_, {1, 2}, {2, 1}).shape(), (TensorShape{2, 1}));
}

TEST_F(ConstTest, NodeHoldsValueAndDType) {
  const Output c = ops::Const(root_.Named("c"), Tensor::Scalar(2.0f));
  EXPECT_EQ(c.name(), "c:0");
  EXPECT_EQ(c.node()->attr<DType>("dtype"), DType::kFloat);
  ExpectClose(c.node()->attr<Tensor>("value"), Tensor::Scalar(2.0f));
}

TEST_F(ConstTest, WrongCountOfValues) {
  EXPECT_TRUE(ops::Const<float>(root_, {1, 2, 3}, {2, 2}).empty());
  EXPECT_THAT(graph_.status(),
              StatusIs(StatusCode::kInvalidArgument, "shape [2,2] has 4 elements, got 3 values"));
}

TEST_F(ConstTest, EmptyTensor) {
  EXPECT_TRUE(ops::Const(root_, Tensor()).empty());
  EXPECT_THAT(graph_.status(), StatusIs(StatusCode::kInvalidArgument, "no dtype"));
}

TEST_F(ConstTest, HugeShape) {
  EXPECT_TRUE(ops::Const<float>(root_, {1}, {1 << 30, 1 << 30}).empty());
  EXPECT_THAT(graph_.status(), StatusIs(StatusCode::kInvalidArgument, "too many elements"));
}

TEST_F(ConstTest, DTypeAndValueMustAgree) {
  At(root_).Node("Const", {}, {{"value", Tensor::Scalar(1)}, {"dtype", DType::kFloat}});
  EXPECT_THAT(graph_.status(), StatusIs(StatusCode::kInvalidArgument,
                                        "attr 'dtype' is float32, but attr 'value' holds int32"));
}

TEST_F(ConstTest, ConstOfConvertsTheNumber) {
  ExpectClose(Value(ops::ConstOf(root_, DType::kInt8, -3)), Tensor::Scalar(int8_t{-3}));
  ExpectClose(Value(ops::ConstOf(root_, DType::kUint64, 2.9)), Tensor::Scalar(uint64_t{2}));
  ExpectClose(Value(ops::ConstOf(root_, DType::kHalf, 0.5)), Tensor::Scalar(Half(0.5f)));
  ExpectClose(Value(ops::ConstOf(root_, DType::kBool, 1)), Tensor::Scalar(true));
  ExpectClose(Value(ops::ConstOf(root_, DType::kComplex64, 2)),
              Tensor::Scalar(std::complex<float>(2, 0)));
}

TEST_F(ConstTest, ConstOfRefusesWhatDoesNotFit) {
  EXPECT_THAT(ops::ScalarOf(DType::kInt8, 128), StatusIs(StatusCode::kInvalidArgument, "int8"));
  EXPECT_THAT(ops::ScalarOf(DType::kUint8, -1), StatusIs(StatusCode::kInvalidArgument, "uint8"));
  EXPECT_THAT(ops::ScalarOf(DType::kInt64, 9.3e18), StatusIs(StatusCode::kInvalidArgument, ""));
  EXPECT_THAT(ops::ScalarOf(DType::kInt64, -9223372036854775808.0), IsOk());
  EXPECT_THAT(ops::ScalarOf(DType::kInt32, std::numeric_limits<double>::quiet_NaN()),
              StatusIs(StatusCode::kInvalidArgument, ""));
  EXPECT_THAT(ops::ScalarOf(DType::kResource, 0), StatusIs(StatusCode::kUnimplemented, ""));
  EXPECT_TRUE(ops::ConstOf(root_, DType::kInt8, 1000).empty());
  EXPECT_FALSE(graph_.ok());
}

TEST_F(ConstTest, IntsBecomeConstsOfTheSmallestIndexType) {
  ExpectClose(Value(ops::Ints(3).Tensor(root_, "n")), Tensor::Scalar(int32_t{3}));
  ExpectClose(Value(ops::Ints({3, -1}).Tensor(root_, "n")), Tensor::Of<int32_t>({2}, {3, -1}));
  ExpectClose(Value(ops::Ints({3}).Tensor(root_, "n", DType::kInt64)),
              Tensor::Of<int64_t>({1}, {3}));
  ExpectClose(Value(ops::Ints(int64_t{1} << 40).Tensor(root_, "n")),
              Tensor::Scalar(int64_t{1} << 40));
  ExpectClose(Value(ops::Ints({1, 2, 3, 4}).Matrix(root_, "p", 2)),
              Tensor::Of<int32_t>({2, 2}, {1, 2, 3, 4}));
  ExpectClose(Value(ops::Ints(TensorShape{4, 5}).Tensor(root_, "n")),
              Tensor::Of<int32_t>({2}, {4, 5}));
  const Output given = ops::Const(root_, int64_t{5});
  EXPECT_EQ(ops::Ints(given).Tensor(root_, "n"), given);
  const ops::Ints small(1), tensor(given);
  EXPECT_EQ(ops::CommonDType({&small, &tensor}), DType::kInt64);
  EXPECT_EQ(ops::CommonDType({&small}), DType::kInt32);
}

TEST_F(ConstTest, IntsOfAnUnknownShapeFail) {
  EXPECT_TRUE(ops::Ints(TensorShape::Unknown()).Tensor(root_, "shape").empty());
  EXPECT_THAT(graph_.status(), StatusIs(StatusCode::kInvalidArgument, "shape of unknown rank"));
}

}  // namespace
}  // namespace sluice
