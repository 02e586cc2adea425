#include "experiments/corpus/babel/gloss.h"

#include <array>

#include <fmt/format.h>

namespace repro {
namespace {

using namespace world_table;

struct TopicWords {
  std::string_view name;
  std::array<std::string_view, kPersons> persons;
  std::array<std::string_view, kThings> things;
  std::array<std::string_view, kPlaces> places;
  std::string_view things_hypernym, persons_hypernym;
  std::array<std::array<std::string_view, kPoles>, kVerbDims> verbs;
};

constexpr std::array<TopicWords, kTopics> kTopicWords = {{
    {"sport",
     {"player", "coach", "runner", "referee", "goalkeeper"},
     {"ball", "medal", "match", "goal", "helmet", "net", "race", "trophy"},
     {"stadium", "gym"},
     "game",
     "athlete",
     {{{"win", "lose"}, {"throw", "catch"}, {"praise", "blame"}}}},
    {"farm",
     {"farmer", "shepherd", "gardener", "miller", "beekeeper"},
     {"cow", "field", "seed", "plough", "tree", "barn", "horse", "hive"},
     {"valley", "meadow"},
     "produce",
     "peasant",
     {{{"plant", "uproot"}, {"feed", "starve"}, {"fence", "open"}}}},
    {"trade",
     {"merchant", "banker", "clerk", "customer", "broker"},
     {"coin", "shop", "price", "contract", "crate", "loan", "stall", "ledger"},
     {"market", "port"},
     "ware",
     "dealer",
     {{{"buy", "sell"}, {"lend", "recall"}, {"raise", "lower"}}}},
    {"kitchen",
     {"cook", "baker", "waiter", "butcher", "guest"},
     {"bread", "soup", "knife", "oven", "plate", "cake", "spice", "pan"},
     {"kitchen", "tavern"},
     "dish",
     "host",
     {{{"heat", "cool"}, {"fill", "empty"}, {"mix", "separate"}}}},
    {"health",
     {"doctor", "nurse", "patient", "surgeon", "chemist"},
     {"pill", "wound", "bandage", "fever", "needle", "bed", "syrup", "scar"},
     {"hospital", "clinic"},
     "remedy",
     "healer",
     {{{"cure", "infect"}, {"wake", "sedate"}, {"admit", "discharge"}}}},
    {"music",
     {"singer", "drummer", "dancer", "composer", "violinist"},
     {"song", "drum", "flute", "stage", "choir", "string", "dance", "score"},
     {"theatre", "square"},
     "instrument",
     "musician",
     {{{"start", "stop"}, {"tune", "spoil"}, {"cheer", "boo"}}}},
    {"travel",
     {"sailor", "driver", "pilot", "guide", "tourist"},
     {"ship", "road", "map", "wheel", "ticket", "bridge", "tent", "lamp"},
     {"harbour", "station"},
     "vehicle",
     "traveller",
     {{{"load", "unload"}, {"reach", "leave"}, {"repair", "damage"}}}},
    {"law",
     {"judge", "guard", "thief", "lawyer", "witness"},
     {"law", "prison", "trial", "key", "oath", "fine", "letter", "chain"},
     {"court", "jail"},
     "case",
     "official",
     {{{"accept", "reject"}, {"hide", "reveal"}, {"lock", "free"}}}},
}};

constexpr std::array<std::array<std::string_view, kPoles>, kAdjectiveDims> kAdjectives = {{
    {"big", "small"},
    {"old", "new"},
    {"good", "bad"},
    {"fast", "slow"},
    {"clean", "dirty"},
    {"strong", "weak"},
    {"rich", "poor"},
    {"light", "dark"},
}};
constexpr std::array<std::string_view, kTimes> kTimesOfDay = {"today",   "yesterday", "morning",
                                                              "evening", "winter",    "summer"};
constexpr std::array<std::string_view, kQuantifiers> kQuantifierWords = {"all", "some", "many",
                                                                         "few"};
constexpr std::array<std::string_view, 9> kGrammarGlosses = {"in", "of", "not", "but", "also",
                                                             "be", "PL", "PST", "OBJ"};

template <class Items>
std::string_view At(const Items& items, int index) {
  return items[static_cast<std::size_t>(index)];
}

std::string_view MeaningName(const Meaning& meaning, int topic, bool verb) {
  const auto dim = static_cast<std::size_t>(meaning.dim);
  return At(verb ? kTopicWords[static_cast<std::size_t>(topic)].verbs[dim] : kAdjectives[dim],
            meaning.pole);
}

std::string_view ThingName(int topic, int thing) {
  return At(kTopicWords[static_cast<std::size_t>(topic)].things, thing);
}

std::string NameOf(int entity, const Anchors& anchors) {
  return fmt::format("{}", fmt::join(anchors.Name(entity), " "));
}

std::string DescribeNoun(const NounPhrase& phrase, std::string_view noun, const Anchors& anchors,
                         bool with_adjective) {
  std::string text;
  if (phrase.number >= 0) text += anchors.Number(phrase.number) + " ";
  if (phrase.quantifier >= 0) text += fmt::format("{} ", At(kQuantifierWords, phrase.quantifier));
  if (with_adjective && phrase.adjective.present()) {
    text += fmt::format("{} ", MeaningName(phrase.adjective, 0, false));
  }
  if (phrase.compound >= 0)
    text += fmt::format("{}-", ThingName(phrase.compound_topic, phrase.compound));
  return text + std::string(noun);
}

}  // namespace

std::string TopicName(int topic) {
  return std::string(kTopicWords[static_cast<std::size_t>(topic)].name);
}

std::vector<std::string> TopicNames() {
  std::vector<std::string> names;
  for (int topic = 0; topic < kTopics; ++topic) names.push_back(TopicName(topic));
  return names;
}

std::string Gloss(const WordSense& sense) {
  const TopicWords& words = kTopicWords[static_cast<std::size_t>(sense.topic)];
  std::string text;
  if (sense.compound >= 0)
    text = fmt::format("{}-", ThingName(sense.compound / kThings, sense.compound % kThings));
  switch (sense.word_class) {
    case WordClass::kPerson:
      text += At(words.persons, sense.index);
      break;
    case WordClass::kThing:
      text += At(words.things, sense.index);
      break;
    case WordClass::kPlace:
      text += At(words.places, sense.index);
      break;
    case WordClass::kThingHypernym:
      text += words.things_hypernym;
      break;
    case WordClass::kPersonHypernym:
      text += words.persons_hypernym;
      break;
    case WordClass::kVerb:
      text += At(words.verbs[static_cast<std::size_t>(sense.index)], sense.pole);
      break;
    case WordClass::kAdjective:
      text += At(kAdjectives[static_cast<std::size_t>(sense.index)], sense.pole);
      break;
    case WordClass::kTime:
      text += At(kTimesOfDay, sense.index);
      break;
    case WordClass::kQuantifier:
      text += At(kQuantifierWords, sense.index);
      break;
    case WordClass::kNumber:
      text += "NUM";
      break;
    case WordClass::kName:
      text += "NAME";
      break;
    case WordClass::kGrammar:
      text += At(kGrammarGlosses, sense.index);
      break;
  }
  if (sense.synonym > 0) text += "(2)";
  if (sense.plural) text += ".PL";
  if (sense.past) text += ".PST";
  if (sense.object) text += ".OBJ";
  return text;
}

std::string Describe(const Proposition& p, const World& world, const Anchors& anchors) {
  const TopicWords& words = kTopicWords[static_cast<std::size_t>(p.topic)];
  std::string subject;
  if (p.subject_entity >= 0) {
    if (p.profession)
      subject = fmt::format("{} ", At(words.persons, world.entity(p.subject_entity).person));
    subject += NameOf(p.subject_entity, anchors);
  } else if (p.subject.noun >= 0) {
    subject = DescribeNoun(p.subject, At(words.persons, p.subject.noun), anchors, true);
  }
  std::string of;
  if (p.affiliation >= 0) of = " of " + NameOf(p.affiliation, anchors);
  std::string where;
  if (p.place >= 0) where = fmt::format(" in the {}", At(words.places, p.place));
  if (p.place_entity >= 0) where = " in " + NameOf(p.place_entity, anchors);
  if (p.time >= 0) where += fmt::format(" ({})", At(kTimesOfDay, p.time));
  const auto verb = [&](int flip) {
    Meaning meaning = p.verb;
    meaning.pole = static_cast<std::int8_t>(meaning.pole ^ flip);
    return MeaningName(meaning, p.topic, true);
  };
  const auto adjective = [&](int flip) {
    Meaning meaning = p.object.adjective;
    meaning.pole = static_cast<std::int8_t>(meaning.pole ^ flip);
    return MeaningName(meaning, p.topic, false);
  };
  const bool event = p.kind == PropositionKind::kEvent ||
                     p.kind == PropositionKind::kOppositeVerbs ||
                     p.kind == PropositionKind::kSameVerbs;
  std::string object;
  if (p.object.noun >= 0)
    object = DescribeNoun(p.object, At(words.things, p.object.noun), anchors, event);
  const std::string_view tense = p.past ? "PAST " : "";
  std::string said;
  switch (p.kind) {
    case PropositionKind::kEvent:
      said = fmt::format("{}{} {}{} {}{}", subject, of, tense, verb(0), object, where);
      break;
    case PropositionKind::kOppositeVerbs:
      said = fmt::format("{}{} {}not {} but {} {}{}", subject, of, tense, verb(1), verb(0), object,
                         where);
      break;
    case PropositionKind::kSameVerbs:
      said = fmt::format("{}{} {}{}, that is {}, {}{}", subject, of, tense, verb(0), verb(0),
                         object, where);
      break;
    case PropositionKind::kAttribute:
      said = fmt::format("{}{} {}be {}", object, where, tense, adjective(0));
      break;
    case PropositionKind::kNameAttribute:
      said = fmt::format("{}{} {}be {}", subject, where, tense, adjective(0));
      break;
    case PropositionKind::kOppositeAdjectives:
      said =
          fmt::format("{}{} {}be not {} but {}", object, where, tense, adjective(1), adjective(0));
      break;
    case PropositionKind::kSameAdjectives:
      said =
          fmt::format("{}{} {}be {}, that is {}", object, where, tense, adjective(0), adjective(0));
      break;
    case PropositionKind::kThingHypernym:
      said = fmt::format("{} be {}", object, words.things_hypernym);
      break;
    case PropositionKind::kPersonHypernym:
      said = fmt::format("{} be {}", subject, words.persons_hypernym);
      break;
    case PropositionKind::kFact:
      said = fmt::format("{} be {}{}{}", NameOf(p.subject_entity, anchors),
                         At(words.persons, p.subject.noun), of, where);
      break;
  }
  return fmt::format("[{}] {}", words.name, said);
}

}  // namespace repro
