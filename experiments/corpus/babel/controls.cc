#include "experiments/corpus/babel/controls.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/base/check.h"
#include "core/base/text.h"

namespace repro {
namespace {

constexpr int kEpochs = 8;
constexpr double kWordRate = 0.1;
constexpr double kCountRate = 0.01;

std::vector<std::string_view> WordsOf(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

int Characters(std::string_view text) {
  return static_cast<int>(CountCodePoints(text));
}

// How many members of `left` are in `right`, as multisets.
template <class Items>
int Common(Items left, Items right) {
  std::sort(left.begin(), left.end());
  std::sort(right.begin(), right.end());
  Items both;
  std::set_intersection(left.begin(), left.end(), right.begin(), right.end(),
                        std::back_inserter(both));
  return static_cast<int>(both.size());
}

// Bounded copies of the counts as features of a regression: the value, and the value squared (a
// label in the middle).
LogisticRegression::Example CountFeatures(const std::vector<int>& counts) {
  LogisticRegression::Example features = {{0, 1.0}};
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double value = counts[i] / 10.0;
    features.push_back({static_cast<int>(1 + 2 * i), value});
    features.push_back({static_cast<int>(2 + 2 * i), value * value});
  }
  return features;
}

double Share(std::size_t right, std::size_t all) {
  return all == 0 ? 0.0 : static_cast<double>(right) / static_cast<double>(all);
}

}  // namespace

double LeakScores::Worst() const {
  return std::max({std::abs(hypothesis_only - kLeakChance), std::abs(surface_lookup - kLeakChance),
                   std::abs(surface_regression - kLeakChance)});
}

LogisticRegression::LogisticRegression(int features, int classes)
    : classes_(classes),
      weights_(static_cast<std::size_t>(features) * static_cast<std::size_t>(classes)) {}

std::vector<double> LogisticRegression::Scores(const Example& example) const {
  std::vector<double> scores(static_cast<std::size_t>(classes_));
  for (const Feature& feature : example) {
    const double* row = weights_.data() + static_cast<std::ptrdiff_t>(feature.index) * classes_;
    for (int c = 0; c < classes_; ++c)
      scores[static_cast<std::size_t>(c)] += row[c] * feature.value;
  }
  return scores;
}

void LogisticRegression::Fit(std::span<const Example> examples, std::span<const int> labels,
                             int epochs, double rate) {
  REPRO_CHECK(examples.size() == labels.size());
  for (int epoch = 0; epoch < epochs; ++epoch) {
    for (std::size_t i = 0; i < examples.size(); ++i) {
      std::vector<double> scores = Scores(examples[i]);
      const double highest = *std::max_element(scores.begin(), scores.end());
      double total = 0;
      for (double& score : scores) total += score = std::exp(score - highest);
      for (int c = 0; c < classes_; ++c) {
        const double error =
            (c == labels[i] ? 1.0 : 0.0) - scores[static_cast<std::size_t>(c)] / total;
        for (const Feature& feature : examples[i]) {
          weights_[static_cast<std::size_t>(feature.index * classes_ + c)] +=
              rate * error * feature.value;
        }
      }
    }
  }
}

int LogisticRegression::Predict(const Example& example) const {
  const std::vector<double> scores = Scores(example);
  return static_cast<int>(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

std::vector<int> SurfaceCounts(const TextPair& pair) {
  const auto premise = WordsOf(pair.premise);
  const auto hypothesis = WordsOf(pair.hypothesis);
  const int shared = Common(premise, hypothesis);
  const auto premise_size = static_cast<int>(premise.size());
  const auto hypothesis_size = static_cast<int>(hypothesis.size());
  int first = 0;
  while (first < std::min(premise_size, hypothesis_size) &&
         premise[static_cast<std::size_t>(first)] == hypothesis[static_cast<std::size_t>(first)]) {
    ++first;
  }
  return {hypothesis_size - shared,  // new words
          premise_size - shared,     // dropped words
          shared,
          premise_size,
          hypothesis_size,
          Characters(pair.hypothesis) - Characters(pair.premise),
          first};
}

LogisticRegression::Example LeakControls::HypothesisFeatures(const TextPair& pair) const {
  const auto words = WordsOf(pair.hypothesis);
  LogisticRegression::Example features = {{0, 1.0}, {1, static_cast<double>(words.size()) / 10.0}};
  for (const std::string_view word : words) {
    const auto found = words_.find(word);
    if (found != words_.end()) features.push_back({found->second, 1.0});
  }
  return features;
}

LeakControls LeakControls::Fit(std::span<const TextPair> train) {
  REPRO_CHECK(!train.empty());
  LeakControls controls;
  std::vector<int> labels;
  std::map<std::vector<int>, std::array<int, kPairClasses>> seen;
  std::array<int, kPairClasses> totals{};
  int next = 2;
  for (const TextPair& pair : train) {
    labels.push_back(pair.label);
    for (const std::string_view word : WordsOf(pair.hypothesis)) {
      if (controls.words_.emplace(std::string(word), next).second) ++next;
    }
    const auto label = static_cast<std::size_t>(pair.label);
    ++seen[SurfaceCounts(pair)][label];
    ++totals[label];
  }
  const auto most = [](const std::array<int, kPairClasses>& counts) {
    return static_cast<int>(std::max_element(counts.begin(), counts.end()) - counts.begin());
  };
  controls.majority_ = most(totals);
  for (const auto& [counts, by_label] : seen) controls.lookup_[counts] = most(by_label);

  std::vector<LogisticRegression::Example> hypotheses, surfaces;
  for (const TextPair& pair : train) {
    hypotheses.push_back(controls.HypothesisFeatures(pair));
    surfaces.push_back(CountFeatures(SurfaceCounts(pair)));
  }
  const auto surface_features = 1 + 2 * static_cast<int>(SurfaceCounts(train.front()).size());
  controls.hypothesis_model_ = LogisticRegression(next, kPairClasses);
  controls.hypothesis_model_.Fit(hypotheses, labels, kEpochs, kWordRate);
  controls.surface_model_ = LogisticRegression(surface_features, kPairClasses);
  controls.surface_model_.Fit(surfaces, labels, kEpochs, kCountRate);
  return controls;
}

LeakScores LeakControls::Score(std::span<const TextPair> pairs) const {
  std::size_t hypothesis = 0, lookup = 0, regression = 0;
  for (const TextPair& pair : pairs) {
    const std::vector<int> counts = SurfaceCounts(pair);
    const auto found = lookup_.find(counts);
    hypothesis += hypothesis_model_.Predict(HypothesisFeatures(pair)) == pair.label ? 1 : 0;
    lookup += (found == lookup_.end() ? majority_ : found->second) == pair.label ? 1 : 0;
    regression += surface_model_.Predict(CountFeatures(counts)) == pair.label ? 1 : 0;
  }
  return {.hypothesis_only = Share(hypothesis, pairs.size()),
          .surface_lookup = Share(lookup, pairs.size()),
          .surface_regression = Share(regression, pairs.size())};
}

int LargestHypothesisImbalance(std::span<const TextPair> pairs) {
  std::map<std::string_view, std::array<int, kPairClasses>> counts;
  for (const TextPair& pair : pairs) {
    for (const std::string_view word : WordsOf(pair.hypothesis)) {
      ++counts[word][static_cast<std::size_t>(pair.label)];
    }
  }
  int worst = 0;
  for (const auto& [word, by_label] : counts) {
    const auto [low, high] = std::minmax_element(by_label.begin(), by_label.end());
    worst = std::max(worst, *high - *low);
  }
  return worst;
}

}  // namespace repro
