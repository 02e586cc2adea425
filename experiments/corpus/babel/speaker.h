#pragma once
/// Says propositions in one language: word order, markers, words. No randomness: a proposition has
/// one wording.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/corpus/babel/lexicon.h"
#include "experiments/corpus/babel/proposition.h"

namespace repro {

/// What a word stands for; enough for a gloss.
enum class WordClass : std::uint8_t {
  kPerson,
  kThing,
  kPlace,
  kThingHypernym,
  kPersonHypernym,
  kVerb,
  kAdjective,
  kTime,
  kQuantifier,
  kNumber,
  kName,
  kGrammar,
};

struct WordSense {
  WordClass word_class = WordClass::kGrammar;
  std::int8_t topic = 0;
  std::int16_t index = 0;  ///< noun, dimension, number, entity, grammar word
  std::int8_t pole = 0;
  std::int8_t synonym = 0;
  std::int16_t compound = -1;  ///< topic * kThings + thing of the first half
  bool plural = false, past = false, object = false;
};

/// A word as its parts, views into the lexicon: prefix, stems, suffixes.
struct Word {
  std::array<std::string_view, 4> parts;
  std::uint8_t part_count = 0;
  std::uint8_t tag = 0;  ///< index into TagNames
  WordSense sense;
  void Append(std::string_view part) { parts[part_count++] = part; }
};

/// A spoken sentence. Holds views: valid while the Speaker and its Anchors live.
class Sentence {
 public:
  void Clear() { size_ = 0; }
  Word& Add() {
    words_[size_] = Word{};
    return words_[size_++];
  }
  std::size_t size() const { return size_; }
  Word& operator[](std::size_t i) { return words_[i]; }
  const Word& operator[](std::size_t i) const { return words_[i]; }
  void Remove(std::size_t i);

 private:
  std::array<Word, 32> words_;
  std::size_t size_ = 0;
};

/// "O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG".
const std::vector<std::string>& TagNames();

class Speaker {
 public:
  /// Borrows world and anchors. `language` from FindBabelLanguage.
  Speaker(const World& world, const Anchors& anchors, const BabelLanguage& language);

  void Say(const Proposition& proposition, Sentence& out) const;

  const BabelLanguage& language() const { return language_; }
  const Lexicon& lexicon() const { return lexicon_; }
  const World& world() const { return world_; }
  const Anchors& anchors() const { return anchors_; }

 private:
  void AddGrammar(GrammarWord word, Sentence& out) const;
  void AddItem(int item, WordSense sense, Sentence& out) const;
  void AddName(int entity, Sentence& out) const;
  void AddAdjective(const Meaning& meaning, Sentence& out) const;
  void AddNoun(const NounPhrase& phrase, WordClass word_class, int topic, bool with_adjective,
               bool object, Sentence& out) const;
  void AddSubject(const Proposition& p, Sentence& out) const;
  void AddObject(const Proposition& p, Sentence& out) const;
  void AddVerb(const Proposition& p, Sentence& out) const;
  void AddOneVerb(const Proposition& p, const Meaning& meaning, Sentence& out) const;
  void AddCopula(const Proposition& p, Sentence& out) const;
  void AddComplement(const Proposition& p, Sentence& out) const;
  void AddPlace(const Proposition& p, Sentence& out) const;
  template <class Inner>
  void AddPhrase(GrammarWord adposition, const Inner& inner, Sentence& out) const;

  const World& world_;
  const Anchors& anchors_;
  BabelLanguage language_;
  Family family_;
  Lexicon lexicon_;
};

/// Words joined by single spaces, appended to `out`.
void AppendText(const Sentence& sentence, std::string& out);
std::string TextOf(const Word& word);

}  // namespace repro
