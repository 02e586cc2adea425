#pragma once
/// What a sentence says, apart from any language: concepts, not words. A proposition is spoken by
/// `Speaker`.
///
/// The content id names its nominal skeleton: kind, topic, who, what, how many, where, when. Verb,
/// adjectives, tense and choice of synonym are left out, so that all variants of one labelled pair
/// fall into one split, and no skeleton of an evaluation sentence is in any corpus of any language.

#include <cstdint>
#include <optional>

#include "experiments/corpus/babel/dice.h"
#include "experiments/corpus/babel/world.h"

namespace repro {

enum class PropositionKind : std::uint8_t {
  kEvent,               ///< somebody does something with a thing
  kAttribute,           ///< a thing is such
  kNameAttribute,       ///< a name is such
  kOppositeAdjectives,  ///< a thing is not such but the opposite
  kOppositeVerbs,       ///< somebody does not this but the opposite
  kSameAdjectives,      ///< a thing is such, and such in other words
  kSameVerbs,           ///< somebody does this, and this in other words
  kThingHypernym,       ///< a thing is of the topic's kind of things
  kPersonHypernym,      ///< a person is of the topic's kind of persons
  kFact,                ///< profession, organisation and home of a person
};

/// An adjective or verb meaning within its dimension, and which of its two words.
struct Meaning {
  std::int8_t dim = -1;  ///< -1: absent
  std::int8_t pole = 0;
  std::int8_t synonym = 0;
  bool present() const { return dim >= 0; }
};

/// A common noun with what may stand beside it. -1: absent.
struct NounPhrase {
  std::int8_t noun = -1;  ///< person or thing of the topic
  std::int8_t quantifier = -1;
  std::int8_t number = -1;
  std::int8_t compound = -1;  ///< thing of `compound_topic` that the noun is compounded with
  std::int8_t compound_topic = 0;
  Meaning adjective{};
  bool plural() const { return quantifier >= 0 || number >= 0; }
};

struct Proposition {
  PropositionKind kind = PropositionKind::kEvent;
  std::int8_t topic = 0;
  bool past = false;
  std::int16_t subject_entity = -1;  ///< a name; else `subject` is said
  bool profession = false;           ///< the name with its profession: "player Kalen"
  NounPhrase subject;                ///< a person
  std::int16_t affiliation = -1;     ///< "of" that organisation
  Meaning verb;
  NounPhrase object;       ///< a thing; the subject of attribute kinds
  std::int8_t place = -1;  ///< common noun
  std::int16_t place_entity = -1;
  std::int8_t time = -1;
};

enum class Split : std::uint8_t { kText, kHeldout, kTrain, kDev, kTest, kParallel };

/// 64-bit name of the nominal skeleton; the same content has the same id in every language.
std::uint64_t ContentId(const Proposition& proposition);
/// 64-bit name of the whole proposition, wording included.
std::uint64_t FullId(const Proposition& proposition);
/// Where that content may appear. Fixed by content and world seed alone.
Split SplitOf(const Proposition& proposition, std::uint64_t seed);

/// What the sentences of a paragraph have in common.
struct Discourse {
  int topic = 0;
  int pole = 0;
  bool past = false;
  int time = 0;             ///< when things mostly happen in it
  int persons[2] = {0, 0};  ///< entities it is about
  int organisation = 0;
  int place = 0;
};

/// Draws propositions as a register of the corpora would state them.
class PropositionSampler {
 public:
  PropositionSampler(const World& world, const world_table::Register& style)
      : world_(world), style_(style) {}

  Discourse DrawDiscourse(Dice& dice) const;
  /// A sentence of a paragraph.
  Proposition Draw(const Discourse& discourse, Dice& dice) const;
  /// An event without names and numbers, whose meanings follow no paragraph: labelled and parallel
  /// sentences. `thing` fixes the object; -1: any.
  Proposition DrawNameless(int topic, int thing, Dice& dice) const;

 private:
  Proposition DrawEvent(const Discourse& discourse, Dice& dice) const;
  void DrawObject(const Discourse& discourse, int thing, Dice& dice, Proposition& p) const;
  void DrawCircumstances(const Discourse& discourse, Dice& dice, Proposition& p) const;
  Meaning DrawAdjective(const std::array<std::uint8_t, world_table::kNounDims>& dims, int pole,
                        Dice& dice) const;
  int DrawEntity(EntityType type, int topic, Dice& dice) const;

  const World& world_;
  const world_table::Register& style_;
};

/// Rank of a name drawn by its frequency.
int DrawNameRank(const World& world, Dice& dice);
/// The pole of a paragraph, or the other one with the probability that kPoleCoherence leaves.
int DrawPole(int pole, Dice& dice);
int DrawSynonym(Dice& dice);

}  // namespace repro
