#include "experiments/text/word_tokenizer.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <utility>

#include <unicode/uchar.h>

#include "core/base/text.h"

namespace repro {
namespace {

enum class Apostrophe {
  kAlone,       // a word
  kOpensWord,   // between letters: don 't
  kClosesWord,  // between letters: l' eau
  kLetter,      // between letters: part of the word
};

using Abbreviations = std::span<const std::string_view>;

// Abbreviations after which a sentence rarely ends, without their full stop: titles, months, what
// stands before names. Those in the second list only where a number follows.
constexpr std::string_view kEnglish[] = {
    "Mr",   "Mrs", "Ms",  "Dr",  "Prof", "Rev", "Hon", "Gen", "Col",  "Capt",
    "Lt",   "Sgt", "Sr",  "Jr",  "St",   "Mt",  "Gov", "Sen", "Rep",  "Co",
    "Corp", "Ltd", "Inc", "v",   "vs",   "etc", "Jan", "Feb", "Mar",  "Apr",
    "Jun",  "Jul", "Aug", "Sep", "Sept", "Oct", "Nov", "Dec", "Bros", "Messrs"};
constexpr std::string_view kEnglishNumbered[] = {"No", "Nos", "Art", "Fig", "Vol", "p", "pp"};
constexpr std::string_view kGerman[] = {
    "Dr",  "Prof", "Hr",   "Hrn", "Fr",  "Frl", "St",  "Str", "Bd",  "bzw", "ca",  "evtl",
    "geb", "ggf",  "inkl", "max", "min", "Mio", "Mrd", "sog", "usw", "vgl", "Vgl", "Jan",
    "Feb", "Apr",  "Jul",  "Aug", "Sep", "Okt", "Nov", "Dez", "Hl",  "hl"};
constexpr std::string_view kGermanNumbered[] = {"Nr", "Abs", "Art", "S", "Kap", "Abb"};
constexpr std::string_view kFrench[] = {"MM",  "Mme", "Mmes", "Mlle", "Dr",   "Pr",  "St",
                                        "Ste", "Mgr", "av",   "bd",   "cf",   "ex",  "env",
                                        "etc", "max", "min",  "apr",  "janv", "juil"};
constexpr std::string_view kFrenchNumbered[] = {"art", "chap", "fig", "n", "p", "pp", "vol"};
constexpr std::string_view kSpanish[] = {"Sr",    "Sra", "Sres", "Srta", "Dr",   "Dra", "Ud",
                                         "Uds",   "Vd",  "Lic",  "Ing",  "Gral", "Av",  "Avda",
                                         "aprox", "etc", "Prof", "Sto",  "Sta"};
constexpr std::string_view kSpanishNumbered[] = {"art", "cap", "fig", "núm", "pág", "págs", "vol"};
constexpr std::string_view kItalian[] = {"Sig",  "Sigg", "Dott", "Prof", "Ing",  "Avv", "On",
                                         "Mons", "dott", "ecc",  "sig",  "prof", "ca"};
constexpr std::string_view kItalianNumbered[] = {"art", "cap", "fig", "n", "p", "pag", "vol"};
constexpr std::string_view kPortuguese[] = {"Sr", "Sra",  "Srs", "Dr",  "Dra", "Prof", "Eng",
                                            "Av", "Exmo", "Sto", "Sta", "etc", "Ltda"};
constexpr std::string_view kPortugueseNumbered[] = {"art", "cap", "fig", "n", "p", "pág", "vol"};
constexpr std::string_view kDutch[] = {"dhr",  "mevr", "mw", "dr",  "drs", "ing", "ir", "mr",
                                       "prof", "bijv", "bv", "enz", "ca",  "St",  "Dr", "Mr"};
constexpr std::string_view kDutchNumbered[] = {"art", "blz", "nr", "p"};
constexpr std::string_view kRussian[] = {"г",     "гг",   "р",  "руб", "коп", "ул", "пер",
                                         "просп", "им",   "см", "т",   "д",   "к",  "тыс",
                                         "млн",   "млрд", "св", "ср",  "др",  "пр", "проф"};
constexpr std::string_view kRussianNumbered[] = {"стр", "гл", "рис", "табл", "с"};

bool IsSpace(UChar32 c) {
  return c <= 0x20 || u_isUWhiteSpace(c) != 0 || u_charType(c) == U_CONTROL_CHAR || c == 0x200B;
}
// Belongs to what is before it: combining marks, and joiners inside Persian and Indic words.
bool IsMark(UChar32 c) {
  return (U_GET_GC_MASK(c) & U_GC_M_MASK) != 0 || c == 0x200C || c == 0x200D || c == 0x00AD;
}
bool IsLetter(UChar32 c) {
  return u_isUAlphabetic(c) != 0 || IsMark(c);
}
bool IsNumber(UChar32 c) {
  return (U_GET_GC_MASK(c) & U_GC_N_MASK) != 0;
}
bool IsWordCharacter(UChar32 c) {
  return IsLetter(c) || u_charType(c) == U_DECIMAL_DIGIT_NUMBER;
}
bool IsApostrophe(UChar32 c) {
  return c == '\'' || c == 0x2019;
}

bool Holds(Abbreviations list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

}  // namespace

struct WordTokenizer::Rules {
  std::string_view language;
  Apostrophe apostrophe = Apostrophe::kAlone;
  Abbreviations abbreviations = kEnglish;
  Abbreviations numbered = kEnglishNumbered;  // abbreviations before a number
  char32_t inside = 0;                        // part of a word before a small letter
  bool ordinals = false;                      // "3." is a number that counts
};

namespace {

struct Character {
  UChar32 c = 0;
  std::size_t begin = 0;
};

// The characters of a text, and where words begin among them.
template <class Rules>
class Cutter {
 public:
  Cutter(std::string_view text, const Rules& rules) : text_(text), rules_(rules) {
    for (std::string_view rest = text; !rest.empty();) {
      const std::size_t begin = text.size() - rest.size();
      characters_.push_back({static_cast<UChar32>(TakeCodePoint(rest)), begin});
    }
  }

