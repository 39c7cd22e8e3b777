// Every name that flatten produces.
#include "layers/core_layers.h"
#include "tests/testing/program/names.h"

namespace sluice::layers {
namespace {

class FlattenNamesTest : public NamesFixture {};

TEST_F(FlattenNamesTest, OneReshape) {  // LY-5
  const Output x = ops::Placeholder(root_.Named("x"), DType::kFloat, {-1, 2, 3});
  Flatten(root_, x);
  Flatten(root_, x);
  Flatten(root_, x, {.name = "rows"});
  EXPECT_EQ(Nodes(),
            (Strings{"x Placeholder", "flatten/Reshape/shape Const", "flatten/Reshape Reshape",
                     "flatten_1/Reshape/shape Const", "flatten_1/Reshape Reshape",
                     "rows/Reshape/shape Const", "rows/Reshape Reshape"}));
  EXPECT_TRUE(Collections().empty());
}

}  // namespace
}  // namespace sluice::layers
