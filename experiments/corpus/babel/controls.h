#pragma once
/// Do the labels of sentence pairs leak through the surface? Three classifiers that understand
/// nothing, fitted on the source language's training pairs and scored in every language:
///   - hypothesis-only: logistic regression on the words of the hypothesis and its length;
///   - surface lookup: most frequent label of equal counts (`SurfaceCounts`);
///   - surface regression: logistic regression on those counts as numbers.
/// A benchmark is sound when each stays within `kLeakTolerance` of chance. Text in, so any source
/// can be checked.

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace repro {

struct TextPair {
  std::string premise, hypothesis;
  int label = 0;
};

inline constexpr int kPairClasses = 3;
inline constexpr double kLeakChance = 1.0 / kPairClasses;
/// Three points; beyond sampling noise from some 1,000 test pairs on (standard error 1.5 points),
/// clearly so at 4,000.
inline constexpr double kLeakTolerance = 0.03;

/// Shares of pairs labelled rightly.
struct LeakScores {
  double hypothesis_only = 0;
  double surface_lookup = 0;
  double surface_regression = 0;
  /// The largest distance from chance.
  double Worst() const;
};

/// Multinomial logistic regression on sparse features, by stochastic gradient in a fixed order: no
/// randomness.
class LogisticRegression {
 public:
  struct Feature {
    int index = 0;
    double value = 1;
  };
  using Example = std::vector<Feature>;

  LogisticRegression(int features, int classes);
  void Fit(std::span<const Example> examples, std::span<const int> labels, int epochs, double rate);
  int Predict(const Example& example) const;

 private:
  std::vector<double> Scores(const Example& example) const;

  int classes_;
  std::vector<double> weights_;  // feature-major
};

class LeakControls {
 public:
  /// Needs at least one pair.
  static LeakControls Fit(std::span<const TextPair> train);
  LeakScores Score(std::span<const TextPair> pairs) const;

 private:
  LeakControls() : hypothesis_model_(0, kPairClasses), surface_model_(0, kPairClasses) {}
  LogisticRegression::Example HypothesisFeatures(const TextPair& pair) const;

  std::map<std::string, int, std::less<>> words_;  ///< of the training hypotheses
  LogisticRegression hypothesis_model_;
  std::map<std::vector<int>, int> lookup_;
  int majority_ = 0;
  LogisticRegression surface_model_;
};

/// What a pair looks like without reading it: new, dropped and shared words, both lengths in words,
/// difference of the lengths in characters, position of the first difference.
std::vector<int> SurfaceCounts(const TextPair& pair);

/// Exact balance, counted: over all words, the largest difference between two classes in how often
/// the word occurs in the hypotheses. 0 when the classes are balanced in every word.
int LargestHypothesisImbalance(std::span<const TextPair> pairs);

}  // namespace repro
