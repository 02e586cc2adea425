#include "experiments/corpus/clean/ordered_texts.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "tests/core/temp_folder.h"

namespace repro {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::Pair;
using Texts = std::vector<std::pair<std::uint64_t, std::string>>;

class OrderedTextsTest : public ::testing::Test {
 protected:
  /// `texts` as they come out.
  Texts InOrder(const Texts& texts, std::int64_t memory_bytes) {
    OrderedTexts ordered(folder_.path(), memory_bytes, stop_);
    for (const auto& [order, text] : texts) EXPECT_TRUE(ordered.Add(order, text));
    Texts out;
    const Status status = ordered.Visit([&](std::uint64_t order, std::string_view text) -> Status {
      out.emplace_back(order, text);
      return {};
    });
    EXPECT_TRUE(status) << status.error().message;
    return out;
  }
  bool FilesAreLeft() const { return !fs::is_empty(folder_.path()); }

  TempFolder folder_;
  std::atomic<bool> stop_ = false;
};

TEST_F(OrderedTextsTest, ComeOutTheSameHoweverLittleMemoryThereIs) {
  Texts texts;
  Rng rng(1, "texts");
  for (int i = 0; i < 150; ++i) {
    // Few numbers, so that many are equal: those keep the order in which they were added.
    texts.emplace_back(rng.Below(20), std::to_string(i) + std::string(rng.Below(100), 'x'));
  }
  texts[100].second = std::string(3 << 20, 'y') + "\n\nend";  // more than is read at a time
  texts[50].second = "";
  Texts expected = texts;
  std::stable_sort(expected.begin(), expected.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  // Each in a file of its own; some in each, merged two at a time, then many; all in memory.
  for (const std::int64_t memory : {1, 2'000, 20'000, 16 << 20, 256 << 20}) {
    EXPECT_TRUE(InOrder(texts, memory) == expected) << memory;
    EXPECT_FALSE(FilesAreLeft()) << memory;
  }
  EXPECT_THAT(InOrder({}, 1), ElementsAre());
}

TEST_F(OrderedTextsTest, WhatAKilledProcessLeftIsDropped) {
  ASSERT_TRUE(PutFile(folder_ / "ordered_texts/000000.zst", "half of a file"));
  ASSERT_TRUE(PutFile(folder_ / "ordered_texts/000009.zst", "another"));
  EXPECT_THAT(InOrder({{3, "c"}, {1, "a"}, {2, "b"}}, 1),
              ElementsAre(Pair(1, "a"), Pair(2, "b"), Pair(3, "c")));
  EXPECT_FALSE(FilesAreLeft());
}

TEST_F(OrderedTextsTest, StopsWhenItIsAskedToAndLeavesNoFiles) {
  for (const std::int64_t memory : {1, 1 << 20}) {
    stop_ = false;
    {
      OrderedTexts ordered(folder_.path(), memory, stop_);
      for (const std::uint64_t order : {5, 4, 3, 2, 1}) ASSERT_TRUE(ordered.Add(order, "text"));
      int visited = 0;
      const Status status = ordered.Visit([&](std::uint64_t, std::string_view) -> Status {
        stop_ = ++visited == 2;
        return {};
      });
      ASSERT_FALSE(status);
      EXPECT_EQ(status.error().code, ErrorCode::kInterrupted);
      EXPECT_EQ(visited, 2);
    }
    EXPECT_FALSE(FilesAreLeft());
  }
}

TEST_F(OrderedTextsTest, AFolderThatIsNotThereIsAnError) {
  OrderedTexts ordered(folder_ / "missing", 1, stop_);
  ASSERT_TRUE(ordered.Add(1, "one"));
  const Status status = ordered.Add(2, "two");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace repro
