#include "experiments/data/batch_loader.h"

#include <atomic>
#include <chrono>
#include <stdexcept>

#include <gtest/gtest.h>

namespace repro {
namespace {

MaskedBatch Numbered(std::int64_t update) {
  MaskedBatch batch;
  batch.rows = update;
  return batch;
}

TEST(BatchLoaderTest, GivesEveryUpdateInOrderWhateverThreadMadeIt) {
  BatchLoader loader(
      [](std::int64_t update) {
        std::this_thread::sleep_for(std::chrono::microseconds(update % 3 * 300));
        return Numbered(update);
      },
      5, 60, /*threads=*/4, /*ahead=*/8);
  for (std::int64_t update = 5; update < 60; ++update) EXPECT_EQ(loader.Next().rows, update);
}

TEST(BatchLoaderTest, MakesNoMoreThanItMayKeepAndEndsWithoutHavingBeenEmptied) {
  std::atomic<int> made{0};
  {
    BatchLoader loader(
        [&](std::int64_t update) {
          ++made;
          return Numbered(update);
        },
        0, 1'000, 2, 3);
    (void)loader.Next();
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    EXPECT_LE(made.load(), 4);
  }
  EXPECT_LE(made.load(), 4);
}

TEST(BatchLoaderTest, AnErrorComesWhenItsBatchIsTaken) {
  BatchLoader loader(
      [](std::int64_t update) {
        if (update == 2) throw std::runtime_error("shard damaged");
        return Numbered(update);
      },
      0, 4);
  EXPECT_EQ(loader.Next().rows, 0);
  EXPECT_EQ(loader.Next().rows, 1);
  EXPECT_THROW((void)loader.Next(), std::runtime_error);
  EXPECT_EQ(loader.Next().rows, 3);
}

TEST(BatchLoaderTest, SaysHowLongItWasWaitedFor) {
  BatchLoader slow(
      [](std::int64_t update) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        return Numbered(update);
      },
      0, 2);
  (void)slow.Next();
  EXPECT_GT(slow.TakeWaitedSeconds(), 0.005);
  EXPECT_EQ(slow.TakeWaitedSeconds(), 0);
}

}  // namespace
}  // namespace repro
