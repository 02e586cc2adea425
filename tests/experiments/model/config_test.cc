#include "experiments/model/config.h"

#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiments/model/parameter_table.h"

namespace repro {
namespace {

ModelShape Shape(std::int64_t layers, std::int64_t hidden, std::int64_t heads, std::int64_t vocab,
                 std::int64_t positions) {
  ModelShape shape;
  shape.vocab_size = vocab;
  shape.max_positions = positions;
  shape.settings.layers = layers;
  shape.settings.hidden = hidden;
  shape.settings.heads = heads;
  return shape;
}

// Counted by transformers 5.17 on the published configurations, less its token type row (fairseq
// has none).
TEST(ModelConfigTest, EncoderParametersOfThePublishedModelsAreExact) {
  EXPECT_EQ(EncoderParameters(Shape(12, 768, 12, 250'002, 514)), 277'452'288);
  EXPECT_EQ(EncoderParameters(Shape(24, 1024, 16, 250'002, 514)), 558'839'808);
}

TEST(ModelConfigTest, MlmHeadAddsDenseNormAndOutputBiasButNoSecondMatrix) {
  const ModelShape base = Shape(12, 768, 12, 250'002, 514);
  EXPECT_EQ(MlmParameters(base) - EncoderParameters(base), 768 * 768 + 768 + 2 * 768 + 250'002);
}

TEST(ModelConfigTest, BytesAreFourAWeightAndThreeTensorsACheckpoint) {
  const ModelShape shape = Shape(2, 128, 4, 4'000, 66);
  EXPECT_EQ(WeightBytes(shape), 4 * MlmParameters(shape));
  EXPECT_EQ(CheckpointBytes(shape), 12 * MlmParameters(shape));
}

TEST(ModelConfigTest, FeedForwardWidthCountsWhenItIsNotFourTimesHidden) {
  ModelShape shape = Shape(1, 8, 2, 10, 4);
  const std::int64_t fourfold = EncoderParameters(shape);
  shape.settings.feed_forward = 33;  // one unit more: a row of 8, a column of 8, a bias
  EXPECT_EQ(EncoderParameters(shape), fourfold + 17);
}

TEST(ParameterTableTest, RowsAddUpToTheCounts) {
  ModelShape odd = Shape(1, 24, 3, 40, 24);
  odd.settings.feed_forward = 40;
  for (const ModelShape& shape : {Shape(12, 768, 12, 250'002, 514), odd}) {
    std::int64_t all = 0, encoder = 0;
    for (const ParameterGroup& group : ParameterTable(shape)) {
      all += group.Parameters();
      if (group.part != "lm_head") encoder += group.Parameters();
    }
    EXPECT_EQ(all, MlmParameters(shape));
    EXPECT_EQ(encoder, EncoderParameters(shape));
  }
}

// Table 7 gives the formula 4 L H^2 + 2 L H F + V H and, rounded, 270M and 550M; the exact counts
// are those of ModelConfigTest. The ablations' body has 85,054,464 parameters in its layers, as
// BERT-Base.
TEST(ParameterTableTest, ModelsOfThePaperHaveTheirSizes) {
  std::vector<std::string> names;
  for (const PublishedModel& model : PublishedModels()) {
    names.emplace_back(model.name);
    const ModelSettings& settings = model.shape.settings;
    EXPECT_EQ(settings.hidden, settings.heads * 64) << model.name;
    const double formula =
        static_cast<double>(4 * settings.layers * settings.hidden * settings.hidden +
                            2 * settings.layers * settings.hidden * 4 * settings.hidden +
                            model.shape.vocab_size * settings.hidden);
    EXPECT_NEAR(static_cast<double>(EncoderParameters(model.shape)), formula, 0.003 * formula)
        << model.name;
  }
  EXPECT_THAT(names,
              testing::ElementsAre("base", "large", "ablation", "ablation-960", "ablation-1152"));
  EXPECT_EQ(EncoderParameters(PublishedModels()[0].shape), 277'452'288);
  EXPECT_EQ(EncoderParameters(PublishedModels()[1].shape), 558'839'808);
  std::int64_t layers = 0;
  for (const ParameterGroup& group : ParameterTable(PublishedModels()[2].shape)) {
    if (group.part == "layers") layers += group.Parameters();
  }
  EXPECT_EQ(layers, 85'054'464);
}

// Against a walk over every width.
TEST(SolveHiddenTest, NoOtherWidthIsNearer) {
  for (const std::int64_t heads : {0, 1, 3, 12, 16}) {
    const std::int64_t step = heads == 0 ? 64 : heads;
    for (const std::int64_t target : {3'000'000, 27'000'000, 192'001'234}) {
      const ModelShape given = Shape(6, 0, heads, 32'000, 130);
      const auto hidden = SolveHidden(given, target);
      ASSERT_TRUE(hidden) << hidden.error().message;
      EXPECT_EQ(*hidden % step, 0);
      const auto miss = [&](std::int64_t width) {
        return std::abs(MlmParameters(Shape(6, width, heads, 32'000, 130)) - target);
      };
      for (std::int64_t width = step; width <= 4 * *hidden; width += step) {
        if (width < 8) continue;
        EXPECT_LE(miss(*hidden), miss(width)) << "heads " << heads << ", width " << width;
      }
    }
  }
}

// Figure 6: the total fixed, the vocabulary from 32K to 512K, the Transformer ever narrower. At the
// ablations' own vocabulary the width must come out as theirs.
TEST(SolveHiddenTest, FixedCapacityNarrowsTheTransformerAsTheVocabularyGrows) {
  const std::int64_t total = MlmParameters(Shape(12, 768, 12, 150'000, 514));
  EXPECT_EQ(SolveHidden(Shape(12, 0, 12, 150'000, 514), total).value(), 768);
  EXPECT_EQ(SolveHidden(Shape(12, 1, 0, 150'000, 514), total).value(), 768);
  std::int64_t last = 100'000;
  for (const std::int64_t vocab : {32'000, 64'000, 128'000, 256'000, 512'000}) {
    const std::int64_t hidden = SolveHidden(Shape(12, 0, 12, vocab, 514), total).value();
    EXPECT_LT(hidden, last);
    EXPECT_NEAR(static_cast<double>(MlmParameters(Shape(12, hidden, 12, vocab, 514))),
                static_cast<double>(total), 0.02 * static_cast<double>(total))
        << vocab;
    last = hidden;
  }
}

TEST(SolveHiddenTest, TotalsOutOfReachAreExplained) {
  const auto few = SolveHidden(Shape(12, 0, 12, 150'000, 514), 1'000);
  ASSERT_FALSE(few);
  EXPECT_EQ(few.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(few.error().message, testing::HasSubstr("(hidden 12) to "));
  EXPECT_FALSE(SolveHidden(Shape(1, 0, 12, 10, 514), 900'000'000'000'000));
  // The smallest itself is in reach.
  const ModelShape smallest = Shape(12, 12, 12, 150'000, 514);
  EXPECT_EQ(SolveHidden(smallest, MlmParameters(smallest)).value(), 12);
}

}  // namespace
}  // namespace repro
