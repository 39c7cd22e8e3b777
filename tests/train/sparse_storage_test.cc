#include "train/sparse_storage.h"

#include "graph/graph_def.h"
#include "graph/node.h"
#include "ops/binary.h"
#include "proto/graph.pb.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::pruning {
namespace {

class SparseStorageTest : public ProgramFixture {
 protected:
  // `dense` stored, as a graph with the node "w"; its size goes to bytes_.
  proto::GraphDef Store(const Tensor& dense) {
    Graph graph(ops::Builtin());
    ops::Const(Scope::Root(graph).Named("w"), dense);
    proto::GraphDef def;
    EXPECT_THAT(ToGraphDef(graph, &def), IsOk());
    dense_bytes_ = def.ByteSizeLong();
    EXPECT_THAT(StoreSparse(&def), IsOk());
    bytes_ = def.ByteSizeLong();
    return def;
  }
  // "w" as a session computes it.
  static Tensor Load(const proto::GraphDef& def, bool optimize) {
    Graph graph(ops::Builtin());
    EXPECT_THAT(ImportGraphDef(def, &graph), IsOk());
    absl::StatusOr<Session> session =
        Session::Create(graph, {.intra_op_threads = 1, .optimize = optimize});
    EXPECT_THAT(session, IsOk());
    absl::StatusOr<std::vector<Tensor>> w = session->Run({}, {*graph.FindTensor("w:0")});
    EXPECT_THAT(w, IsOk());
    return w.ok() ? (*w)[0] : Tensor();
  }
  void ExpectRoundTrip(const Tensor& dense) {
    const proto::GraphDef def = Store(dense);
    EXPECT_GT(def.node_size(), 1) << "stored dense";
    EXPECT_LT(bytes_, dense_bytes_);
    for (const bool optimize : {true, false})
      EXPECT_TRUE(BitEqual(Load(def, optimize), dense)) << optimize;
  }
  // n elements, of which every k-th is not zero.
  static std::vector<float> EveryKth(int n, int k) {
    std::vector<float> values(n, 0.0f);
    for (int i = 0; i < n; i += k) values[i] = static_cast<float>(i) - 7.5f;
    return values;
  }
  size_t bytes_ = 0, dense_bytes_ = 0;
};

TEST_F(SparseStorageTest, AFifthLeftIsAQuarterOfTheSize) {
  const std::vector<float> values = EveryKth(40000, 5);
  ExpectRoundTrip(Tensor::Of<float>({10, 10, 20, 20}, values));
  EXPECT_LT(bytes_, 0.26 * dense_bytes_);
}

TEST_F(SparseStorageTest, GapsAboveABytesReach) {
  for (const int gap : {254, 255, 256, 509, 510, 511, 3000})
    ExpectRoundTrip(Tensor::Of<float>({9000}, EveryKth(9000, gap)));
}

TEST_F(SparseStorageTest, TheFirstElementMayBeFarAway) {
  std::vector<float> values(2000, 0.0f);
  values[1999] = 3;
  ExpectRoundTrip(Tensor::Of<float>({40, 50}, values));
  values[0] = 1;
  ExpectRoundTrip(Tensor::Of<float>({40, 50}, values));
}

TEST_F(SparseStorageTest, AllZeros) {
  ExpectRoundTrip(Tensor::Of<float>({2000}, std::vector<float>(2000, 0.0f)));
}

TEST_F(SparseStorageTest, LargeOnesAreInParts) {  // 5 million elements, 16 MiB each at most
  ExpectRoundTrip(Tensor::Of<float>({5, 1000, 1000}, EveryKth(5'000'000, 11)));
}

TEST_F(SparseStorageTest, Doubles) {
  std::vector<double> values(2000, 0.0);
  for (int i = 3; i < 2000; i += 5) values[i] = 1.0 / i;
  ExpectRoundTrip(Tensor::Of<double>({20, 100}, values));
}

TEST_F(SparseStorageTest, StandardOpsOnly) {
  const proto::GraphDef def = Store(Tensor::Of<float>({40000}, EveryKth(40000, 5)));
  std::vector<std::string> listing;
  for (const proto::NodeDef& node : def.node()) listing.push_back(node.name() + " " + node.op());
  EXPECT_EQ(listing, (std::vector<std::string>{
                         "w/values Const", "w/gaps Const", "w/axis Const", "w/size Const",
                         "w/default Const", "w/gaps_int32 Cast", "w/positions Cumsum",
                         "w/dense SparseToDense", "w/shape Const", "w Reshape"}));
  EXPECT_EQ(def.node(1).attr().at("dtype").type(), proto::DT_UINT8);
}

TEST_F(SparseStorageTest, WhatWouldGrowStaysDense) {
  EXPECT_EQ(Store(Tensor::Of<float>({40}, EveryKth(40, 5))).node_size(), 1);  // too small
  EXPECT_EQ(Store(Tensor::Of<float>({4000}, EveryKth(4000, 1))).node_size(), 1);
  EXPECT_EQ(Store(Tensor::Zeros(DType::kInt32, {4000})).node_size(), 1);  // not a weight
}

TEST_F(SparseStorageTest, TakenNamesStayDense) {
  Graph graph(ops::Builtin());
  const Scope root = Scope::Root(graph);
  ops::Const(root.Named("w"), Tensor::Zeros(DType::kFloat, {4000}));
  ops::Const(root.Named("w/gaps"), 1.0f);
  proto::GraphDef def;
  ASSERT_THAT(ToGraphDef(graph, &def), IsOk());
  ASSERT_THAT(StoreSparse(&def), IsOk());
  EXPECT_EQ(def.node_size(), 2);
}

}  // namespace
}  // namespace sluice::pruning
