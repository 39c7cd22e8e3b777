// Every name that the global step produces.
#include "tests/testing/program/names.h"
#include "train/global_step.h"

namespace sluice::train {
namespace {

class GlobalStepNamesTest : public NamesOfKind {};
INSTANTIATE_TEST_SUITE_P(Kinds, GlobalStepNamesTest, EitherKind(), NameOfKind);

TEST_P(GlobalStepNamesTest, Created) {  // TR-4
  CreateGlobalStep(scope_.Sub("ops"));
  EXPECT_THAT(graph_.status(), IsOk());
  EXPECT_EQ(Nodes(), ConstantVariable(kind_, "global_step"));
  EXPECT_EQ(Collections(), (CollectionNames{{"global_step", {"global_step:0"}},
                                            {"variables", {"global_step:0"}}}));
}

}  // namespace
}  // namespace sluice::train
