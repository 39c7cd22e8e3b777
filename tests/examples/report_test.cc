// The page of a training run: whole, self-contained, safe whatever the names and numbers.
#include "examples/fashion_mnist/report.h"

#include <cmath>
#include <limits>

#include "core/file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice::examples {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Html(const Report& report) {
  const std::string path = JoinPath(::testing::TempDir(), "report.html");
  EXPECT_THAT(WriteReport(report, path), IsOk());
  return *FileSystem::Default().ReadAll(path);
}

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

Report Example() {
  Report report;
  report.title = "A <run>";
  report.facts = {{"seed", "1"}, {"a&b", "\"x\""}};
  report.loss = {{1, 2.3f}, {50, 1.0f}, {100, 0.5f}};
  report.accuracy = {{1, 0.1f}, {100, 0.8f}};
  report.test_accuracy = {{50, 0.7f}, {100, 0.85f}};
  report.classes = {"shirt", "<boot>"};
  report.confusion = {{9, 1}, {0, 0}};
  report.image_size = 2;
  report.mistakes = {{{0, 1, 2, 255}, 0, 1, 0.75f}};
  return report;
}

TEST(ReportTest, HasEveryPart) {
  const std::string html = Html(Example());
  EXPECT_THAT(html, ::testing::StartsWith("<!doctype html>"));
  EXPECT_THAT(html, ::testing::EndsWith("</body></html>\n"));
  EXPECT_THAT(html, HasSubstr("<tr><td>seed</td><td>1</td></tr>"));
  EXPECT_EQ(Count(html, "<svg"), 2u);
  EXPECT_EQ(Count(html, "class=dot "), 2u);
  EXPECT_THAT(html, HasSubstr("step 100: 0.8500"));
  EXPECT_THAT(html, HasSubstr("<td>90.0%</td>"));  // 9 of 10 shirts
  EXPECT_THAT(html, HasSubstr("<td>0.0%</td>"));   // a class without images
  EXPECT_THAT(html, HasSubstr("(75%)"));
  EXPECT_EQ(Count(html, "data:image/png;base64,iVBORw0KGgo"), 1u);
}

TEST(ReportTest, AsksForNothingElse) {
  const std::string html = Html(Example());
  for (const char* outside : {"http:", "https:", "src=\"/", "href", "@import", "url("})
    EXPECT_THAT(html, Not(HasSubstr(outside)));
}

TEST(ReportTest, NamesAreEscaped) {
  const std::string html = Html(Example());
  EXPECT_THAT(html, HasSubstr("A &lt;run&gt;"));
  EXPECT_THAT(html, HasSubstr("a&amp;b</td><td>&quot;x&quot;"));
  EXPECT_THAT(html, HasSubstr("&lt;boot&gt;"));
  EXPECT_THAT(html, Not(HasSubstr("<boot>")));
}

TEST(ReportTest, ARunOfNoStepsIsDrawn) {
  const std::string html = Html({.title = "none"});
  EXPECT_EQ(Count(html, "<svg"), 2u);
}

TEST(ReportTest, LossesThatAreNotNumbersAreLeftOut) {
  Report report = Example();
  report.loss = {{1, 1.0f},
                 {2, std::numeric_limits<float>::quiet_NaN()},
                 {3, std::numeric_limits<float>::infinity()},
                 {4, 2.0f}};
  const std::string html = Html(report);
  EXPECT_THAT(html, Not(HasSubstr("nan")));
  EXPECT_THAT(html, Not(HasSubstr("inf")));
  // Two lines of the two numbers: the batches, and their mean over one batch.
  EXPECT_EQ(Count(html, "stroke-width=1 opacity=0.25 points=\"52.2,122.0 64.8,12.0 \""), 1u);
  EXPECT_EQ(Count(html, "stroke-width=2 opacity=1 points=\"52.2,122.0 64.8,12.0 \""), 1u);
}

TEST(ReportTest, NamesTheFileThatCannotBeWritten) {
  EXPECT_THAT(WriteReport(Example(), "/proc/none/report.html"), ::testing::Not(IsOk()));
}

}  // namespace
}  // namespace sluice::examples
