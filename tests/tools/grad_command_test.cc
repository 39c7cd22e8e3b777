// sluice grad.
#include "tests/testing/tools/tool_fixture.h"

namespace sluice::tools {
namespace {

const char kTwo[] = "dim { size: 2 }";

class GradCommandTest : public ToolFixture {
 protected:
  // y = x * w + Floor(x); z = Neg(u).
  std::string Graph() {
    return Write("g.pbtxt", Placeholder("x", kTwo) + Placeholder("net/w", kTwo) +
                                Placeholder("u", kTwo) + Op("xw", "Mul", {"x", "net/w"}) +
                                Op("floor", "Floor", {"x"}) + Op("y", "AddV2", {"xw", "floor"}) +
                                Op("z", "Neg", {"u"}) + Op("odd", "NotAnOp", {"x"}) +
                                Op("odder", "Neg", {"odd"}));
  }
  std::string Feed(const std::string& name, float a, float b) {
    return name + "=" +
           WriteArray("feed_" + name.substr(0, 1) + ".npy", Tensor::Of<float>({2}, {a, b}));
  }
};

TEST_F(GradCommandTest, OneFilePerTensor) {
  EXPECT_EQ(Sluice({"grad", Graph(), "--loss", "y:0", "--wrt", "x:0", "net/w:0", "xw:0", "--feed",
                    Feed("x", 2, 3), "--feed", Feed("net/w", 5, 7), "--out", Path("o")}),
            0)
      << err_;
  ExpectClose(ReadArray("o/x_0.npy"), Tensor::Of<float>({2}, {5, 7}));
  ExpectClose(ReadArray("o/net_w_0.npy"), Tensor::Of<float>({2}, {2, 3}));
  ExpectClose(ReadArray("o/xw_0.npy"), Tensor::Of<float>({2}, {1, 1}));
}

TEST_F(GradCommandTest, WithRespectToAFedTensor) {
  EXPECT_EQ(Sluice({"grad", Graph(), "--loss", "y:0", "--wrt", "xw:0", "--wrt", "net/w:0", "--feed",
                    Feed("x", 2, 3), "--feed", Feed("net/w", 5, 7), "--feed", Feed("xw", 1, 1),
                    "--out", folder_}),
            0)
      << err_;
  ExpectClose(ReadArray("xw_0.npy"), Tensor::Of<float>({2}, {1, 1}));
}

TEST_F(GradCommandTest, NoPath) {
  ExpectExit(1, {"grad", Graph(), "--loss", "y:0", "--wrt", "u:0", "--out", folder_},
             "y:0 does not depend on u:0 through differentiable ops: there is no gradient");
  EXPECT_FALSE(fs_.Exists(Path("u_0.npy")));
}

TEST_F(GradCommandTest, OnlyThroughAnOpWithoutGradient) {
  ExpectExit(1, {"grad", Graph(), "--loss", "floor:0", "--wrt", "x:0", "--out", folder_}, "floor");
}

TEST_F(GradCommandTest, ThroughAnUnknownOp) {
  ExpectExit(3,
             {"grad", Graph(), "--loss", "odder:0", "--wrt", "x:0", "--feed", Feed("x", 1, 2),
              "--out", folder_},
             "odd");
}

TEST_F(GradCommandTest, MissingTensors) {
  ExpectExit(1, {"grad", Graph(), "--loss", "nope:0", "--wrt", "x:0", "--out", folder_}, "nope");
  ExpectExit(1, {"grad", Graph(), "--loss", "y:0", "--wrt", "nope:0", "--out", folder_}, "nope");
}

TEST_F(GradCommandTest, Usage) {
  ExpectExit(2, {"grad", Graph(), "--wrt", "x:0", "--out", folder_}, "--loss NAME:0 and --wrt");
  ExpectExit(2, {"grad", Graph(), "--loss", "y:0", "--out", folder_}, "--loss NAME:0 and --wrt");
  ExpectExit(2,
             {"grad", Graph(), "--loss", "y:0", "--loss", "z:0", "--wrt", "x:0", "--out", folder_},
             "--loss is given twice");
}

}  // namespace
}  // namespace sluice::tools
