#include "core/manifest/languages.h"

#include <set>

#include <gtest/gtest.h>
#include <unicode/uloc.h>

#include "core/manifest/language_draw.h"
#include "core/manifest/reference.h"
#include "tests/core/manifest/test_paths.h"

namespace repro {
namespace {

const LanguageTable& Table() {
  static const LanguageTable kTable = [] {
    auto table = LoadLanguages(ManifestDir() / "languages.toml");
    EXPECT_TRUE(table) << ErrorOf(table);
    return table ? *table : LanguageTable();
  }();
  return kTable;
}

std::set<std::string> AsSet(const std::vector<std::string>& codes) {
  return {codes.begin(), codes.end()};
}

bool Contains(const std::string& outer, const std::string& inner) {
  const auto big = AsSet(Table().FindSet(outer)->codes);
  for (const std::string& code : Table().FindSet(inner)->codes) {
    if (!big.contains(code)) return false;
  }
  return true;
}

/// Script by CLDR's likely subtags, as ICU has them.
std::string LikelyScript(const std::string& tag) {
  UErrorCode status = U_ZERO_ERROR;
  char locale[64], full[64], script[16];
  uloc_forLanguageTag(tag.c_str(), locale, sizeof locale, nullptr, &status);
  uloc_addLikelySubtags(locale, full, sizeof full, &status);
  uloc_getScript(full, script, sizeof script, &status);
  return U_SUCCESS(status) != 0 ? script : "";
}

TEST(LanguagesTest, ScriptsAreThoseOfIcu) {
  std::size_t spoken = 0;
  for (const auto& [code, language] : Table().languages) {
    if (language.coded) continue;
    ++spoken;
    EXPECT_EQ(language.script, LikelyScript(language.tag)) << code;
  }
  EXPECT_EQ(spoken, 107u);
}

TEST(LanguagesTest, SetsAreTheListsThatThePaperStates) {
  const auto lists = LoadLanguageLists(ReferenceDir());
  ASSERT_TRUE(lists) << ErrorOf(lists);
  for (const std::string name : {"xlm7", "xnli15", "conll4", "mlqa7", "high", "low"}) {
    ASSERT_TRUE(lists->contains(name)) << name;
    EXPECT_EQ(Table().FindSet(name)->codes, lists->at(name)) << name;
  }
  std::vector<std::string> wiki100 = lists->at("figure1");
  ASSERT_EQ(wiki100.size(), 88u);
  for (const char* code :
       {"ha", "lo", "om", "sd", "xh", "sh", "nn", "ast", "lb", "tt", "oc", "ceb"}) {
    wiki100.emplace_back(code);
  }
  EXPECT_EQ(Table().FindSet("wiki100")->codes, wiki100);
  const auto released = AsSet(lists->at("xlm100_released"));
  for (const char* code : {"sh", "nn", "ast", "lb", "tt", "oc", "ceb"}) {
    EXPECT_TRUE(released.contains(code)) << code;
  }
}

TEST(LanguagesTest, CommonCrawlSizesAreThoseOfTable6) {
  const auto table6 = LoadReference(ReferenceDir(), "Table 6");
  ASSERT_TRUE(table6) << ErrorOf(table6);
  const ReferenceSeries* size = table6->FindSeries("size");
  ASSERT_NE(size, nullptr);
  std::set<std::string> rows;
  for (const auto& [code, language] : Table().languages) {
    if (language.cc_gb <= 0) continue;
    const Node* row = Table().document.Find("languages." + code + ".row");
    const std::string id = row == nullptr ? code : *row->As<std::string>();
    rows.insert(id);
    // Table 6 prints the two cells of sv the wrong way round: its tokens column holds the size.
    const double printed =
        id == "sv" ? table6->FindSeries("tokens")->cells.at(id).value : size->cells.at(id).value;
    EXPECT_EQ(language.cc_gb, printed) << code;
  }
  EXPECT_EQ(rows, AsSet(table6->points)) << "each row of Table 6 belongs to one language";
  EXPECT_EQ(Table().FindSet("cc100")->codes.size(), 100u);
  for (const std::string& code : Table().FindSet("cc100")->codes) {
    EXPECT_GT(Table().languages.at(code).cc_gb, 0) << code;
  }
}

TEST(LanguagesTest, WikipediaSizesFollowFigure1AndTheRuleBelowItsAxis) {
  const auto figure1 = LoadReference(ReferenceDir(), "Figure 1");
  const auto lists = LoadLanguageLists(ReferenceDir());
  ASSERT_TRUE(figure1 && lists);
  const auto& bars = figure1->FindSeries("wiki")->cells;
  const auto at_axis = AsSet(lists->at("figure1_axis"));
  for (const std::string& code : Table().FindSet("wiki100")->codes) {
    const double expected =
        bars.contains(code) ? bars.at(code).value : (at_axis.contains(code) ? 0.1 : 0.05);
    EXPECT_EQ(Table().languages.at(code).wiki_gb, expected) << code;
  }
  EXPECT_EQ(Table().languages.at("sw").wiki_gb, 0.05);
  EXPECT_EQ(Table().languages.at("ur").wiki_gb, 0.1);
  for (const std::string code : {"bn_rom", "ur_rom", "my_zaw", "zh-Hant"}) {
    EXPECT_EQ(Table().languages.at(code).wiki_gb, 0) << code;
  }
}

TEST(LanguagesTest, DrawnSetsAreNestedAndTheDefaultIsDrawA) {
  for (const std::string draw : {"a", "b", "c"}) {
    EXPECT_TRUE(Contains("wiki30-" + draw, "xnli15"));
    EXPECT_TRUE(Contains("wiki60-" + draw, "wiki30-" + draw));
    EXPECT_TRUE(Contains("wiki100", "wiki60-" + draw));
    EXPECT_EQ(Table().FindSet("wiki30-" + draw)->codes.size(), 30u);
    EXPECT_EQ(Table().FindSet("wiki60-" + draw)->codes.size(), 60u);
  }
  EXPECT_TRUE(Contains("xnli15", "xlm7"));
  EXPECT_EQ(Table().FindSet("wiki30")->codes, Table().FindSet("wiki30-a")->codes);
  EXPECT_EQ(Table().FindSet("wiki60")->codes, Table().FindSet("wiki60-a")->codes);
}

TEST(LanguagesTest, DrawnSetsComeOutOfTheStatedSeedAgain) {
  const Document& file = Table().document;
  const auto seed = static_cast<std::uint64_t>(*file.Find("draws.seed")->As<std::int64_t>());
  const auto& core = Table().FindSet(*file.Find("draws.core")->As<std::string>())->codes;
  const auto& pool = Table().FindSet(*file.Find("draws.pool")->As<std::string>())->codes;
  for (const Node& name : *file.Find("draws.names")->As<Node::Array>()) {
    const std::string& draw = *name.As<std::string>();
    const auto sets = DrawNestedSets(Table().languages, core, pool, {30, 60}, seed, draw);
    ASSERT_EQ(sets.size(), 2u);
    EXPECT_EQ(sets[0], Table().FindSet("wiki30-" + draw)->codes);
    EXPECT_EQ(sets[1], Table().FindSet("wiki60-" + draw)->codes);
  }
}

TEST(LanguageDrawTest, KeepsTheSharesOfThePoolWhereTheCoreAllowsIt) {
  const auto& pool = Table().FindSet("wiki100")->codes;
  const auto sets = DrawNestedSets(Table().languages, {"en"}, pool, {50}, 7, "shares");
  const auto latin = [&](const std::vector<std::string>& codes) {
    int count = 0;
    for (const auto& code : codes) count += Table().languages.at(code).script == "Latn" ? 1 : 0;
    return count;
  };
  EXPECT_NEAR(latin(sets[0]), latin(pool) / 2.0, 3.0);
  EXPECT_NE(DrawNestedSets(Table().languages, {"en"}, pool, {50}, 7, "other")[0], sets[0]);
}

TEST(LanguagesTest, MistakesInTheFileAreAllReported) {
  const TempManifest file(
      "schema = 1\n"
      "[languages]\n"
      "en = { name = \"English\", script = \"Latn\", family = \"F\", wiki_gb = 1 }\n"
      "sw = { name = \"Swahili\", script = \"Latn\", family = \"F\" }\n"
      "ur = { nam = \"Urdu\", script = \"Arab\", family = \"F\", cc_gb = -1 }\n"
      "[sets.two]\n"
      "languages = [\"en\", \"xx\", \"en\"]\n"
      "status = \"stated\"\n"
      "source = \"s\"\n");
  const auto table = LoadLanguages(file.path());
  ASSERT_FALSE(table);
  const std::string& message = table.error().message;
  for (const char* part :
       {":4:6: `languages.sw` is incomplete", ":5:8: unknown key `languages.ur.nam`",
        ":5:61: `languages.ur.cc_gb` is -1, expected greater than 0",
        ":7:13: `sets.two.languages` holds `xx`", ":7:13: `sets.two.languages` holds `en` twice"}) {
    EXPECT_NE(message.find(part), std::string::npos) << part << "\nin\n" << message;
  }
}

}  // namespace
}  // namespace repro
