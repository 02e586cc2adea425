#include "core/manifest/diagnostics.h"

#include <gtest/gtest.h>

namespace repro {
namespace {

SourcePosition At(const char* file, int line, int column) {
  return {.file = std::make_shared<const std::string>(file), .line = line, .column = column};
}

TEST(DiagnosticsTest, SortsByPositionDropsRepetitionsAndPutsFlagsLast) {
  Diagnostics diagnostics;
  diagnostics.Add(At("--set a", 0, 0), "flag", "expected x");
  diagnostics.Add(At("a.toml", 10, 2), "late", "expected x");
  diagnostics.Add(At("a.toml", 9, 30), "early", "expected x");
  diagnostics.Add(At("a.toml", 10, 2), "late", "expected x");
  EXPECT_EQ(diagnostics.ToString(),
            "a.toml:9:30: early, expected x\n"
            "a.toml:10:2: late, expected x\n"
            "--set a: flag, expected x");
  EXPECT_EQ(diagnostics.ToStatus().error().code, ErrorCode::kInvalidArgument);
}

TEST(DiagnosticsTest, AnEntryIsOneLineWhateverItQuotes) {
  Diagnostics diagnostics;
  diagnostics.Add(At("a.toml", 1, 2), "unknown key `a\nb\x1b[31m`", "expected x");
  EXPECT_EQ(diagnostics.ToString(), "a.toml:1:2: unknown key `a b\\x1b[31m`, expected x");
}

TEST(DiagnosticsTest, NothingAddedIsOk) {
  EXPECT_TRUE(Diagnostics().ToStatus());
}

TEST(EditDistanceTest, CountsEditsAndSwapsAsOne) {
  EXPECT_EQ(EditDistance("", "abc"), 3u);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
  EXPECT_EQ(EditDistance("updates", "udpates"), 1u);
  EXPECT_EQ(EditDistance("same", "same"), 0u);
}

TEST(SuggestTest, FindsMisspellingsAndPrefixesAndNothingFar) {
  const std::vector<std::string> names = {"sequences_per_update", "updates", "alpha"};
  EXPECT_EQ(Suggest("sequences_per_updat", names), "sequences_per_update");
  EXPECT_EQ(Suggest("udpate", names), "updates");
  EXPECT_EQ(Suggest("sequences", names), "sequences_per_update");
  EXPECT_EQ(Suggest("wombat", names), "");
  EXPECT_EQ(Suggest("x", names), "");
  EXPECT_EQ(Suggest(std::string(1'000'000, 'a'), names), "") << "and takes no matrix to see it";
}

TEST(OneOfTextTest, JoinsWithOr) {
  EXPECT_EQ(OneOfText({"a"}), "`a`");
  EXPECT_EQ(OneOfText({"a", "b", "c"}), "`a`, `b` or `c`");
}

}  // namespace
}  // namespace repro
