#include "experiments/corpus/babel/script.h"

#include <algorithm>
#include <array>

#include "core/base/check.h"
#include "core/base/text.h"

namespace repro {
namespace {

// Letter for letter. Consonant order: p b t d k g m n s z l r f v h j (or what the script has);
// vowels a e i o u. The vowel signs of the Indic blocks always stand after a consonant, and no pair
// of them composes.
struct Alphabet {
  std::string_view script;
  std::u32string_view consonants;
  std::u32string_view vowels;
};

constexpr std::array<Alphabet, 21> kAlphabets = {{
    {"Latn", U"pbtdkgmnszlrfvhj", U"aeiou"}, {"Cyrl", U"пбтдкгмнсзлрфвхж", U"аеиоу"},
    {"Grek", U"πβτδκγμνσζλρφθχξ", U"αεηου"}, {"Armn", U"պբտդկգմնսզլրֆվհժ", U"աեիոը"},
    {"Geor", U"პბტდკგმნსზლრფვჰჟ", U"აეიოუ"}, {"Hebr", U"פבטדכגמנסזלרקשחצ", U"אהויע"},
    {"Arab", U"بتثجحخدذرزسشفقلم", U"اوىةع"}, {"Deva", U"पबतदकगमनसजलरहवयट", U"ािुेो"},
    {"Beng", U"পবতদকগমনসজলরহশযট", U"ািুেী"},  {"Guru", U"ਪਬਤਦਕਗਮਨਸਜਲਰਹਵਯਟ", U"ਾਿੁੇੋ"},
    {"Gujr", U"પબતદકગમનસજલરહવયટ", U"ાિુેો"},   {"Orya", U"ପବତଦକଗମନସଜଲରହଶଯଟ", U"ାିୁେୀ"},
    {"Taml", U"பமதநகஙசஞலரளழவயடண", U"ாிுெே"}, {"Telu", U"పబతదకగమనసజలరహవయట", U"ాిుెో"},
    {"Knda", U"ಪಬತದಕಗಮನಸಜಲರಹವಯಟ", U"ಾಿುೆೊ"},   {"Mlym", U"പബതദകഗമനസജലരഹവയട", U"ാിുെീ"},
    {"Sinh", U"පබතදකගමනසජලරහවයට", U"ාිුෙැ"},   {"Thai", U"ปบตดกคมนสซลรหวยท", U"ะาิุี"},
    {"Laoo", U"ປບຕດກຄມນສຊລຣຫວຍທ", U"ະາິຸີ"},    {"Khmr", U"បពតដកគមនសជលរហវយទ", U"ាិុេោ"},
    {"Mymr", U"ပဗတဒကဂမနသဇလရဟဝယထ", U"ာိုေီ"},
}};

// Scripts that write a syllable with one character: (consonant, vowel 0..4, or 5 for none).
constexpr std::array<char32_t, kConsonants> kEthiopicRows = {
    0x1200, 0x1208, 0x1218, 0x1228, 0x1230, 0x1240, 0x1260, 0x1270,
    0x1290, 0x12A8, 0x12C8, 0x12D8, 0x12E8, 0x12F0, 0x1308, 0x1348};
constexpr std::array<char32_t, kVowels + 1> kHangulVowels = {0, 5, 20, 8, 13, 18};  // a e i o u eu
constexpr std::array<char32_t, kConsonants> kHangulInitials = {0,  2,  3,  5,  6,  7,  9, 11,
                                                               12, 14, 15, 16, 17, 18, 1, 4};
constexpr std::u32string_view kKana =
    U"あいうえおかがきぎくぐけげこごさざしじすずせぜそぞただちぢつづてでとどなにぬねのはばぱひびぴ"
    U"ふぶぷへべぺほぼぽまみむめもやゆよらりるれろわ"
    U"アイウエオカガキギクグケゲコゴサザシジスズセゼソゾタダチヂツヅテデ";

bool WritesSyllables(std::string_view script) {
  return script == "Ethi" || script == "Kore" || script == "Jpan" || script == "Hans" ||
         script == "Hant";
}

char32_t Syllable(std::string_view script, Sound consonant, int vowel) {
  const auto v = static_cast<std::size_t>(vowel);
  const auto cell = static_cast<char32_t>(consonant * (kVowels + 1) + vowel);
  if (script == "Ethi") return kEthiopicRows[consonant] + static_cast<char32_t>(vowel);
  if (script == "Kore") return 0xAC00 + (kHangulInitials[consonant] * 21 + kHangulVowels[v]) * 28;
  if (script == "Jpan") return kKana[cell];
  // Unified ideographs, spread over the block so that neighbours do not look alike.
  return (script == "Hans" ? U'\u5000' : U'\u7000') + cell * 37;
}

}  // namespace

std::string Spell(std::string_view script, std::span<const Sound> sounds, int variant) {
  static_assert(kKana.size() >= kConsonants * (kVowels + 1));
  std::string out;
  if (WritesSyllables(script)) {
    for (std::size_t i = 0; i < sounds.size(); ++i) {
      REPRO_CHECK(!IsVowel(sounds[i]));  // every syllable starts with a consonant
      const bool open = i + 1 < sounds.size() && IsVowel(sounds[i + 1]);
      AppendUtf8(Syllable(script, sounds[i], open ? sounds[i + 1] - kConsonants : kVowels), out);
      if (open) ++i;
    }
    return out;
  }
  const auto alphabet = std::find_if(kAlphabets.begin(), kAlphabets.end(),
                                     [&](const Alphabet& entry) { return entry.script == script; });
  REPRO_CHECK(alphabet != kAlphabets.end());
  for (const Sound sound : sounds) {
    if (IsVowel(sound)) {
      AppendUtf8(alphabet->vowels[sound - kConsonants], out);
    } else {
      AppendUtf8(alphabet->consonants[variant == 0 ? sound : kConsonants - 1 - sound], out);
    }
  }
  return out;
}

}  // namespace repro
