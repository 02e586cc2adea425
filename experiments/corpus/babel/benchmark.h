#pragma once
/// Labelled and parallel sentences of the synthetic world. Example i of a split is the same content
/// in every language (of one world), so one id means translations; no content of it is in any
/// corpus, and the splits share none.
///
/// Sentence-pair inference without leaks, by construction. The two sentences differ in one word, a
/// verb or the object's adjective; three pairs have the same hypothesis: one premise with the
/// synonym (entailment), one with a word of the opposite pole (contradiction), one with a word of
/// another dimension that the context takes as well (neutral). So each hypothesis occurs once in
/// each class, whatever is computed from it alone is right once in three, and over a block each
/// word of a slot is as often the replaced word in each class.

#include <string>
#include <unordered_set>
#include <vector>

#include "experiments/corpus/babel/proposition.h"

namespace repro {

/// Values as in the files (experiments/tasks/benchmark/spec.h).
enum class NliLabel : int { kContradiction = 0, kNeutral = 1, kEntailment = 2 };

struct NliExample {
  Proposition premise, hypothesis;
  NliLabel label;
};

struct TopicExample {
  Proposition proposition;
  int label;  ///< topic
};

const std::vector<std::string>& NliLabelNames();
/// "train", "dev", "test" or "parallel".
std::string_view SplitName(Split split);
/// The id of example `index` in the files: "xnli-test-17".
std::string ExampleId(std::string_view task, Split split, std::size_t index);

/// The labelled data of one world. `split` is kTrain, kDev or kTest; `count` examples, always the
/// same first ones.
class Benchmark {
 public:
  explicit Benchmark(const World& world);

  /// `count` rounded down to whole triples. A block of kNliBlock examples is exactly balanced in
  /// every word of its slot.
  std::vector<NliExample> Nli(Split split, int count) const;
  static constexpr int kNliBlock =
      3 * world_table::kNounDims * world_table::kPoles * world_table::kSynonyms;
  /// Labels in turn: equally many of each topic. No names, no numbers: nothing but words to go by.
  std::vector<TopicExample> Topics(Split split, int count) const;
  /// Sentences with names. The names of kTrain never occur in kDev and kTest: a tagger must know
  /// the name from pretraining or read the context.
  std::vector<Proposition> Tags(Split split, int count) const;
  /// No names, no numbers.
  std::vector<Proposition> Parallel(int count) const;

 private:
  void AddNliBlock(Split split, bool verbs, Dice& dice, std::vector<NliExample>& out,
                   std::unordered_set<std::uint64_t>& seen) const;
  Proposition DrawNameless(Split split, int topic, int thing, Dice& dice) const;
  int DrawName(EntityType type, int topic, bool for_training, Dice& dice) const;

  const World& world_;
  PropositionSampler sampler_;
};

}  // namespace repro
