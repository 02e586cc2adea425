#include "experiments/corpus/babel/proposition.h"

#include <algorithm>

namespace repro {
namespace {

using namespace world_table;

// Zipf-like weights inside a topic: 60 / (rank + 2).
constexpr std::array<std::uint32_t, kPersons> kPersonWeights = {30, 20, 15, 12, 10};
constexpr std::array<std::uint32_t, kThings> kThingWeights = {30, 20, 15, 12, 10, 9, 8, 7};

// A 64-bit hash of small integers: multiply, xor, shift (the finaliser of SplitMix64).
class ContentHash {
 public:
  void Add(int value) {
    state_ ^= static_cast<std::uint64_t>(static_cast<std::int64_t>(value)) + 0x9E3779B97F4A7C15U;
    state_ = (state_ ^ (state_ >> 30U)) * 0xBF58476D1CE4E5B9U;
    state_ = (state_ ^ (state_ >> 27U)) * 0x94D049BB133111EBU;
    state_ ^= state_ >> 31U;
  }
  std::uint64_t value() const { return state_; }

 private:
  std::uint64_t state_ = 0x6261626C65;
};

PropositionKind DrawKind(const KindWeights& kinds, Dice& dice) {
  const std::array<std::uint32_t, 10> weights = {kinds.event,           kinds.attribute,
                                                 kinds.name_attribute,  kinds.opposite_adjectives,
                                                 kinds.opposite_verbs,  kinds.same_adjectives,
                                                 kinds.same_verbs,      kinds.thing_hypernym,
                                                 kinds.person_hypernym, kinds.fact};
  return static_cast<PropositionKind>(dice.Weighted(weights));
}

void AddNoun(const NounPhrase& phrase, ContentHash& hash) {
  hash.Add(phrase.noun);
  hash.Add(phrase.quantifier);
  hash.Add(phrase.number);
  hash.Add(phrase.compound);
  hash.Add(phrase.compound_topic);
}

void AddMeaning(const Meaning& meaning, ContentHash& hash) {
  hash.Add(meaning.dim);
  hash.Add(meaning.pole);
  hash.Add(meaning.synonym);
}

ContentHash Skeleton(const Proposition& p) {
  ContentHash hash;
  hash.Add(static_cast<int>(p.kind));
  hash.Add(p.topic);
  hash.Add(p.subject_entity);
  AddNoun(p.subject, hash);
  hash.Add(p.affiliation);
  AddNoun(p.object, hash);
  hash.Add(p.place);
  hash.Add(p.place_entity);
  hash.Add(p.time);
  return hash;
}

}  // namespace

std::uint64_t ContentId(const Proposition& proposition) {
  return Skeleton(proposition).value();
}

std::uint64_t FullId(const Proposition& proposition) {
  ContentHash hash = Skeleton(proposition);
  hash.Add(proposition.past ? 1 : 0);
  hash.Add(proposition.profession ? 1 : 0);
  AddMeaning(proposition.verb, hash);
  AddMeaning(proposition.subject.adjective, hash);
  AddMeaning(proposition.object.adjective, hash);
  return hash.value();
}

Split SplitOf(const Proposition& proposition, std::uint64_t seed) {
  ContentHash hash = Skeleton(proposition);
  hash.Add(static_cast<int>(seed % 1'000'003));
  const auto bucket = static_cast<std::uint32_t>((hash.value() >> 32U) * 1000 >> 32U);
  std::uint32_t end = kSplitText;
  if (bucket < end) return Split::kText;
  if (bucket < (end += kSplitHeldout)) return Split::kHeldout;
  if (bucket < (end += kSplitTrain)) return Split::kTrain;
  if (bucket < (end += kSplitDev)) return Split::kDev;
  if (bucket < (end += kSplitTest)) return Split::kTest;
  return Split::kParallel;
}

int DrawNameRank(const World& world, Dice& dice) {
  const auto& weights = world.rank_weights();
  const std::uint32_t draw = dice.Below(weights.back());
  return static_cast<int>(std::upper_bound(weights.begin(), weights.end(), draw) - weights.begin());
}

int DrawPole(int pole, Dice& dice) {
  return dice.Chance(kPoleCoherence) ? pole : 1 - pole;
}

int DrawSynonym(Dice& dice) {
  return dice.Chance(kFirstSynonym) ? 0 : 1;
}

int PropositionSampler::DrawEntity(EntityType type, int topic, Dice& dice) const {
  return world_.EntityAt(type, topic, DrawNameRank(world_, dice));
}

Discourse PropositionSampler::DrawDiscourse(Dice& dice) const {
  Discourse discourse;
  discourse.topic = world_.TopicAt(dice.Weighted(style_.topic_weights));
  discourse.persons[0] = DrawEntity(EntityType::kPerson, discourse.topic, dice);
  discourse.persons[1] = DrawEntity(EntityType::kPerson, discourse.topic, dice);
  const Entity& hero = world_.entity(discourse.persons[0]);
  discourse.organisation = hero.organisation;
  discourse.place = hero.place;
  discourse.time = hero.time;
  discourse.pole = DrawPole(hero.pole, dice);
  discourse.past = dice.Chance(500);
  return discourse;
}

Meaning PropositionSampler::DrawAdjective(const std::array<std::uint8_t, kNounDims>& dims, int pole,
                                          Dice& dice) const {
  Meaning meaning;
  meaning.dim =
      static_cast<std::int8_t>(dims[static_cast<std::size_t>(dice.Weighted(kDimWeights))]);
  meaning.pole = static_cast<std::int8_t>(DrawPole(pole, dice));
  meaning.synonym = static_cast<std::int8_t>(DrawSynonym(dice));
  return meaning;
}

void PropositionSampler::DrawObject(const Discourse& discourse, int thing, Dice& dice,
                                    Proposition& p) const {
  p.object.noun = static_cast<std::int8_t>(thing);
  if (dice.Chance(style_.number)) {
    p.object.number = static_cast<std::int8_t>(
        dice.Chance(kTypicalNumber) ? world_.TypicalNumber(p.topic, thing, discourse.pole)
                                    : dice.Pick(kNumbers));
  } else if (dice.Chance(style_.quantifier)) {
    p.object.quantifier =
        static_cast<std::int8_t>(dice.Chance(kFavourite) ? world_.TypicalQuantifier(p.topic, thing)
                                                         : dice.Pick(kQuantifiers));
  }
  if (dice.Chance(style_.compound)) {
    p.object.compound_topic =
        static_cast<std::int8_t>(dice.Chance(700) ? p.topic : dice.Pick(kTopics));
    p.object.compound = static_cast<std::int8_t>(dice.Weighted(kThingWeights));
  }
}

void PropositionSampler::DrawCircumstances(const Discourse& discourse, Dice& dice,
                                           Proposition& p) const {
  if (dice.Chance(style_.time)) {
    p.time = static_cast<std::int8_t>(dice.Chance(kFavourite) ? discourse.time : dice.Pick(kTimes));
  }
  if (!dice.Chance(style_.place)) return;
  if (dice.Chance(style_.named_place)) {
    p.place_entity = static_cast<std::int16_t>(
        dice.Chance(700) ? discourse.place : DrawEntity(EntityType::kPlace, p.topic, dice));
  } else {
    p.place = static_cast<std::int8_t>(dice.Chance(600) ? 0 : 1 + dice.Pick(kPlaces - 1));
  }
}

Proposition PropositionSampler::DrawEvent(const Discourse& discourse, Dice& dice) const {
  Proposition p;
  p.topic = static_cast<std::int8_t>(discourse.topic);
  p.past = discourse.past;
  int thing = -1;
  int verb = -1;
  if (dice.Chance(style_.named_subject)) {
    const int who = dice.Weighted(std::array<std::uint32_t, 3>{55, 25, 20});
    p.subject_entity =
        static_cast<std::int16_t>(who < 2 ? discourse.persons[who] : discourse.organisation);
    const Entity& entity = world_.entity(p.subject_entity);
    p.profession = entity.type == EntityType::kPerson && dice.Chance(250);
    if (dice.Chance(kFavourite)) thing = entity.thing;
    if (dice.Chance(kFavourite)) verb = entity.verb_dim;
  } else {
    p.subject.noun =
        static_cast<std::int8_t>(dice.Chance(400) ? world_.entity(discourse.persons[0]).person
                                                  : dice.Weighted(kPersonWeights));
    if (dice.Chance(style_.quantifier))
      p.subject.quantifier = static_cast<std::int8_t>(dice.Pick(kQuantifiers));
    if (dice.Chance(style_.adjective)) {
      p.subject.adjective =
          DrawAdjective(world_.PersonDims(p.topic, p.subject.noun), discourse.pole, dice);
    }
  }
  if (dice.Chance(style_.affiliation))
    p.affiliation = static_cast<std::int16_t>(discourse.organisation);
  if (p.affiliation == p.subject_entity) p.affiliation = -1;
  if (thing < 0) thing = dice.Weighted(kThingWeights);
  DrawObject(discourse, thing, dice, p);
  if (dice.Chance(style_.adjective)) {
    p.object.adjective = DrawAdjective(world_.ThingDims(p.topic, thing), discourse.pole, dice);
  }
  if (verb < 0) {
    verb = world_.ThingVerbs(p.topic, thing)[static_cast<std::size_t>(dice.Weighted(kDimWeights))];
  }
  p.verb = {.dim = static_cast<std::int8_t>(verb),
            .pole = static_cast<std::int8_t>(DrawPole(discourse.pole, dice)),
            .synonym = static_cast<std::int8_t>(DrawSynonym(dice))};
  DrawCircumstances(discourse, dice, p);
  return p;
}

Proposition PropositionSampler::Draw(const Discourse& paragraph, Dice& dice) const {
  Discourse discourse = paragraph;
  if (dice.Chance(style_.off_topic)) {
    discourse = DrawDiscourse(dice);
    discourse.past = paragraph.past;
  }
  const auto kind = DrawKind(style_.kinds, dice);
  Proposition p;
  switch (kind) {
    case PropositionKind::kEvent:
    case PropositionKind::kOppositeVerbs:
    case PropositionKind::kSameVerbs:
      p = DrawEvent(discourse, dice);
      break;
    case PropositionKind::kAttribute:
    case PropositionKind::kOppositeAdjectives:
    case PropositionKind::kSameAdjectives: {
      p.topic = static_cast<std::int8_t>(discourse.topic);
      p.past = discourse.past;
      const int thing = dice.Weighted(kThingWeights);
      DrawObject(discourse, thing, dice, p);
      p.object.adjective = DrawAdjective(world_.ThingDims(p.topic, thing), discourse.pole, dice);
      DrawCircumstances(discourse, dice, p);
      break;
    }
    case PropositionKind::kNameAttribute: {
      const int who = dice.Weighted(std::array<std::uint32_t, 4>{40, 15, 20, 25});
      p.subject_entity = static_cast<std::int16_t>(who < 2    ? discourse.persons[who]
                                                   : who == 2 ? discourse.organisation
                                                              : discourse.place);
      const Entity& entity = world_.entity(p.subject_entity);
      p.topic = static_cast<std::int8_t>(entity.topic);
      p.past = discourse.past;
      p.object.adjective = {
          .dim = static_cast<std::int8_t>(dice.Chance(kFavourite) ? entity.adjective_dim
                                                                  : dice.Pick(kAdjectiveDims)),
          .pole = static_cast<std::int8_t>(DrawPole(entity.pole, dice)),
          .synonym = static_cast<std::int8_t>(DrawSynonym(dice))};
      if (dice.Chance(style_.time)) p.time = static_cast<std::int8_t>(entity.time);
      break;
    }
    case PropositionKind::kThingHypernym:
      p.topic = static_cast<std::int8_t>(discourse.topic);
      p.object.noun = static_cast<std::int8_t>(dice.Pick(kThings));
      break;
    case PropositionKind::kPersonHypernym:
      p.topic = static_cast<std::int8_t>(discourse.topic);
      p.subject.noun = static_cast<std::int8_t>(dice.Pick(kPersons));
      break;
    case PropositionKind::kFact: {
      p.subject_entity = static_cast<std::int16_t>(discourse.persons[dice.Chance(700) ? 0 : 1]);
      const Entity& entity = world_.entity(p.subject_entity);
      p.topic = static_cast<std::int8_t>(entity.topic);
      p.subject.noun = static_cast<std::int8_t>(entity.person);
      p.affiliation = entity.organisation;
      p.place_entity = entity.place;
      break;
    }
  }
  p.kind = kind;
  return p;
}

Proposition PropositionSampler::DrawNameless(int topic, int thing, Dice& dice) const {
  Proposition p;
  p.topic = static_cast<std::int8_t>(topic);
  p.past = dice.Chance(500);
  p.subject.noun = static_cast<std::int8_t>(dice.Weighted(kPersonWeights));
  if (dice.Chance(style_.quantifier))
    p.subject.quantifier = static_cast<std::int8_t>(dice.Pick(kQuantifiers));
  if (dice.Chance(style_.adjective)) {
    p.subject.adjective =
        DrawAdjective(world_.PersonDims(topic, p.subject.noun), dice.Pick(kPoles), dice);
  }
  if (thing < 0) thing = dice.Weighted(kThingWeights);
  p.object.noun = static_cast<std::int8_t>(thing);
  if (dice.Chance(style_.quantifier))
    p.object.quantifier = static_cast<std::int8_t>(dice.Pick(kQuantifiers));
  if (dice.Chance(style_.adjective)) {
    p.object.adjective = DrawAdjective(world_.ThingDims(topic, thing), dice.Pick(kPoles), dice);
  }
  p.verb = {.dim = static_cast<std::int8_t>(world_.ThingVerbs(
                topic, thing)[static_cast<std::size_t>(dice.Weighted(kDimWeights))]),
            .pole = static_cast<std::int8_t>(dice.Pick(kPoles)),
            .synonym = static_cast<std::int8_t>(DrawSynonym(dice))};
  if (dice.Chance(style_.time)) p.time = static_cast<std::int8_t>(dice.Pick(kTimes));
  if (dice.Chance(style_.place))
    p.place = static_cast<std::int8_t>(dice.Chance(600) ? 0 : 1 + dice.Pick(kPlaces - 1));
  return p;
}

}  // namespace repro
