#include "core/manifest/section_reader.h"

#include <gtest/gtest.h>

#include "tests/core/manifest/test_settings.h"

namespace repro {
namespace {

TestSettings ReadText(std::string_view text, Diagnostics& diagnostics) {
  const auto document = Document::Parse(text, "m.toml");
  EXPECT_TRUE(document);
  return ReadSettings<TestSettings>(*document, diagnostics);
}

TEST(SectionReaderTest, AbsentKeysKeepTheirDefaults) {
  Diagnostics diagnostics;
  const TestSettings settings = ReadText("[vocab]\nsize = 4_000\n", diagnostics);
  EXPECT_TRUE(diagnostics.empty()) << diagnostics.ToString();
  EXPECT_EQ(settings.vocab.size, 4000);
  EXPECT_EQ(settings.vocab.alpha, 0.3);
  EXPECT_EQ(settings.pretrain.updates, 1000);
}

TEST(SectionReaderTest, ReadsEveryFieldType) {
  Diagnostics diagnostics;
  const TestSettings settings = ReadText(
      "vocab = { model = \"bpe\", alpha = 1 }\n"
      "pretrain = { resume = false, peak_learning_rate = 5e-4 }\n"
      "finetune = { tasks = [\"topic\", \"xnli\"], thresholds = [0, 0.5, 1] }\n",
      diagnostics);
  EXPECT_TRUE(diagnostics.empty()) << diagnostics.ToString();
  EXPECT_EQ(settings.vocab.model, "bpe");
  EXPECT_EQ(settings.vocab.alpha, 1.0);
  EXPECT_FALSE(settings.pretrain.resume);
  EXPECT_EQ(settings.pretrain.peak_learning_rate, 5e-4);
  EXPECT_EQ(settings.finetune.tasks, (std::vector<std::string>{"topic", "xnli"}));
  EXPECT_EQ(settings.finetune.thresholds, (std::vector<double>{0, 0.5, 1}));
}

TEST(SectionReaderTest, HalfOpenBoundsAreExact) {
  Diagnostics lowest;
  ReadText("model.dropout = 0.0\nvocab = { size = 64, alpha = 1.0 }\n", lowest);
  EXPECT_TRUE(lowest.empty()) << lowest.ToString();
  Diagnostics over;
  ReadText("model.dropout = 1.0\nvocab = { size = 63 }\n", over);
  EXPECT_EQ(over.ToString(),
            "m.toml:1:17: `model.dropout` is 1.0, expected at least 0 and less than 1\n"
            "m.toml:2:18: `vocab.size` is 63, expected from 64 to 2000000");
}

TEST(SectionReaderTest, InfinityIsNoValueEvenWhereThereIsNoUpperBound) {
  Diagnostics diagnostics;
  ReadText("pretrain.peak_learning_rate = inf\nvocab.alpha = nan\n", diagnostics);
  EXPECT_EQ(
      diagnostics.ToString(),
      "m.toml:1:31: `pretrain.peak_learning_rate` is inf, expected greater than 0, and finite\n"
      "m.toml:2:15: `vocab.alpha` is nan, expected from 0 to 1");
}

TEST(SectionReaderTest, BadValueLeavesTheDefaultSoThatOtherChecksCanGoOn) {
  Diagnostics diagnostics;
  const TestSettings settings = ReadText("vocab.size = \"big\"\n", diagnostics);
  EXPECT_EQ(diagnostics.size(), 1u);
  EXPECT_EQ(settings.vocab.size, 32'000);
}

TEST(SectionReaderTest, SettingsReadBackFromTheirOwnJson) {
  Diagnostics diagnostics;
  const TestSettings settings =
      ReadText("vocab.size = 100\nfinetune.tasks = [\"topic\"]\n", diagnostics);
  const auto again = FromJson<TestSettings>(ToJson(settings));
  ASSERT_TRUE(again);
  EXPECT_EQ(ToJson(*again), ToJson(settings));
}

struct LaterSettings {
  struct Filter {
    std::int64_t least = 5;
    template <class V>
    void Visit(V& v) {
      v("least", least);
    }
  };
  std::int64_t size = 8;
  bool letters = false;
  Filter filter;
  template <class V>
  void Visit(V& v) {
    v("size", size);
    v("letters", letters, AddedLater());
    v("filter", filter, AddedLater());
  }
};

TEST(SectionReaderTest, WhatCameLaterIsNotInTheJsonWhileItDoesNothing) {
  LaterSettings settings;
  EXPECT_EQ(ToJson(settings), Json::object({{"size", 8}}));
  auto again = FromJson<LaterSettings>(ToJson(settings));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_FALSE(again->letters);
  EXPECT_EQ(again->filter.least, 5);

  settings.letters = true;
  settings.filter.least = 6;
  again = FromJson<LaterSettings>(ToJson(settings));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_TRUE(again->letters);
  EXPECT_EQ(again->filter.least, 6);
}

}  // namespace
}  // namespace repro
