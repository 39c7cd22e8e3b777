#include "tools/sluice/command_line.h"

#include "gtest/gtest.h"
#include "tests/testing/core/status_matchers.h"

namespace sluice::tools {
namespace {

using absl::StatusCode;
using Args = std::vector<std::string>;

const std::vector<FlagSpec> kSpecs = {
    {"fetch", true, true}, {"out", true, false}, {"json", false, false}};

TEST(CommandLineTest, FlagsAndPositionalArguments) {
  const auto line =
      CommandLine::Parse({"g.pb", "--fetch", "a:0", "b:0", "--out=d", "--json"}, kSpecs);
  ASSERT_THAT(line, IsOk());
  EXPECT_EQ(line->positional(), Args{"g.pb"});
  EXPECT_EQ(line->All("fetch"), (Args{"a:0", "b:0"}));
  EXPECT_EQ(line->Get("out", "none"), "d");
  EXPECT_TRUE(line->Has("json"));
}

TEST(CommandLineTest, AbsentFlags) {
  const auto line = CommandLine::Parse({}, kSpecs);
  ASSERT_THAT(line, IsOk());
  EXPECT_FALSE(line->Has("json"));
  EXPECT_EQ(line->Get("out", "none"), "none");
  EXPECT_TRUE(line->All("fetch").empty());
  EXPECT_TRUE(line->positional().empty());
}

TEST(CommandLineTest, ManyValuesInAnyForm) {
  const auto line =
      CommandLine::Parse({"--fetch=a", "--fetch", "b", "c", "--out", "d", "g", "h"}, kSpecs);
  ASSERT_THAT(line, IsOk());
  EXPECT_EQ(line->All("fetch"), (Args{"a", "b", "c"}));
  EXPECT_EQ(line->positional(), (Args{"g", "h"}));
}

TEST(CommandLineTest, ValuesMayHoldEqualsSignsAndBeEmpty) {
  const auto line = CommandLine::Parse({"--fetch", "x:0=f=g", "--out="}, kSpecs);
  ASSERT_THAT(line, IsOk());
  EXPECT_EQ(line->All("fetch"), Args{"x:0=f=g"});
  EXPECT_TRUE(line->Has("out"));
  EXPECT_EQ(line->Get("out", "none"), "");
}

TEST(CommandLineTest, Refusals) {
  const auto message = [](const Args& args) { return CommandLine::Parse(args, kSpecs).status(); };
  EXPECT_THAT(message({"--nope"}), StatusIs(StatusCode::kInvalidArgument,
                                            "unknown flag --nope; the flags are --fetch, --out, "
                                            "--json"));
  EXPECT_THAT(message({"--out"}), StatusIs(StatusCode::kInvalidArgument, "--out needs a value"));
  EXPECT_THAT(message({"--out", "--json"}),
              StatusIs(StatusCode::kInvalidArgument, "--out needs a value"));
  EXPECT_THAT(message({"--out", "a", "--out", "b"}),
              StatusIs(StatusCode::kInvalidArgument, "--out is given twice"));
  EXPECT_THAT(message({"--json", "--json"}),
              StatusIs(StatusCode::kInvalidArgument, "--json is given twice"));
  EXPECT_THAT(message({"--json=1"}),
              StatusIs(StatusCode::kInvalidArgument, "--json takes no value"));
}

TEST(ParseSizeTest, Units) {
  const std::vector<std::pair<std::string, int64_t>> sizes = {{"1", 1},
                                                              {"512", 512},
                                                              {"64K", 65536},
                                                              {"64k", 65536},
                                                              {"2M", 2097152},
                                                              {"1.5G", 1610612736},
                                                              {"2GiB", int64_t{2} << 30},
                                                              {"2GB", int64_t{2} << 30},
                                                              {"1T", int64_t{1} << 40},
                                                              {"100B", 100}};
  for (const auto& [text, bytes] : sizes) {
    const auto size = ParseSize(text);
    ASSERT_THAT(size, IsOk()) << text;
    EXPECT_EQ(*size, bytes) << text;
  }
}

TEST(ParseSizeTest, Refusals) {
  for (const char* text : {"", "0", "-1", "K", "1X", "1 K", "0x10", "1e3", "nan", "inf", "1.2.3",
                           "99999999999T", ".", "B", "iB"}) {
    EXPECT_THAT(ParseSize(text), StatusIs(StatusCode::kInvalidArgument, "a size is a positive"))
        << text;
  }
}

TEST(ParseIntTest, Bounds) {
  EXPECT_EQ(*ParseInt("threads", "8", 1, 8), 8);
  for (const char* text : {"0", "9", "-1", "", "x", "1.5", "99999999999999999999"}) {
    EXPECT_THAT(ParseInt("threads", text, 1, 8),
                StatusIs(StatusCode::kInvalidArgument, "--threads is a whole number in [1, 8]"))
        << text;
  }
}

}  // namespace
}  // namespace sluice::tools