  std::vector<std::string_view> Words() {
    starts_.assign(characters_.size() + 1, false);
    for (std::size_t i = 0; i < characters_.size(); ++i) {
      if (!IsSpace(At(i))) Look(i);
    }
    return Gather();
  }

 private:
  struct Word {
    std::size_t begin, end;  // characters
  };

  // 0 in front of the text and behind it: no letter, no number.
  UChar32 At(std::size_t i) const { return i < characters_.size() ? characters_[i].c : 0; }
  UChar32 Before(std::size_t i) const { return i == 0 ? 0 : At(i - 1); }
  std::size_t ByteAt(std::size_t i) const {
    return i < characters_.size() ? characters_[i].begin : text_.size();
  }
  std::string_view Text(std::size_t begin, std::size_t end) const {
    return text_.substr(ByteAt(begin), ByteAt(end) - ByteAt(begin));
  }

  void CutBefore(std::size_t i) { starts_[i] = true; }
  void CutAfter(std::size_t i) {
    for (++i; IsMark(At(i));) ++i;
    starts_[i] = true;
  }

  void Look(std::size_t i) {
    const UChar32 c = At(i);
    if (IsWordCharacter(c) || c == '-' || c == '`') return;
    if (c == '.') return LookAtStops(i);
    if (c == ',' && IsNumber(Before(i)) && IsNumber(At(i + 1))) return;
    if (IsApostrophe(c) && LookAtApostrophe(i)) return;
    if (rules_.inside != 0 && static_cast<char32_t>(c) == rules_.inside &&
        IsWordCharacter(Before(i)) && u_islower(At(i + 1)) != 0) {
      return;
    }
    CutBefore(i);
    CutAfter(i);
  }

  // Two and more are one word.
  void LookAtStops(std::size_t i) {
    if (Before(i) == '.') return;
    std::size_t end = i + 1;
    while (At(end) == '.') ++end;
    if (end - i == 1) return;
    CutBefore(i);
    CutAfter(end - 1);
  }

  // False: it is a word of its own.
  bool LookAtApostrophe(std::size_t i) {
    const bool letters = IsLetter(Before(i)) && IsLetter(At(i + 1));
    switch (rules_.apostrophe) {
      case Apostrophe::kAlone:
        return false;
      case Apostrophe::kOpensWord:
        if (letters || (IsNumber(Before(i)) && At(i + 1) == 's')) CutBefore(i);
        return letters || (IsNumber(Before(i)) && IsLetter(At(i + 1)));
      case Apostrophe::kClosesWord:
        if (letters) CutAfter(i);
        return letters;
      case Apostrophe::kLetter:
        return letters;
    }
    return false;
  }

