// sluice ckpt rename: checkpoints under other names.
#include "io/tensor_bundle.h"
#include "tests/testing/tools/tool_fixture.h"

namespace sluice::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CkptCommandTest : public ToolFixture {
 protected:
  CkptCommandTest() {
    auto writer = BundleWriter::Create(fs_, Path("in"));
    EXPECT_THAT(writer, IsOk());
    for (const char* name : {"net/conv_1/weights", "net/conv_2/weights", "step"})
      EXPECT_THAT((*writer)->Add(name, Tensor::Of<std::string>({1}, {name})), IsOk());
    EXPECT_THAT((*writer)->AddSlice("p", {2}, {{{0, 1}}}, Tensor::Of<float>({1}, {1})), IsOk());
    EXPECT_THAT((*writer)->AddSlice("p", {2}, {{{1, 1}}}, Tensor::Of<float>({1}, {2})), IsOk());
    EXPECT_THAT((*writer)->Finish(), IsOk());
  }
  // Runs it; the names in the result.
  std::vector<std::string> Renamed(const std::vector<std::string>& rules) {
    std::vector<std::string> args = {"ckpt", "rename", Path("in"), Path("out")};
    args.insert(args.end(), rules.begin(), rules.end());
    EXPECT_EQ(Sluice(args), 0) << err_;
    const auto reader = BundleReader::Open(fs_, Path("out"));
    EXPECT_THAT(reader, IsOk());
    std::vector<std::string> names;
    if (!reader.ok()) return names;
    for (const BundleTensor& tensor : (*reader)->Keys()) names.push_back(tensor.name);
    return names;
  }
  void ExpectRefused(int code, const std::vector<std::string>& rules, const std::string& text) {
    std::vector<std::string> args = {"ckpt", "rename", Path("in"), Path("refused")};
    args.insert(args.end(), rules.begin(), rules.end());
    ExpectExit(code, args, text);
    EXPECT_FALSE(fs_.Exists(Path("refused.index")));
  }
};

TEST_F(CkptCommandTest, NamesScopesAndPatterns) {
  EXPECT_THAT(Renamed({"--map", "step=global_step"}),
              ElementsAre("global_step", "net/conv_1/weights", "net/conv_2/weights", "p"));
  EXPECT_EQ(out_, absl::StrCat("1 of 4 tensors renamed, to checkpoint ", Path("out"), "\n"));
  EXPECT_THAT(Renamed({"--map", "net/=model/", "p=q"}),
              ElementsAre("model/conv_1/weights", "model/conv_2/weights", "q", "step"));
  EXPECT_THAT(Renamed({"--regex", "conv_(\\d)=conv\\1", "/weights$=/kernel"}),
              ElementsAre("net/conv1/kernel", "net/conv2/kernel", "p", "step"));
  EXPECT_THAT(Renamed({"--map", "net/conv_1/weights=w", "--regex", "^net/="}),
              ElementsAre("conv_2/weights", "p", "step", "w"));
  // Two names change places.
  EXPECT_THAT(Renamed({"--map", "p=step", "step=p"}),
              ElementsAre("net/conv_1/weights", "net/conv_2/weights", "p", "step"));
  const auto reader = BundleReader::Open(fs_, Path("out"));
  EXPECT_TRUE(BitEqual(*(*reader)->Lookup("p"), Tensor::Of<std::string>({1}, {"step"})));
  EXPECT_TRUE(BitEqual(*(*reader)->Lookup("step"), Tensor::Of<float>({2}, {1, 2})));
  EXPECT_EQ((*reader)->Find("step")->slices.size(), 2u);
}

TEST_F(CkptCommandTest, InPlace) {
  EXPECT_EQ(Sluice({"ckpt", "rename", Path("in"), Path("in"), "--map", "p=q"}), 0) << err_;
  const auto reader = BundleReader::Open(fs_, Path("in"));
  ASSERT_THAT(reader, IsOk());
  EXPECT_TRUE((*reader)->Contains("q") && !(*reader)->Contains("p"));
  EXPECT_THAT((*reader)->VerifyAll(), IsOk());
}

TEST_F(CkptCommandTest, WhatIsRefused) {
  ExpectRefused(1, {"--map", "nothing=x"}, "in: nothing matches no tensor");
  ExpectRefused(1, {"--map", "conv/=x/"}, "conv/ matches no tensor");
  ExpectRefused(1, {"--regex", "^x=y"}, "^x matches no tensor");
  // The first pattern leaves nothing for the second, the table nothing for the pattern.
  ExpectRefused(1, {"--regex", "conv=c", "conv_=d"}, "conv_ matches no tensor");
  ExpectRefused(1, {"--map", "step=x", "--regex", "step=y"}, "step matches no tensor");
  ExpectRefused(1, {"--map", "p=step"}, "'p' and 'step' would both be called 'step'");
  ExpectRefused(1, {"--regex", "conv_\\d=conv"},
                "'net/conv_1/weights' and 'net/conv_2/weights' would both be called 'net/conv/wei");
  ExpectRefused(1, {"--regex", "^p$="}, "tensor ''");
  ExpectRefused(2, {}, "--map OLD=NEW or --regex PATTERN=REPLACEMENT is missing");
  ExpectRefused(2, {"--map", "p"}, "--map is OLD=NEW, got \"p\"");
  ExpectRefused(2, {"--map", "p=x", "p=y"}, "--map renames p twice");
  ExpectRefused(2, {"--map", "net/=x"}, "a scope ('scope/') goes with a scope");
  ExpectRefused(2, {"--regex", "(=x"}, "(");
  ExpectExit(2, {"ckpt"}, "expected: ckpt rename PREFIX OUT-PREFIX");
  ExpectExit(2, {"ckpt", "rename", "a"}, "expected PREFIX and OUT-PREFIX, got 1 arguments");
  ExpectExit(2, {"ckpt", "rename", "a", "b.npz", "--map", "a=b"}, "b.npz is no checkpoint");
  ExpectExit(1, {"ckpt", "rename", Path("none"), Path("x"), "--map", "a=b"}, "no checkpoint");
}

TEST_F(CkptCommandTest, TheGraphBesideItIsMentioned) {
  Write("in.meta", "graph");
  Renamed({"--map", "p=q"});
  EXPECT_THAT(err_, HasSubstr("in.meta, the graph, has the old names and was not copied"));
}

}  // namespace
}  // namespace sluice::tools
