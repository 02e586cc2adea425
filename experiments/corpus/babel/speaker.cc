#include "experiments/corpus/babel/speaker.h"

#include <algorithm>

#include "core/base/check.h"

namespace repro {
namespace {

using namespace world_table;

Meaning Opposite(Meaning meaning) {
  meaning.pole = static_cast<std::int8_t>(1 - meaning.pole);
  return meaning;
}

Meaning OtherWord(Meaning meaning) {
  meaning.synonym = static_cast<std::int8_t>(1 - meaning.synonym);
  return meaning;
}

}  // namespace

void Sentence::Remove(std::size_t i) {
  std::copy(words_.begin() + static_cast<std::ptrdiff_t>(i) + 1,
            words_.begin() + static_cast<std::ptrdiff_t>(size_),
            words_.begin() + static_cast<std::ptrdiff_t>(i));
  --size_;
}

const std::vector<std::string>& TagNames() {
  static const std::vector<std::string> kNames = {"O",     "B-PER", "I-PER", "B-LOC",
                                                  "I-LOC", "B-ORG", "I-ORG"};
  return kNames;
}

Speaker::Speaker(const World& world, const Anchors& anchors, const BabelLanguage& language)
    : world_(world),
      anchors_(anchors),
      language_(language),
      family_(FindFamily(language.family)),
      lexicon_(world.seed(), language) {}

void Speaker::AddGrammar(GrammarWord word, Sentence& out) const {
  Word& added = out.Add();
  added.Append(lexicon_.Grammar(word));
  added.sense = {.word_class = WordClass::kGrammar, .index = static_cast<std::int16_t>(word)};
}

// Writes a word with its markers: prefixes, suffixes, or words after it.
void Speaker::AddItem(int item, WordSense sense, Sentence& out) const {
  const Marking marking = family_.marking;
  const GrammarWord inflection = sense.past ? GrammarWord::kPast : GrammarWord::kPlural;
  const bool inflected = sense.past || sense.plural;
  Word& word = out.Add();
  word.sense = sense;
  if (inflected && marking == Marking::kPrefix) word.Append(lexicon_.Grammar(inflection));
  if (sense.compound >= 0) {
    word.Append(
        lexicon_.Item(world_.ThingItem(sense.compound / kThings, sense.compound % kThings)));
  }
  word.Append(lexicon_.Item(item));
  if (inflected && marking == Marking::kSuffix) word.Append(lexicon_.Grammar(inflection));
  if (sense.object && marking == Marking::kSuffix)
    word.Append(lexicon_.Grammar(GrammarWord::kObject));
  if (inflected && marking == Marking::kParticle) AddGrammar(inflection, out);
  if (sense.object && marking == Marking::kParticle) AddGrammar(GrammarWord::kObject, out);
}

void Speaker::AddName(int entity, Sentence& out) const {
  std::uint8_t tag =
      static_cast<std::uint8_t>(1 + 2 * static_cast<int>(world_.entity(entity).type));
  for (const std::string& part : anchors_.Name(entity)) {
    Word& word = out.Add();
    word.Append(part);
    word.tag = tag;
    word.sense = {.word_class = WordClass::kName, .index = static_cast<std::int16_t>(entity)};
    tag = static_cast<std::uint8_t>(2 + 2 * static_cast<int>(world_.entity(entity).type));
  }
}

void Speaker::AddAdjective(const Meaning& meaning, Sentence& out) const {
  AddItem(world_.AdjectiveItem(meaning.dim, meaning.pole, meaning.synonym),
          {.word_class = WordClass::kAdjective,
           .index = meaning.dim,
           .pole = meaning.pole,
           .synonym = meaning.synonym},
          out);
}

// Quantity, then adjective and noun in the family's order.
void Speaker::AddNoun(const NounPhrase& phrase, WordClass word_class, int topic,
                      bool with_adjective, bool object, Sentence& out) const {
  if (phrase.number >= 0) {
    Word& word = out.Add();
    word.Append(anchors_.Number(phrase.number));
    word.sense = {.word_class = WordClass::kNumber, .index = phrase.number};
  }
  if (phrase.quantifier >= 0) {
    AddItem(world_.QuantifierItem(phrase.quantifier),
            {.word_class = WordClass::kQuantifier, .index = phrase.quantifier}, out);
  }
  with_adjective = with_adjective && phrase.adjective.present();
  if (with_adjective && family_.adjective_first) AddAdjective(phrase.adjective, out);
  const int item = word_class == WordClass::kPerson ? world_.PersonItem(topic, phrase.noun)
                                                    : world_.ThingItem(topic, phrase.noun);
  WordSense sense{
      .word_class = word_class, .topic = static_cast<std::int8_t>(topic), .index = phrase.noun};
  if (phrase.compound >= 0) {
    sense.compound = static_cast<std::int16_t>(phrase.compound_topic * kThings + phrase.compound);
  }
  sense.plural = phrase.plural();
  sense.object = object && family_.order == WordOrder::kSov;
  AddItem(item, sense, out);
  if (with_adjective && !family_.adjective_first) AddAdjective(phrase.adjective, out);
}

// "in X", or "X in" where the verb comes last.
template <class Inner>
void Speaker::AddPhrase(GrammarWord adposition, const Inner& inner, Sentence& out) const {
  if (family_.order != WordOrder::kSov) AddGrammar(adposition, out);
  inner();
  if (family_.order == WordOrder::kSov) AddGrammar(adposition, out);
}

void Speaker::AddSubject(const Proposition& p, Sentence& out) const {
  if (p.subject_entity >= 0) {
    if (p.profession) {
      const int person = world_.entity(p.subject_entity).person;
      AddItem(world_.PersonItem(p.topic, person),
              {.word_class = WordClass::kPerson,
               .topic = p.topic,
               .index = static_cast<std::int16_t>(person)},
              out);
    }
    AddName(p.subject_entity, out);
  } else {
    AddNoun(p.subject, WordClass::kPerson, p.topic, true, false, out);
  }
  if (p.affiliation >= 0)
    AddPhrase(
        GrammarWord::kOf, [&] { AddName(p.affiliation, out); }, out);
}

void Speaker::AddOneVerb(const Proposition& p, const Meaning& meaning, Sentence& out) const {
  AddItem(world_.VerbItem(p.topic, meaning.dim, meaning.pole, meaning.synonym),
          {.word_class = WordClass::kVerb,
           .topic = p.topic,
           .index = meaning.dim,
           .pole = meaning.pole,
           .synonym = meaning.synonym,
           .past = p.past},
          out);
}

void Speaker::AddVerb(const Proposition& p, Sentence& out) const {
  if (p.kind == PropositionKind::kOppositeVerbs) {
    AddGrammar(GrammarWord::kNot, out);
    AddOneVerb(p, Opposite(p.verb), out);
    AddGrammar(GrammarWord::kBut, out);
  }
  AddOneVerb(p, p.verb, out);
  if (p.kind == PropositionKind::kSameVerbs) {
    AddGrammar(GrammarWord::kAlso, out);
    AddOneVerb(p, OtherWord(p.verb), out);
  }
}

void Speaker::AddObject(const Proposition& p, Sentence& out) const {
  AddNoun(p.object, WordClass::kThing, p.topic, true, true, out);
}

void Speaker::AddPlace(const Proposition& p, Sentence& out) const {
  if (p.place_entity >= 0) {
    AddPhrase(
        GrammarWord::kIn, [&] { AddName(p.place_entity, out); }, out);
  } else if (p.place >= 0) {
    AddPhrase(
        GrammarWord::kIn,
        [&] {
          AddItem(world_.PlaceItem(p.topic, p.place),
                  {.word_class = WordClass::kPlace, .topic = p.topic, .index = p.place}, out);
        },
        out);
  }
}

void Speaker::AddCopula(const Proposition& p, Sentence& out) const {
  Word& word = out.Add();
  word.sense = {.word_class = WordClass::kGrammar,
                .index = static_cast<std::int16_t>(GrammarWord::kIs),
                .past = p.past};
  const bool affix = p.past && family_.marking != Marking::kParticle;
  if (affix && family_.marking == Marking::kPrefix)
    word.Append(lexicon_.Grammar(GrammarWord::kPast));
  word.Append(lexicon_.Grammar(GrammarWord::kIs));
  if (affix && family_.marking == Marking::kSuffix)
    word.Append(lexicon_.Grammar(GrammarWord::kPast));
  if (p.past && !affix) AddGrammar(GrammarWord::kPast, out);
}

void Speaker::AddComplement(const Proposition& p, Sentence& out) const {
  switch (p.kind) {
    case PropositionKind::kAttribute:
    case PropositionKind::kNameAttribute:
      AddAdjective(p.object.adjective, out);
      break;
    case PropositionKind::kOppositeAdjectives:
      AddGrammar(GrammarWord::kNot, out);
      AddAdjective(Opposite(p.object.adjective), out);
      AddGrammar(GrammarWord::kBut, out);
      AddAdjective(p.object.adjective, out);
      break;
    case PropositionKind::kSameAdjectives:
      AddAdjective(p.object.adjective, out);
      AddGrammar(GrammarWord::kAlso, out);
      AddAdjective(OtherWord(p.object.adjective), out);
      break;
    case PropositionKind::kThingHypernym:
    case PropositionKind::kPersonHypernym: {
      const bool person = p.kind == PropositionKind::kPersonHypernym;
      AddItem(world_.HypernymItem(p.topic, person),
              {.word_class = person ? WordClass::kPersonHypernym : WordClass::kThingHypernym,
               .topic = p.topic},
              out);
      break;
    }
    case PropositionKind::kFact:
      AddNoun(p.subject, WordClass::kPerson, p.topic, false, false, out);
      AddPhrase(
          GrammarWord::kOf, [&] { AddName(p.affiliation, out); }, out);
      break;
    default:
      break;
  }
}

void Speaker::Say(const Proposition& p, Sentence& out) const {
  out.Clear();
  if (p.time >= 0) {
    AddItem(world_.TimeItem(p.time), {.word_class = WordClass::kTime, .index = p.time}, out);
  }
  const bool event = p.kind == PropositionKind::kEvent ||
                     p.kind == PropositionKind::kOppositeVerbs ||
                     p.kind == PropositionKind::kSameVerbs;
  if (event) {
    switch (family_.order) {
      case WordOrder::kSvo:
        AddSubject(p, out);
        AddVerb(p, out);
        AddObject(p, out);
        AddPlace(p, out);
        break;
      case WordOrder::kSov:
        AddSubject(p, out);
        AddPlace(p, out);
        AddObject(p, out);
        AddVerb(p, out);
        break;
      case WordOrder::kVso:
        AddVerb(p, out);
        AddSubject(p, out);
        AddObject(p, out);
        AddPlace(p, out);
        break;
    }
    return;
  }
  const auto topic_of_sentence = [&] {
    if (p.subject_entity >= 0) {
      AddName(p.subject_entity, out);
    } else if (p.kind == PropositionKind::kPersonHypernym) {
      AddNoun(p.subject, WordClass::kPerson, p.topic, false, false, out);
    } else {
      AddNoun(p.object, WordClass::kThing, p.topic, false, false, out);
    }
  };
  if (family_.order == WordOrder::kVso) AddCopula(p, out);
  topic_of_sentence();
  if (family_.order == WordOrder::kSvo) AddCopula(p, out);
  if (family_.order == WordOrder::kSov) AddPlace(p, out);
  AddComplement(p, out);
  if (family_.order == WordOrder::kSov) AddCopula(p, out);
  if (family_.order != WordOrder::kSov) AddPlace(p, out);
}

void AppendText(const Sentence& sentence, std::string& out) {
  for (std::size_t i = 0; i < sentence.size(); ++i) {
    if (i > 0) out.push_back(' ');
    const Word& word = sentence[i];
    for (std::size_t part = 0; part < word.part_count; ++part) out += word.parts[part];
  }
}

std::string TextOf(const Word& word) {
  std::string text;
  for (std::size_t part = 0; part < word.part_count; ++part) text += word.parts[part];
  return text;
}

}  // namespace repro
