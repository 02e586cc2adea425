#include "experiments/corpus/babel/languages.h"

#include <algorithm>
#include <array>

#include "core/base/check.h"

namespace repro {
namespace {

// Word order, place of the adjective and marking: the most common type of the real family, one type
// each.
constexpr std::array<Family, 25> kFamilies = {{
    {"Afro-Asiatic", WordOrder::kVso, false, Marking::kSuffix},
    {"Albanian", WordOrder::kSvo, false, Marking::kSuffix},
    {"Armenian", WordOrder::kSov, true, Marking::kSuffix},
    {"Atlantic-Congo", WordOrder::kSvo, false, Marking::kPrefix},
    {"Austroasiatic", WordOrder::kSvo, false, Marking::kParticle},
    {"Austronesian", WordOrder::kSvo, false, Marking::kPrefix},
    {"Baltic", WordOrder::kSvo, true, Marking::kSuffix},
    {"Basque", WordOrder::kSov, false, Marking::kSuffix},
    {"Celtic", WordOrder::kVso, false, Marking::kParticle},
    {"Dravidian", WordOrder::kSov, true, Marking::kSuffix},
    {"Germanic", WordOrder::kSvo, true, Marking::kSuffix},
    {"Greek", WordOrder::kSvo, true, Marking::kSuffix},
    {"Indo-Aryan", WordOrder::kSov, true, Marking::kSuffix},
    {"Iranian", WordOrder::kSov, false, Marking::kSuffix},
    {"Italic", WordOrder::kSvo, false, Marking::kSuffix},
    {"Japonic", WordOrder::kSov, true, Marking::kSuffix},
    {"Kartvelian", WordOrder::kSov, true, Marking::kSuffix},
    {"Koreanic", WordOrder::kSov, true, Marking::kSuffix},
    {"Mongolic", WordOrder::kSov, true, Marking::kSuffix},
    {"Sino-Tibetan", WordOrder::kSvo, true, Marking::kParticle},
    {"Slavic", WordOrder::kSvo, true, Marking::kSuffix},
    {"Tai-Kadai", WordOrder::kSvo, false, Marking::kParticle},
    {"Turkic", WordOrder::kSov, true, Marking::kSuffix},
    {"Uralic", WordOrder::kSvo, true, Marking::kSuffix},
    {"constructed", WordOrder::kSvo, true, Marking::kSuffix},
}};

// Script and family (the branch, where there is one) as manifests/languages.toml has them; a test
// compares.
constexpr std::array<BabelLanguage, 107> kLanguages = {{
    {"af", "Latn", "Germanic", "af"},
    {"am", "Ethi", "Afro-Asiatic", "am"},
    {"ar", "Arab", "Afro-Asiatic", "ar"},
    {"as", "Beng", "Indo-Aryan", "as"},
    {"ast", "Latn", "Italic", "ast"},
    {"az", "Latn", "Turkic", "az"},
    {"be", "Cyrl", "Slavic", "be"},
    {"bg", "Cyrl", "Slavic", "bg"},
    {"bn", "Beng", "Indo-Aryan", "bn"},
    {"bn_rom", "Latn", "Indo-Aryan", "bn"},
    {"br", "Latn", "Celtic", "br"},
    {"bs", "Latn", "Slavic", "bs"},
    {"ca", "Latn", "Italic", "ca"},
    {"ceb", "Latn", "Austronesian", "ceb"},
    {"cs", "Latn", "Slavic", "cs"},
    {"cy", "Latn", "Celtic", "cy"},
    {"da", "Latn", "Germanic", "da"},
    {"de", "Latn", "Germanic", "de"},
    {"el", "Grek", "Greek", "el"},
    {"en", "Latn", "Germanic", "en"},
    {"eo", "Latn", "constructed", "eo"},
    {"es", "Latn", "Italic", "es"},
    {"et", "Latn", "Uralic", "et"},
    {"eu", "Latn", "Basque", "eu"},
    {"fa", "Arab", "Iranian", "fa"},
    {"fi", "Latn", "Uralic", "fi"},
    {"fr", "Latn", "Italic", "fr"},
    {"fy", "Latn", "Germanic", "fy"},
    {"ga", "Latn", "Celtic", "ga"},
    {"gd", "Latn", "Celtic", "gd"},
    {"gl", "Latn", "Italic", "gl"},
    {"gu", "Gujr", "Indo-Aryan", "gu"},
    {"ha", "Latn", "Afro-Asiatic", "ha"},
    {"he", "Hebr", "Afro-Asiatic", "he"},
    {"hi", "Deva", "Indo-Aryan", "hi"},
    {"hi_rom", "Latn", "Indo-Aryan", "hi"},
    {"hr", "Latn", "Slavic", "hr"},
    {"hu", "Latn", "Uralic", "hu"},
    {"hy", "Armn", "Armenian", "hy"},
    {"id", "Latn", "Austronesian", "id"},
    {"is", "Latn", "Germanic", "is"},
    {"it", "Latn", "Italic", "it"},
    {"ja", "Jpan", "Japonic", "ja"},
    {"jv", "Latn", "Austronesian", "jv"},
    {"ka", "Geor", "Kartvelian", "ka"},
    {"kk", "Cyrl", "Turkic", "kk"},
    {"km", "Khmr", "Austroasiatic", "km"},
    {"kn", "Knda", "Dravidian", "kn"},
    {"ko", "Kore", "Koreanic", "ko"},
    {"ku", "Latn", "Iranian", "ku"},
    {"ky", "Cyrl", "Turkic", "ky"},
    {"la", "Latn", "Italic", "la"},
    {"lb", "Latn", "Germanic", "lb"},
    {"lo", "Laoo", "Tai-Kadai", "lo"},
    {"lt", "Latn", "Baltic", "lt"},
    {"lv", "Latn", "Baltic", "lv"},
    {"mg", "Latn", "Austronesian", "mg"},
    {"mk", "Cyrl", "Slavic", "mk"},
    {"ml", "Mlym", "Dravidian", "ml"},
    {"mn", "Cyrl", "Mongolic", "mn"},
    {"mr", "Deva", "Indo-Aryan", "mr"},
    {"ms", "Latn", "Austronesian", "ms"},
    {"my", "Mymr", "Sino-Tibetan", "my"},
    {"my_zaw", "Mymr", "Sino-Tibetan", "my"},
    {"ne", "Deva", "Indo-Aryan", "ne"},
    {"nl", "Latn", "Germanic", "nl"},
    {"nn", "Latn", "Germanic", "nn"},
    {"no", "Latn", "Germanic", "no"},
    {"oc", "Latn", "Italic", "oc"},
    {"om", "Latn", "Afro-Asiatic", "om"},
    {"or", "Orya", "Indo-Aryan", "or"},
    {"pa", "Guru", "Indo-Aryan", "pa"},
    {"pl", "Latn", "Slavic", "pl"},
    {"ps", "Arab", "Iranian", "ps"},
    {"pt", "Latn", "Italic", "pt"},
    {"ro", "Latn", "Italic", "ro"},
    {"ru", "Cyrl", "Slavic", "ru"},
    {"sa", "Deva", "Indo-Aryan", "sa"},
    {"sd", "Arab", "Indo-Aryan", "sd"},
    {"sh", "Latn", "Slavic", "sh"},
    {"si", "Sinh", "Indo-Aryan", "si"},
    {"sk", "Latn", "Slavic", "sk"},
    {"sl", "Latn", "Slavic", "sl"},
    {"so", "Latn", "Afro-Asiatic", "so"},
    {"sq", "Latn", "Albanian", "sq"},
    {"sr", "Cyrl", "Slavic", "sr"},
    {"su", "Latn", "Austronesian", "su"},
    {"sv", "Latn", "Germanic", "sv"},
    {"sw", "Latn", "Atlantic-Congo", "sw"},
    {"ta", "Taml", "Dravidian", "ta"},
    {"ta_rom", "Latn", "Dravidian", "ta"},
    {"te", "Telu", "Dravidian", "te"},
    {"te_rom", "Latn", "Dravidian", "te"},
    {"th", "Thai", "Tai-Kadai", "th"},
    {"tl", "Latn", "Austronesian", "tl"},
    {"tr", "Latn", "Turkic", "tr"},
    {"tt", "Cyrl", "Turkic", "tt"},
    {"ug", "Arab", "Turkic", "ug"},
    {"uk", "Cyrl", "Slavic", "uk"},
    {"ur", "Arab", "Indo-Aryan", "ur"},
    {"ur_rom", "Latn", "Indo-Aryan", "ur"},
    {"uz", "Latn", "Turkic", "uz"},
    {"vi", "Latn", "Austroasiatic", "vi"},
    {"xh", "Latn", "Atlantic-Congo", "xh"},
    {"yi", "Hebr", "Germanic", "yi"},
    {"zh", "Hans", "Sino-Tibetan", "zh"},
    {"zh-Hant", "Hant", "Sino-Tibetan", "zh"},
}};

}  // namespace

std::span<const BabelLanguage> BabelLanguages() {
  return kLanguages;
}

Result<BabelLanguage> FindBabelLanguage(std::string_view code) {
  const std::string_view bare = code.starts_with("syn-") ? code.substr(4) : code;
  const auto found = std::find_if(kLanguages.begin(), kLanguages.end(),
                                  [&](const BabelLanguage& entry) { return entry.code == bare; });
  if (found != kLanguages.end()) return *found;
  std::string near;
  for (const BabelLanguage& entry : kLanguages) {
    if (!bare.empty() && entry.code.front() == bare.front()) {
      near += (near.empty() ? "" : ", ") + std::string(entry.code);
    }
  }
  return Fail(ErrorCode::kNotFound, "babel has no language '{}'; expected a code of Table 6{}{}",
              code, near.empty() ? "" : ", e.g. ", near);
}

const Family& FindFamily(std::string_view name) {
  const auto found = std::find_if(kFamilies.begin(), kFamilies.end(),
                                  [&](const Family& entry) { return entry.name == name; });
  REPRO_CHECK(found != kFamilies.end());
  return *found;
}

}  // namespace repro
