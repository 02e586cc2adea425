#include "experiments/corpus/coded/clause_order.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/experiments/corpus/coded/sample_text.h"

namespace repro {
namespace {

using ::testing::ElementsAre;

ClauseOrder Order(const std::string& order, std::uint64_t key = 1) {
  return ClauseOrder::Make(order, key).value();
}

TEST(ClauseOrderTest, ReversedTurnsEachClauseAndLeavesWhatStandsBetween) {
  const ClauseOrder order = Order("reversed");
  EXPECT_EQ(order.Apply("One two three."), "three two One.");
  EXPECT_EQ(order.Apply("one two, three  four five; six"), "two one, five  four three; six");
  EXPECT_EQ(order.Apply("(a b) c d"), "(b a) d c");
  EXPECT_EQ(order.Apply(" -- a\tb c "), " -- a\tc b ");
  EXPECT_EQ(order.Apply(""), "");
  EXPECT_EQ(order.Apply("?!"), "?!");
}

TEST(ClauseOrderTest, UnitsAreNotPulledApart) {
  const ClauseOrder order = Order("reversed");
  EXPECT_EQ(order.Apply("don't pay 3.5 well-known U.S. dogs"),
            "U.S well-known 3.5 pay don't. dogs");
  EXPECT_EQ(order.Apply("nobody\u2019s fault"), "fault nobody\u2019s");
  EXPECT_EQ(order.Apply("one--two three\u2014four five"), "one--three two\u2014five four");
  EXPECT_EQ(order.Apply("caf\u00e9 2nd e\u0301"), "e\u0301 2nd caf\u00e9");
}

TEST(ClauseOrderTest, LocalPermutesEveryWindowAlike) {
  std::set<std::string> orders;
  for (std::uint64_t key = 0; key < 200; ++key) {
    const ClauseOrder order = Order("local", key);
    const std::string four = order.Apply("a b c d");
    orders.insert(four);
    EXPECT_NE(four, "a b c d");
    EXPECT_EQ(order.Apply("a b c d a b c d"), four + ' ' + four);
    EXPECT_EQ(order.Apply("a b c d e f"), four + " f e");
    EXPECT_EQ(order.Apply("e f, a b c d"), "f e, " + four);
    EXPECT_EQ(order.Apply("a"), "a");
  }
  EXPECT_EQ(orders.size(), 23U);  // all but the identity
}

// Of 6 places each word must come to each about equally often: chi-square, 25 degrees of freedom.
TEST(ClauseOrderTest, ShuffledIsUniformOverLines) {
  constexpr int kWords = 6, kLines = 6000;
  const ClauseOrder order = Order("shuffled");
  std::array<std::array<int, kWords>, kWords> counts{};
  for (int i = 0; i < kLines; ++i) {
    std::string line;
    for (int word = 0; word < kWords; ++word) line += fmt::format("{}x{} ", word, i);
    const std::string moved = order.Apply(line);
    std::size_t at = 0;
    for (auto& place : counts) {
      ++place[static_cast<std::size_t>(moved[at] - '0')];
      at = moved.find(' ', at) + 1;
    }
  }
  double chi_square = 0;
  for (const auto& place : counts) {
    for (const int count : place) {
      const double off = count - kLines / kWords;
      chi_square += off * off / (kLines / kWords);
    }
  }
  EXPECT_LT(chi_square, 52.6);  // 0.999 quantile of chi-square with 25 degrees of freedom
}

TEST(ClauseOrderTest, EveryOrderIsUndone) {
  const auto inventory = testing::SampleInventory();
  for (const char* name : {"none", "reversed", "local", "shuffled"}) {
    const ClauseOrder order = Order(name, 9);
    EXPECT_EQ(order.changes_nothing(), std::string_view(name) == "none");
    for (std::uint64_t i = 0; i < 2000; ++i) {
      const std::string line = testing::AnyLine(i, *inventory, [](auto word) { return word; });
      ASSERT_EQ(order.Undo(order.Apply(line)), line) << name << ", line " << i;
      ASSERT_EQ(order.Apply(order.Undo(line)), line) << name << ", line " << i;
      if (order.changes_nothing()) {
        ASSERT_EQ(order.Apply(line), line);
      }
    }
  }
}

TEST(ClauseOrderTest, WordsMoveWithWhatBelongsToThem) {
  const ClauseOrder order = Order("reversed");
  const auto moved = [&](const std::vector<std::string>& words) {
    std::string text;
    for (const std::size_t origin : order.ApplyToWords(words)) text += words[origin] + ' ';
    return text;
  };
  EXPECT_EQ(moved({"a", "b", ",", "c", "d", "."}), "b a , d c . ");
  EXPECT_EQ(moved({"the", "dog", "'s", "old", "hat"}), "hat old dog 's the ");
  EXPECT_EQ(moved({"'s", "a"}), "a 's ");
  EXPECT_EQ(moved({"in", "the", "U.S.", "a", "b"}), "U.S. the in b a ");
  EXPECT_EQ(moved({"a", "(b", "c)", "d", "", "e", "f"}), "a c) (b d  f e ");
  EXPECT_THAT(order.ApplyToWords({}), ElementsAre());
}

}  // namespace
}  // namespace repro
