// sluice summary: the layers of graphs and MetaGraphs.
#include "graph/graph_def.h"
#include "layers/conv.h"
#include "layers/dense.h"
#include "layers/pooling.h"
#include "ops/all_ops.h"
#include "ops/placeholder.h"
#include "proto/meta_graph.pb.h"
#include "tests/testing/tools/tool_fixture.h"

namespace sluice::tools {
namespace {

using ::testing::HasSubstr;

class SummaryCommandTest : public ToolFixture {
 protected:
  SummaryCommandTest() {
    const Scope root = Scope::Root(graph_);
    Output x = ops::Placeholder(root.Named("x"), DType::kFloat, {-1, 4, 4, 1});
    const Scope net = root.VariableScope("net");
    x = layers::Conv2D(net, x, {.filters = 2, .kernel_size = 3, .name = "conv"});
    x = layers::MaxPooling2D(net, x, {.pool_size = 2, .strides = 2});
    layers::Dense(net, x, {.units = 3, .trainable = false, .name = "head"});
    EXPECT_THAT(graph_.status(), IsOk());
  }
  std::string MetaFile() {
    proto::MetaGraphDef meta;
    EXPECT_THAT(ToMetaGraphDef(graph_, &meta), IsOk());
    return Write("m.meta", *SerializeMetaGraphDef(meta));
  }
  sluice::Graph graph_{ops::Builtin()};
};

// 3x3x1x2 + 2 parameters; 2x2x2 outputs of 9 taps, a bias each. The pool looks at 2x2 of them, for
// 1x1x2. The head: 2 * 3 + 3 parameters.
TEST_F(SummaryCommandTest, MetaGraphAsText) {
  EXPECT_EQ(Sluice({"summary", MetaFile()}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("Layer (type)                      Output Shape     Param #  FLOPs  "
                              "Connected to\n"));
  EXPECT_THAT(out_, HasSubstr("x (InputLayer)                    (None, 4, 4, 1)  0        0\n"));
  EXPECT_THAT(out_, HasSubstr("net/conv (Conv2D)                 (None, 2, 2, 2)  20       152    "
                              "x\n"));
  EXPECT_THAT(out_, HasSubstr("net/max_pooling2d (MaxPooling2D)  (None, 1, 1, 2)  0        8      "
                              "net/conv\n"));
  EXPECT_THAT(out_, HasSubstr("net/head (Dense)                  (None, 1, 1, 3)  9        15     "
                              "net/max_pooling2d\n"));
  EXPECT_THAT(out_, HasSubstr("Total params: 29\nTrainable params: 20\nNon-trainable params: 9\n"
                              "FLOPs: 175\n"));
}

TEST_F(SummaryCommandTest, MetaGraphAsJson) {
  EXPECT_EQ(Sluice({"summary", MetaFile(), "--json"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("{\"layers\": [{\"name\": \"x\", \"type\": \"InputLayer\", "
                              "\"output_shapes\": [[-1, 4, 4, 1]], \"params\": 0, \"flops\": 0, "
                              "\"connected_to\": [], \"shares_with\": \"\"}, "));
  EXPECT_THAT(out_, HasSubstr("{\"name\": \"net/conv\", \"type\": \"Conv2D\", \"output_shapes\": "
                              "[[-1, 2, 2, 2]], \"params\": 20, \"flops\": 152, "
                              "\"connected_to\": [\"x\"], \"shares_with\": \"\"}"));
  EXPECT_THAT(out_, HasSubstr("\"total_params\": 29, \"trainable_params\": 20, "
                              "\"non_trainable_params\": 9, \"flops\": 175}\n"));
}

// A GraphDef has no collections, which tell what is trainable.
TEST_F(SummaryCommandTest, GraphDefs) {
  for (const bool text : {false, true}) {
    const std::string file = Write(text ? "g.pbtxt" : "g.pb", *SerializeGraphDef(graph_, text));
    EXPECT_EQ(Sluice({"summary", file}), 0) << err_;
    EXPECT_THAT(out_, HasSubstr("net/head (Dense)"));
    EXPECT_THAT(out_, HasSubstr("Total params: 29\nTrainable params: 29\n"));
  }
}

TEST_F(SummaryCommandTest, Refusals) {
  ExpectExit(2, {"summary"}, "expected one graph file, got 0 arguments");
  ExpectExit(2, {"summary", "a", "b"}, "expected one graph file, got 2 arguments");
  ExpectExit(2, {"summary", "a", "--nonsense"}, "nonsense");
  ExpectExit(1, {"summary", Path("missing.meta")}, "missing.meta");
  ExpectExit(1, {"summary", Write("bad.pb", "\x0a\xff\xff\xff\xff\x0f")}, "bad.pb");
}

}  // namespace
}  // namespace sluice::tools
