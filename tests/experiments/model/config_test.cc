#include "experiments/model/config.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace repro
