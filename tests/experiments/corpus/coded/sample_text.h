#pragma once
/// Invented English for the tests of coded languages, and lines of any kind of characters.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/rng.h"
#include "core/base/text.h"
#include "experiments/corpus/coded/type_inventory.h"
#include "tests/experiments/tiny_corpus.h"

namespace repro::testing {

inline constexpr std::string_view kSampleText =
    "The keeper of the old lighthouse doesn't sleep; he counts 1,024 gulls, 3.5 boats and a moon.\n"
    "\"Who lit it?\" asked Mara McOwen. \"I did,\" said the keeper's dog - in the U.S., DOGS "
    "CAN'T.\n"
    "A caf\u00e9 na\u00efvely sold na\u00efve soup\u2014well-known, half-cold; nobody's fault, "
    "nobody\u2019s loss.\n"
    "It was the dog that lit the lamp, and the keeper that ate the soup, and the moon that paid.\n";

/// The types of the sample, and Zipf-like invented words in their hundreds.
inline std::shared_ptr<const TypeInventory> SampleInventory() {
  TypeCounter counter;
  for (int i = 0; i < 20; ++i) counter.Add(kSampleText);
  counter.Add(TinyText("zz", 2000));
  return std::make_shared<const TypeInventory>(counter.MostFrequent(100'000));
}

/// Line `index`: words of the inventory in any case, some coded already by `coder`, letters of many
/// scripts, marks, symbols, and bytes that are no UTF-8.
template <class Coder>
std::string AnyLine(std::uint64_t index, const TypeInventory& inventory, const Coder& coder) {
  static const std::vector<std::string> kOddities = {" ",
                                                     "  ",
                                                     "\t",
                                                     "\n",
                                                     "'",
                                                     "\u2019",
                                                     "-",
                                                     "--",
                                                     ".",
                                                     "...",
                                                     ",",
                                                     "\"",
                                                     "(",
                                                     "\u2014",
                                                     "7",
                                                     "1984",
                                                     "3.5",
                                                     "\u00e9",
                                                     "e\u0301",
                                                     "\u0301",
                                                     "\u00df",
                                                     "\u0130",
                                                     "\u01c5",
                                                     "\u03a3\u03c2",
                                                     "\u0416\u0443\u043a",
                                                     "\uc11c\uc6b8",
                                                     "\uac00",
                                                     "\ub098\ub77c",
                                                     "\u6f22\u5b57",
                                                     "\u0e44\u0e17",
                                                     "\u0627\u0644",
                                                     "\u200d",
                                                     "\u00a0",
                                                     "\u2003",
                                                     "\ufeff",
                                                     "\ufffd",
                                                     "\U0001f600",
                                                     "\U00020000",
                                                     std::string(1, '\0'),
                                                     "\x80",
                                                     "\xE3",
                                                     "\xEA\xB0",
                                                     "\xFF",
                                                     "\xC3",
                                                     "\x7F",
                                                     "@",
                                                     "_",
                                                     "~"};
  Rng rng(5, "any line", index);
  std::string line;
  const std::uint64_t parts = rng.Below(24);
  for (std::uint64_t part = 0; part < parts; ++part) {
    std::string word;
    switch (rng.Below(7)) {
      case 0:
      case 1:
      case 2:
        word = inventory.types()[rng.Below(inventory.types().size())].word;
        break;
      case 3:
        for (std::uint64_t n = rng.Below(index % 50 == 0 ? 5000 : 9); n > 0; --n) {
          word += static_cast<char>('a' + rng.Below(26));
        }
        break;
      case 4:
        AppendUtf8(static_cast<char32_t>(0xAC00 + rng.Below(11172)), word);
        break;
      default:
        word = kOddities[rng.Below(kOddities.size())];
    }
    const std::uint64_t letters = rng.Below(4);  // capitals: the first, all, some, none
    for (std::size_t i = 0; i < word.size(); ++i) {
      const bool capital = letters == 1 ? i == 0 : letters == 2 || (letters == 3 && i == 2);
      if (capital && word[i] >= 'a' && word[i] <= 'z') word[i] = static_cast<char>(word[i] - 32);
    }
    if (rng.Below(6) == 0) word = coder(word);
    line += word;
    if (rng.Below(3) > 0) line += ' ';
  }
  return line;
}

}  // namespace repro::testing