  std::vector<std::string_view> Gather() const {
    std::vector<Word> words;
    bool inside = false;
    for (std::size_t i = 0; i < characters_.size(); ++i) {
      if (IsSpace(At(i))) {
        inside = false;
      } else if (inside && !starts_[i]) {
        words.back().end = i + 1;
      } else {
        words.push_back({i, i + 1});
        inside = true;
      }
    }
    std::vector<std::string_view> found;
    found.reserve(words.size() + words.size() / 8);
    for (std::size_t w = 0; w < words.size(); ++w) {
      const auto [begin, end] = words[w];
      const UChar32 next = w + 1 < words.size() ? At(words[w + 1].begin) : 0;
      if (EndsSentence(begin, end, next)) {
        found.push_back(Text(begin, end - 1));
        found.push_back(Text(end - 1, end));
      } else {
        found.push_back(Text(begin, end));
      }
    }
    return found;
  }

  // Whether the full stop at the end of a word is no part of it. `next`: what the next word begins
  // with.
  bool EndsSentence(std::size_t begin, std::size_t end, UChar32 next) const {
    if (end - begin < 2 || At(end - 1) != '.' || At(end - 2) == '.') return false;
    bool letters = false, stops = false, digits = true;
    for (std::size_t i = begin; i + 1 < end; ++i) {
      letters |= IsLetter(At(i));
      stops |= At(i) == '.';
      digits &= At(i) >= '0' && At(i) <= '9';
    }
    if (letters && stops) return false;  // "U.S."
    if (u_islower(next) != 0) return false;
    if (end - begin == 2 && u_isupper(At(begin)) != 0) return false;  // an initial
    if (rules_.ordinals && digits && end - begin <= 3) return false;
    const std::string_view word = Text(begin, end - 1);
    const bool number_follows = next >= '0' && next <= '9';
    return !Holds(rules_.abbreviations, word) && !(number_follows && Holds(rules_.numbered, word));
  }

  std::string_view text_;
  const Rules& rules_;
  std::vector<Character> characters_;
  std::vector<bool> starts_;  // whether a word begins at the character
};

}  // namespace

Result<WordTokenizer> WordTokenizer::Make(std::string_view language, std::string_view rules) {
  static const std::vector<Rules> kRules = {
      {.language = "", .apostrophe = Apostrophe::kAlone},
      {.language = "ca", .apostrophe = Apostrophe::kClosesWord, .inside = U'\u00B7'},
      {.language = "de", .abbreviations = kGerman, .numbered = kGermanNumbered, .ordinals = true},
      {.language = "en", .apostrophe = Apostrophe::kOpensWord},
      {.language = "es", .abbreviations = kSpanish, .numbered = kSpanishNumbered},
      {.language = "fi", .inside = U':'},
      {.language = "fr",
       .apostrophe = Apostrophe::kClosesWord,
       .abbreviations = kFrench,
       .numbered = kFrenchNumbered},
      {.language = "ga", .apostrophe = Apostrophe::kClosesWord},
      {.language = "it",
       .apostrophe = Apostrophe::kClosesWord,
       .abbreviations = kItalian,
       .numbered = kItalianNumbered},
      {.language = "nl", .abbreviations = kDutch, .numbered = kDutchNumbered},
      {.language = "pt", .abbreviations = kPortuguese, .numbered = kPortugueseNumbered},
      {.language = "ru", .abbreviations = kRussian, .numbered = kRussianNumbered},
      {.language = "so", .apostrophe = Apostrophe::kLetter},
      {.language = "sv", .inside = U':'}};
  WordTokenizer tokenizer;
  if (rules == kIcuWords) {
    REPRO_ASSIGN_OR_RETURN(tokenizer.breaker_, WordBreaker::Open(language));
    return tokenizer;
  }
  if (rules != kWordRules) {
    return Fail(ErrorCode::kInvalidArgument,
                "'{}': unknown rules that cut text into words; this build knows {} and {}",
                Printable(rules), kWordRules, kIcuWords);
  }
  const auto own = std::find_if(kRules.begin(), kRules.end(), [&](const Rules& candidate) {
    return candidate.language == BaseLanguage(language);
  });
  tokenizer.rules_ = own == kRules.end() ? &kRules.front() : &*own;
  return tokenizer;
}

std::vector<std::string_view> WordTokenizer::Words(std::string_view text) const {
  if (!breaker_) return Cutter<Rules>(text, *rules_).Words();
  std::vector<std::string_view> words;
  for (const TextSpan& word : breaker_->Words(text)) {
    words.push_back(text.substr(word.begin, word.end - word.begin));
  }
  return words;
}

std::string WordTokenizer::Join(std::string_view text) const {
  std::string joined;
  joined.reserve(text.size() + text.size() / 4);
  for (const std::string_view word : Words(text)) {
    if (!joined.empty()) joined += ' ';
    joined += word;
  }
  return joined;
}

}  // namespace repro
