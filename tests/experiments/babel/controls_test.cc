#include "experiments/corpus/babel/controls.h"

#include <gtest/gtest.h>

#include "experiments/corpus/babel/benchmark.h"
#include "experiments/corpus/babel/corpus_text.h"

namespace repro {
namespace {

constexpr BabelSettings kSettings{.seed = 9002};

std::vector<TextPair> Said(const std::vector<NliExample>& examples, const World& world,
                           const Anchors& anchors, const BabelLanguage& language) {
  const Speaker speaker(world, anchors, language);
  const auto text = [&](const Proposition& proposition) {
    Sentence sentence;
    speaker.Say(proposition, sentence);
    std::string said;
    AppendText(sentence, said);
    return said;
  };
  std::vector<TextPair> pairs;
  for (const NliExample& example : examples) {
    pairs.push_back(
        {text(example.premise), text(example.hypothesis), static_cast<int>(example.label)});
  }
  return pairs;
}

// 3,600 pairs: one standard error is 0.8 points, so three points are beyond sampling noise.
TEST(LeakControlsTest, NothingSeesTheLabelWithoutReadingInAnyLanguage) {
  const World world = MakeWorld(kSettings, "en", false);
  const Anchors anchors(world.seed());
  const Benchmark benchmark(world);
  const auto source = FindBabelLanguage("en").value();
  const LeakControls controls =
      LeakControls::Fit(Said(benchmark.Nli(Split::kTrain, 7200), world, anchors, source));
  const auto test = benchmark.Nli(Split::kTest, 3600);
  for (const BabelLanguage& language : BabelLanguages()) {
    const auto pairs = Said(test, world, anchors, language);
    const LeakScores scores = controls.Score(pairs);
    EXPECT_LE(scores.Worst(), kLeakTolerance)
        << language.code << ": " << scores.hypothesis_only << ' ' << scores.surface_lookup << ' '
        << scores.surface_regression;
    EXPECT_EQ(LargestHypothesisImbalance(pairs), 0) << language.code;
  }
}

TEST(LeakControlsTest, NorInTheNullWorldOfAnyLanguage) {
  const auto null_pairs = [](const BabelLanguage& language, Split split, int count) {
    const World world = MakeWorld(kSettings, language.code, true);
    return Said(Benchmark(world).Nli(split, count), world, Anchors(world.seed()), language);
  };
  const LeakControls controls =
      LeakControls::Fit(null_pairs(FindBabelLanguage("en").value(), Split::kTrain, 7200));
  for (const BabelLanguage& language : BabelLanguages()) {
    const auto pairs = null_pairs(language, Split::kTest, 1800);
    EXPECT_LE(controls.Score(pairs).Worst(), kLeakTolerance) << language.code;
    EXPECT_EQ(LargestHypothesisImbalance(pairs), 0) << language.code;
  }
}

// A control that finds nothing anywhere proves nothing: each is given a leak it must find.
std::vector<TextPair> Balanced(int count) {
  std::vector<TextPair> pairs;
  for (int i = 0; i < count; ++i) {
    const std::string context = "w" + std::to_string(i / 3 % 40) + " x" + std::to_string(i / 3 % 7);
    pairs.push_back({context + " p" + std::to_string(i / 3 % 11),
                     context + " q" + std::to_string(i / 3 % 5), i % 3});
  }
  return pairs;
}

TEST(LeakControlsTest, SoundPairsPassAndAWordOfTheLabelIsFound) {
  auto train = Balanced(3000);
  auto test = Balanced(900);
  EXPECT_NEAR(LeakControls::Fit(train).Score(test).hypothesis_only, kLeakChance, 0.01);
  EXPECT_EQ(LargestHypothesisImbalance(test), 0);
  for (auto* pairs : {&train, &test}) {
    for (TextPair& pair : *pairs) {
      const std::string marker = pair.label == 0 ? " not" : " yes";
      pair.premise += marker;
      pair.hypothesis += marker;
    }
  }
  const LeakScores scores = LeakControls::Fit(train).Score(test);
  EXPECT_GT(scores.hypothesis_only, 0.6);
  EXPECT_NEAR(scores.surface_lookup, kLeakChance, 0.01);  // counts are still equal
  EXPECT_GT(LargestHypothesisImbalance(test), 100);
  EXPECT_GT(scores.Worst(), kLeakTolerance);
}

TEST(LeakControlsTest, ACountThatDependsOnTheLabelIsFound) {
  auto train = Balanced(3000);
  auto test = Balanced(900);
  for (auto* pairs : {&train, &test}) {
    for (TextPair& pair : *pairs) {
      for (int k = 0; k < pair.label; ++k) pair.premise += " more";  // dropped words = label + 1
    }
  }
  const LeakScores scores = LeakControls::Fit(train).Score(test);
  EXPECT_GT(scores.surface_lookup, 0.99);
  EXPECT_GT(scores.surface_regression, 0.6);
}

TEST(SurfaceCountsTest, CountsWordsAsMultisets) {
  EXPECT_EQ(SurfaceCounts({"a b b c", "a b d", 0}), (std::vector<int>{1, 2, 2, 4, 3, -2, 2}));
  EXPECT_EQ(SurfaceCounts({"a", "a", 0}), (std::vector<int>{0, 0, 1, 1, 1, 0, 1}));
}

// Reference: for one binary feature the maximum-likelihood fit predicts the majority label of each
// value.
TEST(LogisticRegressionTest, LearnsTheMajorityOfEachFeatureValue) {
  std::vector<LogisticRegression::Example> examples;
  std::vector<int> labels;
  for (int i = 0; i < 300; ++i) {
    const int value = i % 3;
    examples.push_back({{value, 1.0}});
    labels.push_back(i % 10 == 0 ? (value + 1) % 3 : value);
  }
  LogisticRegression model(3, 3);
  model.Fit(examples, labels, 10, 0.1);
  for (int value = 0; value < 3; ++value) EXPECT_EQ(model.Predict({{value, 1.0}}), value);
}

}  // namespace
}  // namespace repro
