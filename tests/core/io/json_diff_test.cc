#include "core/io/json_diff.h"

#include <gtest/gtest.h>

namespace repro {
namespace {

Json Parsed(std::string_view text) {
  return ParseJson(text, "test").value();
}

std::string Described(std::string_view before, std::string_view after) {
  std::string lines;
  for (const JsonChange& change : DiffJson(Parsed(before), Parsed(after))) {
    lines += change.path + ": " + DescribeChange(change) + "\n";
  }
  return lines;
}

TEST(JsonDiffTest, EqualValuesDoNotDiffer) {
  EXPECT_EQ(Described(R"({"a": {"b": 1}, "c": [1]})", R"({"c": [1], "a": {"b": 1}})"), "");
}

TEST(JsonDiffTest, NestedChangeIsNamedByItsPath) {
  EXPECT_EQ(Described(R"({"vocab": {"size": 4000, "alpha": 0.3}})",
                      R"({"vocab": {"size": 3000, "alpha": 0.3}})"),
            "vocab.size: 4000 -> 3000\n");
}

TEST(JsonDiffTest, WhatIsOnOneSideOnlyIsShownAsNone) {
  EXPECT_EQ(Described(R"({"a": 1})", R"({"b": 5})"), "a: 1 -> (none)\nb: (none) -> 5\n");
}

TEST(JsonDiffTest, ListsShowWhatCameAndWent) {
  EXPECT_EQ(Described(R"({"languages": ["en", "fr"]})", R"({"languages": ["en", "sw", "ur"]})"),
            "languages: +sw +ur -fr\n");
}

TEST(JsonDiffTest, AnotherOrderIsToldFromAnotherNumberOfTheSame) {
  EXPECT_EQ(Described(R"({"a": [1, 2]})", R"({"a": [2, 1]})"), "a: in another order\n");
  EXPECT_EQ(Described(R"({"a": [1, 1]})", R"({"a": [1]})"), "a: [1,1] -> [1]\n");
  EXPECT_EQ(Described(R"({"a": [1, 1, 2]})", R"({"a": [1, 2, 2]})"), "a: [1,1,2] -> [1,2,2]\n");
}

TEST(JsonDiffTest, ALongValueIsCutBetweenCharacters) {
  // 37 bytes fit before the dots; the 19th of these two-byte letters would be cut in half.
  std::string letters;
  for (int i = 0; i < 30; ++i) letters += "\u00e9";
  std::string kept;
  for (int i = 0; i < 18; ++i) kept += "\u00e9";
  EXPECT_EQ(DescribeChange({.path = "a", .before = 1, .after = letters}), "1 -> " + kept + "...");
}

TEST(JsonDiffTest, LeavesAreInOrderOfPath) {
  const Json value = Parsed(R"({"b": {"y": 1, "x": 2}, "a": [1, 2]})");
  std::vector<std::string> paths;
  for (const JsonLeaf& leaf : JsonLeaves(value)) paths.push_back(leaf.path);
  EXPECT_EQ(paths, (std::vector<std::string>{"a", "b.x", "b.y"}));
}

}  // namespace
}  // namespace repro
