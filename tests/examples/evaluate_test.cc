#include "examples/fashion_mnist/evaluate.h"

#include "ops/reshape.h"
#include "tests/testing/program/program_fixture.h"

namespace sluice::examples {
namespace {

class EvaluateTest : public ProgramFixture {};

// A "network" for images of one pixel p: probabilities 1 - p and p.
TEST_F(EvaluateTest, CountsAndKeepsTheMostCertainMistakes) {
  const Output images = Input({-1, 1, 1, 1});
  const Output p = ops::Reshape(root_, images, {-1, 1});
  const Output probabilities = p * Values({1, 2}, {-1, 1}) + Values({1, 2}, {1, 0});
  absl::StatusOr<Session> session = Session::Create(graph_, {.intra_op_threads = 1});
  ASSERT_THAT(session, IsOk());

  // 600 images, more than one batch. Right but for images 1 (sure), 2 (less so), 510 (most).
  const int n = 600;
  std::vector<uint8_t> pixels(n, 0), labels(n, 0);
  pixels[0] = 255;
  labels[0] = 1;
  pixels[1] = 204;  // 0.8
  pixels[2] = 153;  // 0.6
  labels[510] = 1;
  const train::ImageSet set = {Tensor::Of<uint8_t>({n, 1, 1}, pixels),
                               Tensor::Of<uint8_t>({n}, labels)};
  const auto result = Evaluate(*session, images, probabilities, set, 2);
  ASSERT_THAT(result, IsOk());
  EXPECT_NEAR(result->accuracy, 597.0 / 600, 1e-12);
  EXPECT_EQ(result->confusion, (std::vector<std::vector<int64_t>>{{596, 2}, {1, 1}}));
  ASSERT_EQ(result->mistakes.size(), 2u);
  EXPECT_EQ(result->mistakes[0].label, 1);
  EXPECT_EQ(result->mistakes[0].predicted, 0);
  EXPECT_FLOAT_EQ(result->mistakes[0].confidence, 1);
  EXPECT_EQ(result->mistakes[1].pixels, std::vector<uint8_t>{204});
  EXPECT_FLOAT_EQ(result->mistakes[1].confidence, 0.8f);
}

}  // namespace
}  // namespace sluice::examples
