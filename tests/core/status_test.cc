#include "core/status.h"

#include "absl/strings/cord.h"
#include "gtest/gtest.h"

namespace sluice {
namespace {

TEST(AnnotateTest, PutsContextInFrontAndKeepsTheRest) {
  absl::Status status = absl::NotFoundError("no file");
  status.SetPayload("kind", absl::Cord("TypeError"));
  const absl::Status annotated = Annotate(Annotate(status, "shard 1"), "restore");
  EXPECT_EQ(annotated.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(annotated.message(), "restore: shard 1: no file");
  EXPECT_EQ(annotated.GetPayload("kind"), absl::Cord("TypeError"));
  EXPECT_TRUE(Annotate(absl::OkStatus(), "x").ok());
}

TEST(PrintableTest, EscapesWhatIsNotPrintableAscii) {
  EXPECT_EQ(Printable(""), "");
  EXPECT_EQ(Printable("conv1/w:0 ~"), "conv1/w:0 ~");
  EXPECT_EQ(Printable(absl::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(Printable("\n\t\r\x1b\x7f"), "\\n\\t\\r\\x1b\\x7f");
  EXPECT_EQ(Printable("\xe2\x80\xae"), "\\xe2\\x80\\xae");  // U+202E turns text around
  EXPECT_EQ(Printable("%s%n"), "%s%n");
}

TEST(PrintableTest, CutsAfter200Characters) {
  EXPECT_EQ(Printable(std::string(200, 'a')), std::string(200, 'a'));
  EXPECT_EQ(Printable(std::string(201, 'a')), std::string(200, 'a') + "...");
  EXPECT_EQ(Printable(std::string(1000000, '\n')).size(), 203u);
  // An escape is never cut in two.
  EXPECT_EQ(Printable(std::string(199, 'a') + "\x01"), std::string(199, 'a') + "...");
}

absl::StatusOr<int> Half(int x) {
  if (x % 2 != 0) return absl::InvalidArgumentError("odd");
  return x / 2;
}

absl::Status Quarter(int x, int* result) {
  SLUICE_ASSIGN_OR_RETURN(const int half, Half(x));
  SLUICE_ASSIGN_OR_RETURN(*result, Half(half));
  return absl::OkStatus();
}

TEST(MacroTest, AssignOrReturn) {
  int result = 0;
  EXPECT_TRUE(Quarter(12, &result).ok());
  EXPECT_EQ(result, 3);
  EXPECT_EQ(Quarter(6, &result), absl::InvalidArgumentError("odd"));
  EXPECT_EQ(result, 3);
}

TEST(MacroTest, ReturnIfErrorEvaluatesOnce) {
  int calls = 0;
  const auto run = [&](absl::Status status) -> absl::Status {
    SLUICE_RETURN_IF_ERROR((++calls, status));
    return absl::CancelledError("reached the end");
  };
  EXPECT_EQ(run(absl::OkStatus()).code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(run(absl::DataLossError("x")).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace sluice
