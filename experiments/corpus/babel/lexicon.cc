#include "experiments/corpus/babel/lexicon.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <span>

#include "experiments/corpus/babel/dice.h"
#include "experiments/corpus/babel/script.h"

namespace repro {
namespace {

using namespace world_table;
using Sounds = std::vector<Sound>;

/// The sounds a family uses; a loan may use all.
struct Phonology {
  std::vector<Sound> consonants, vowels;
};

constexpr std::size_t kFamilyConsonants = 12;

/// The words a language has already.
class UsedWords {
 public:
  bool Contains(const Sounds& word) const { return words_.contains(Key(word)); }
  bool Insert(const Sounds& word) { return words_.insert(Key(word)).second; }

 private:
  static std::string Key(const Sounds& word) { return {word.begin(), word.end()}; }
  std::set<std::string> words_;
};

Phonology AllSounds() {
  Phonology all;
  all.consonants.resize(kConsonants);
  std::iota(all.consonants.begin(), all.consonants.end(), Sound{0});
  all.vowels.resize(kVowels);
  std::iota(all.vowels.begin(), all.vowels.end(), static_cast<Sound>(kConsonants));
  return all;
}

Phonology FamilySounds(std::uint64_t seed, std::string_view family) {
  Phonology sounds = AllSounds();
  Dice dice(seed, "babel.sounds." + std::string(family));
  dice.Shuffle(sounds.consonants);
  sounds.consonants.resize(kFamilyConsonants);
  return sounds;
}

Sounds DrawWord(std::string_view shape, const Phonology& phonology, Dice& dice) {
  Sounds word;
  for (const char c : shape) {
    const auto& from = c == 'C' ? phonology.consonants : phonology.vowels;
    word.push_back(from[dice.Below(static_cast<std::uint32_t>(from.size()))]);
  }
  return word;
}

// One shape for all verbs and one for all adjectives: their lengths must not tell labels apart.
std::string_view ShapeOf(int item) {
  const auto in = [&](const ItemRange& range) {
    return item >= range.first && item < range.first + range.count;
  };
  if (in(items::kVerbItems) || in(items::kAdjectiveItems)) return "CVCVC";
  if (in(items::kPersonItems)) return item % 2 == 0 ? "CVCVC" : "CVCCV";
  if (in(items::kThingItems)) return item % 2 == 0 ? "CVCV" : "CVCVC";
  if (in(items::kPlaceItems) || in(items::kHypernymItems)) return "CVCVCV";
  return "CVCV";
}

/// A regular change: each language of a family turns one consonant into another.
struct SoundChange {
  Sound from, to;
  void Apply(Sounds& word) const { std::replace(word.begin(), word.end(), from, to); }
};

SoundChange DrawChange(std::uint64_t seed, std::string_view code, const Phonology& phonology) {
  Dice dice(seed, "babel.change." + std::string(code));
  std::vector<Sound> consonants = phonology.consonants;
  dice.Shuffle(consonants);
  return {.from = consonants[0], .to = consonants[1]};
}

void Capitalise(std::string& word) {
  word[0] = static_cast<char>(word[0] - 'a' + 'A');
}

}  // namespace

Lexicon::Lexicon(std::uint64_t seed, const BabelLanguage& language) {
  // The spelling is this row's, the sounds are the base language's.
  const BabelLanguage base = FindBabelLanguage(language.base).value();
  const std::string code(base.code);
  const int variant = language.cc_only() && language.script == base.script ? 1 : 0;
  const Phonology family = FamilySounds(seed, base.family);
  const Phonology all = AllSounds();
  const SoundChange change = DrawChange(seed, code, family);
  UsedWords used;
  const auto add = [&](const Sounds& word, std::vector<std::string>& to) {
    used.Insert(word);
    to.push_back(Spell(language.script, word, variant));
  };

  // Grammar first, so that no content word takes the place of a marker.
  Dice grammar(seed, "babel.grammar." + code);
  for (int i = 0; i < kGrammarWords; ++i) {
    Sounds word;
    do {
      word = DrawWord("CV", family, grammar);
    } while (used.Contains(word));
    add(word, grammar_);
  }
  for (int item = 0; item < items::kContentItems; ++item) {
    const auto index = static_cast<std::uint64_t>(item);
    const std::string_view shape = ShapeOf(item);
    Dice loan(seed, "babel.loan." + std::string(base.script), index);
    Dice inherited(seed, "babel.inherited." + std::string(base.family), index);
    Dice own(seed, "babel.own." + code, index);
    Sounds word;
    WordOrigin origin = WordOrigin::kOwn;
    if (loan.Chance(kLoanwords)) {
      origin = WordOrigin::kLoan;
      word = DrawWord(shape, all, loan);
    } else if (inherited.Chance(kCognates)) {
      origin = WordOrigin::kInherited;
      word = DrawWord(shape, family, inherited);
      change.Apply(word);
    } else {
      word = DrawWord(shape, family, own);
    }
    while (used.Contains(word)) {
      origin = WordOrigin::kOwn;
      word = DrawWord(shape, family, own);
    }
    origins_.push_back(origin);
    add(word, items_);
  }
}

Anchors::Anchors(std::uint64_t seed) {
  const Phonology all = AllSounds();
  constexpr int kFirstParts = 60;
  Dice dice(seed, "babel.names");
  UsedWords used;
  const auto fresh = [&](std::string_view shape) {
    Sounds word;
    do {
      word = DrawWord(shape, all, dice);
    } while (!used.Insert(word));
    std::string text = Spell("Latn", word, 0);
    Capitalise(text);
    return text;
  };
  std::vector<std::string> first_parts;
  for (int i = 0; i < kFirstParts; ++i) first_parts.push_back(fresh("CVCV"));
  const int count = kNameRanks * kEntityTypes * kTopics;
  for (int id = 0; id < count; ++id) {
    std::vector<std::string> name;
    if (dice.Chance(kTwoWordNames)) name.push_back(first_parts[dice.Below(kFirstParts)]);
    name.push_back(fresh(dice.Chance(500) ? "CVCVC" : "CVCVCV"));
    names_.push_back(std::move(name));
  }
  std::vector<int> numbers(98);
  std::iota(numbers.begin(), numbers.end(), 2);
  dice.Shuffle(numbers);
  for (int i = 0; i < kNumbers; ++i)
    numbers_.push_back(std::to_string(numbers[static_cast<std::size_t>(i)]));
}

}  // namespace repro
