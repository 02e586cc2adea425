#include "experiments/corpus/babel/benchmark.h"

#include <array>

#include <fmt/format.h>

#include "core/base/check.h"

namespace repro {
namespace {

using namespace world_table;

// Names of labelled sentences: drawn evenly from the ranks that a desk run meets some dozen times
// or more.
constexpr int kTaggedRanks = 30;
// Names for training are those whose id is even: half of each rank, whatever their type.
bool IsTrainingName(int entity) {
  return entity % 2 == 0;
}

constexpr int kWords = kNounDims * kPoles * kSynonyms;
static_assert(kVerbDims == kNounDims, "verb and adjective blocks have the same shape");

// A word of a slot: dimension (position among those the context takes), pole, synonym.
struct SlotWord {
  int dim, pole, synonym;
};

SlotWord WordAt(int index) {
  return {index / (kPoles * kSynonyms), index / kSynonyms % kPoles, index % kSynonyms};
}

}  // namespace

const std::vector<std::string>& NliLabelNames() {
  static const std::vector<std::string> kNames = {"contradiction", "neutral", "entailment"};
  return kNames;
}

std::string_view SplitName(Split split) {
  switch (split) {
    case Split::kText:
      return "text";
    case Split::kHeldout:
      return "heldout";
    case Split::kTrain:
      return "train";
    case Split::kDev:
      return "dev";
    case Split::kTest:
      return "test";
    case Split::kParallel:
      return "parallel";
  }
  return "";
}

std::string ExampleId(std::string_view task, Split split, std::size_t index) {
  if (split == Split::kParallel) return fmt::format("{}-{}", task, index);
  return fmt::format("{}-{}-{}", task, SplitName(split), index);
}

Benchmark::Benchmark(const World& world) : world_(world), sampler_(world, kWiki) {}

Proposition Benchmark::DrawNameless(Split split, int topic, int thing, Dice& dice) const {
  for (int attempt = 0; attempt < 100'000; ++attempt) {
    const Proposition proposition = sampler_.DrawNameless(topic, thing, dice);
    if (SplitOf(proposition, world_.seed()) == split) return proposition;
  }
  REPRO_CHECK(false);
  return {};
}

void Benchmark::AddNliBlock(Split split, bool verbs, Dice& dice, std::vector<NliExample>& out,
                            std::unordered_set<std::uint64_t>& seen) const {
  const int topic = dice.Pick(kTopics);
  const int thing = dice.Pick(kThings);
  const bool past = dice.Chance(500);  // one tense, so that the balance holds for inflected words
  // How the premise's word differs from the hypothesis' word is constant in a block, so each of the
  // three relations is a permutation of the slot's words.
  const int opposite_synonym = dice.Pick(kSynonyms);
  const int other_dim = 1 + dice.Pick(kNounDims - 1);
  const int other_pole = dice.Pick(kPoles);
  const int other_synonym = dice.Pick(kSynonyms);
  std::array<int, kWords> order{};
  for (int i = 0; i < kWords; ++i) order[static_cast<std::size_t>(i)] = i;
  dice.Shuffle(order);
  for (const int index : order) {
    const SlotWord word = WordAt(index);
    Proposition context;
    const auto set_word = [&](Proposition& p, const SlotWord& slot) {
      const auto dim = static_cast<std::size_t>(slot.dim);
      Meaning& meaning = verbs ? p.verb : p.object.adjective;
      meaning.dim =
          static_cast<std::int8_t>(verbs ? slot.dim : world_.ThingDims(topic, p.object.noun)[dim]);
      meaning.pole = static_cast<std::int8_t>(slot.pole);
      meaning.synonym = static_cast<std::int8_t>(slot.synonym);
    };
    do {
      context = DrawNameless(split, topic, verbs ? -1 : thing, dice);
      context.past = past;
      set_word(context, word);
      if (seen.insert(FullId(context)).second) break;
    } while (true);
    const auto add = [&](NliLabel label, const SlotWord& premise_word) {
      Proposition premise = context;
      set_word(premise, premise_word);
      out.push_back({premise, context, label});
    };
    add(NliLabel::kEntailment, {word.dim, word.pole, 1 - word.synonym});
    add(NliLabel::kContradiction, {word.dim, 1 - word.pole, word.synonym ^ opposite_synonym});
    add(NliLabel::kNeutral,
        {(word.dim + other_dim) % kNounDims, word.pole ^ other_pole, word.synonym ^ other_synonym});
  }
}

std::vector<NliExample> Benchmark::Nli(Split split, int count) const {
  Dice dice(world_.seed(), fmt::format("babel.xnli.{}.{}", world_.name(), SplitName(split)));
  std::vector<NliExample> examples;
  std::unordered_set<std::uint64_t> seen;
  const auto wanted = static_cast<std::size_t>(count - count % 3);
  for (bool verbs = true; examples.size() < wanted; verbs = !verbs) {
    AddNliBlock(split, verbs, dice, examples, seen);
  }
  examples.resize(wanted);
  return examples;
}

std::vector<TopicExample> Benchmark::Topics(Split split, int count) const {
  Dice dice(world_.seed(), fmt::format("babel.topic.{}.{}", world_.name(), SplitName(split)));
  std::vector<TopicExample> examples;
  std::unordered_set<std::uint64_t> seen;
  while (examples.size() < static_cast<std::size_t>(count)) {
    const int topic = static_cast<int>(examples.size()) % kTopics;
    const Proposition proposition = DrawNameless(split, topic, -1, dice);
    if (seen.insert(FullId(proposition)).second) examples.push_back({proposition, topic});
  }
  return examples;
}

int Benchmark::DrawName(EntityType type, int topic, bool for_training, Dice& dice) const {
  for (;;) {
    const int entity = world_.EntityAt(type, topic, dice.Pick(kTaggedRanks));
    if (IsTrainingName(entity) == for_training) return entity;
  }
}

std::vector<Proposition> Benchmark::Tags(Split split, int count) const {
  Dice dice(world_.seed(), fmt::format("babel.tags.{}.{}", world_.name(), SplitName(split)));
  const bool for_training = split == Split::kTrain;
  std::vector<Proposition> examples;
  std::unordered_set<std::uint64_t> seen;
  while (examples.size() < static_cast<std::size_t>(count)) {
    const int topic = dice.Pick(kTopics);
    Proposition p = sampler_.DrawNameless(topic, -1, dice);
    if (dice.Chance(600)) {
      const EntityType type = dice.Chance(750) ? EntityType::kPerson : EntityType::kOrganisation;
      p.subject_entity = static_cast<std::int16_t>(DrawName(type, topic, for_training, dice));
      p.subject = NounPhrase{};
    }
    if (dice.Chance(350)) {
      p.affiliation =
          static_cast<std::int16_t>(DrawName(EntityType::kOrganisation, topic, for_training, dice));
    }
    if (p.affiliation == p.subject_entity) p.affiliation = -1;
    if (dice.Chance(600)) {
      p.place = -1;
      p.place_entity =
          static_cast<std::int16_t>(DrawName(EntityType::kPlace, topic, for_training, dice));
    }
    const bool named = p.subject_entity >= 0 || p.affiliation >= 0 || p.place_entity >= 0;
    if (!named || SplitOf(p, world_.seed()) != split) continue;
    if (seen.insert(FullId(p)).second) examples.push_back(p);
  }
  return examples;
}

std::vector<Proposition> Benchmark::Parallel(int count) const {
  Dice dice(world_.seed(), fmt::format("babel.parallel.{}", world_.name()));
  std::vector<Proposition> examples;
  std::unordered_set<std::uint64_t> seen;
  while (examples.size() < static_cast<std::size_t>(count)) {
    const Proposition proposition = DrawNameless(Split::kParallel, dice.Pick(kTopics), -1, dice);
    if (seen.insert(FullId(proposition)).second) examples.push_back(proposition);
  }
  return examples;
}

}  // namespace repro
