#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiments/datasets/dataset_manifest.h"
#include "experiments/datasets/layouts/read_examples.h"
#include "tests/core/packed_text.h"
#include "tests/core/temp_folder.h"

namespace repro {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Pair;
using ::testing::StartsWith;

/// A file of a layout, invented; messages are read without its folder.
class LayoutsTest : public ::testing::Test {
 protected:
  LayoutFile Put(const std::string& layout, std::string_view content,
                 const std::string& name = "f") {
    const auto put = PutFile(folder_ / name, content);
    EXPECT_TRUE(put) << put.error().message;
    return {.path = folder_ / name, .layout = layout, .language = ""};
  }
  template <class T>
  std::vector<T> Read(const LayoutFile& file, const ReadRules& rules = {}) {
    auto read = ReadAllExamples<T>(std::vector{file}, rules);
    EXPECT_TRUE(read) << read.error().message;
    return read ? std::move(*read) : std::vector<T>();
  }
  template <class T>
  std::vector<T> Read(const std::string& layout, std::string_view content) {
    return Read<T>(Put(layout, content));
  }
  std::string Problem(const std::vector<LayoutFile>& files, const ReadRules& rules = {}) {
    const auto counts = CountExamples(files, rules);
    return counts ? "none" : WithoutFolder(counts.error().message);
  }
  std::string Problem(const std::string& layout, std::string_view content) {
    return Problem({Put(layout, content)});
  }
  ExampleCounts Count(const LayoutFile& file, const ReadRules& rules = {}) {
    auto counts = CountExamples(std::vector{file}, rules);
    EXPECT_TRUE(counts) << counts.error().message;
    return counts ? std::move(*counts) : ExampleCounts();
  }
  std::string WithoutFolder(std::string message) const {
    const std::string folder = folder_.path().string() + "/";
    for (std::size_t at; (at = message.find(folder)) != std::string::npos;) {
      message.erase(at, folder.size());
    }
    return message;
  }

  TempFolder folder_;
};

TEST_F(LayoutsTest, EveryLayoutOfExamplesMayStandInAManifest) {
  EXPECT_THAT(DatasetLayouts(), IsSupersetOf(ExampleLayouts()));
}

TEST_F(LayoutsTest, AnUnknownLayoutIsNamedWithTheNearest) {
  const std::string problem = Problem("xnly", "");
  EXPECT_THAT(problem, StartsWith("f: no layout of examples is named `xnly`, expected `xnli`, "));
  EXPECT_THAT(problem, EndsWith("; did you mean `xnli`?"));
}

// --- natural language inference

TEST_F(LayoutsTest, XnliColumnsAreFoundByName) {
  const auto pairs =
      Read<NliPair>("xnli",
                    "gold_label\tpairID\tsentence2\tlanguage\tsentence1\tgenre\n"
                    "entailment\t7\tSie g\xC3\xA4hnt.\tde\tEine \"Katze\" g\xC3\xA4hnt.\tx\n"
                    "contradiction\t8\tIt sleeps.\ten\tA cat yawns.\tx\n");
  ASSERT_EQ(pairs.size(), 2u);
  EXPECT_EQ(pairs[0].id, "7");
  EXPECT_EQ(pairs[0].premise, "Eine \"Katze\" g\xC3\xA4hnt.");
  EXPECT_EQ(pairs[0].hypothesis, "Sie g\xC3\xA4hnt.");
  EXPECT_EQ(pairs[0].label, 2);
  EXPECT_EQ(pairs[0].language, "de");
  EXPECT_EQ(pairs[1].label, 0);
  EXPECT_THAT(LabelNames("xnli"), ElementsAre("contradiction", "neutral", "entailment"));
}

TEST_F(LayoutsTest, JsonLinesAreToldByTheirFirstByte) {
  const auto pairs = Read<NliPair>(
      "xnli", R"({"gold_label": "neutral", "language": "sw", "pairID": "3", )"
              R"("sentence1": "Paka\u0021", "sentence2": "\"Mbwa\"", "match": "True"})"
              "\n");
  ASSERT_EQ(pairs.size(), 1u);
  EXPECT_EQ(pairs[0].premise, "Paka!");
  EXPECT_EQ(pairs[0].hypothesis, "\"Mbwa\"");
  EXPECT_EQ(pairs[0].label, 1);
  EXPECT_EQ(pairs[0].language, "sw");
}

TEST_F(LayoutsTest, TranslateTestIsEnglishThatComesFromALanguage) {
  const auto official = Read<NliPair>("xnli-translate-test",
                                      "language\tgold_label\tsentence1\tsentence2\tpairID\n"
                                      "sw\tneutral\tA cat.\tA dog.\t1\n");
  ASSERT_EQ(official.size(), 1u);
  EXPECT_EQ(official[0].language, "en");
  EXPECT_EQ(official[0].translated_from, "sw");
  const std::string rows =
      "label\tsentence1_en\tsentence2_en\tsentence1_my\tsentence2_my\nneutral\ta\tb\tc\td\n";
  const auto english = Read<NliPair>("myxnli-translated", rows);
  ASSERT_EQ(english.size(), 1u);
  EXPECT_EQ(english[0].premise, "a");
  EXPECT_EQ(english[0].language, "en");
  EXPECT_EQ(english[0].translated_from, "my");
  const auto original = Read<NliPair>("myxnli-original", rows);
  ASSERT_EQ(original.size(), 1u);
  EXPECT_EQ(original[0].premise, "c");
  EXPECT_EQ(original[0].hypothesis, "d");
  EXPECT_EQ(original[0].language, "my");
  EXPECT_EQ(original[0].translated_from, "");
}

TEST_F(LayoutsTest, TranslateTrainSpellsContradictoryAndNamesItsColumns) {
  const auto pairs = Read<NliPair>(
      "xnli-mt", "premise\thypo\tlabel\nA b .\tC d .\tcontradictory\nE\tF\tentailment\n");
  ASSERT_EQ(pairs.size(), 2u);
  EXPECT_EQ(pairs[0].label, 0);
  EXPECT_EQ(pairs[0].id, "1");
}

TEST_F(LayoutsTest, PlainPairsMayHaveAHeaderOrNone) {
  EXPECT_EQ(Read<NliPair>("nli", "label\tpremise\thypothesis\nneutral\ta\tb\n")[0].premise, "a");
  EXPECT_EQ(Read<NliPair>("nli", "a\tb\tneutral\n")[0].hypothesis, "b");
  LayoutFile file = Put("xtreme-xnli", "a\tb\tneutral\n");
  file.language = "th";
  EXPECT_EQ(Read<NliPair>(file)[0].language, "th");
}

TEST_F(LayoutsTest, SnliRowsMayHoldMoreAnnotatorsThanTheHeaderNames) {
  const auto pairs =
      Read<NliPair>("snli",
                    "index\tpairID\tsentence1\tsentence2\tlabel1\tgold_label\n"
                    "0\tp1\ta\tb\tneutral\tentailment\n"
                    "1\tp2\tc\td\tneutral\tneutral\tneutral\tneutral\tentailment\tcontradiction\n");
  ASSERT_EQ(pairs.size(), 2u);
  EXPECT_EQ(pairs[0].label, 2);
  EXPECT_EQ(pairs[1].label, 0);
  EXPECT_EQ(pairs[1].hypothesis, "d");
}

TEST_F(LayoutsTest, APairWithoutGoldLabelIsLeftOutAndCountedAndNoError) {
  const ExampleCounts counts = Count(Put("snli",
                                         "gold_label\tsentence1\tsentence2\tpairID\n"
                                         "-\ta\tb\t1\nneutral\tc\td\t2\n-\te\tf\t3\n"));
  EXPECT_EQ(counts.examples, 1);
  ASSERT_EQ(counts.faults.count("no-gold-label"), 1u);
  EXPECT_EQ(counts.faults.find("no-gold-label")->second.count, 2);
  EXPECT_THAT(counts.faults.find("no-gold-label")->second.messages, IsEmpty());
}

TEST_F(LayoutsTest, MnliTestsHaveNoLabels) {
  const LayoutFile file = Put("mnli", "index\tpairID\tsentence1\tsentence2\n0\t5\ta\tb\n");
  EXPECT_EQ(Read<NliPair>(file)[0].label, std::nullopt);
  EXPECT_THAT(Count(file).by_label, ElementsAre(Pair("(unlabelled)", 1)));
  EXPECT_EQ(
      Problem({file}, {.needs_labels = true}),
      "f:1: no column `gold_label` (`index pairID sentence1 sentence2`), expected the columns "
      "index, promptID, pairID, genre, sentence1_binary_parse, sentence2_binary_parse, "
      "sentence1_parse, sentence2_parse, sentence1, sentence2, label1, gold_label");
}

TEST_F(LayoutsTest, SickWritesCapitals) {
  const auto pairs = Read<NliPair>("sick",
                                   "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_"
                                   "judgment\n9\ta\tb\t4.5\tNEUTRAL");
  ASSERT_EQ(pairs.size(), 1u);
  EXPECT_EQ(pairs[0].id, "9");
  EXPECT_EQ(pairs[0].label, 1);
}

// --- what is wrong with tables

TEST_F(LayoutsTest, MissingAndExtraColumns) {
  EXPECT_EQ(Problem("xtreme-xnli", "a\tb\tneutral\nc\td\ne\tf\tneutral\tg\n"),
            "f:2: 2 columns (`c d`), expected 3\n"
            "f:3: 4 columns (`e f neutral g`), expected 3");
}

TEST_F(LayoutsTest, UnknownLabel) {
  EXPECT_EQ(Problem("xtreme-xnli", "a\tb\tneutrl\nc\td\t0\n"),
            "f:1: unknown label (`neutrl`), expected `contradiction`, `neutral` or `entailment`; "
            "did you mean `neutral`?\n"
            "f:2: unknown label (`0`), expected `contradiction`, `neutral` or `entailment`");
}

TEST_F(LayoutsTest, EmptyFieldEmptyLineNulAndInvalidUtf8) {
  EXPECT_EQ(Problem("xtreme-xnli", std::string("a\t \tneutral\n\nb\tc\tneutral\nd\0e\tf\tneutral\n"
                                               "g\tna\xEFve\tneutral\n\n\n",
                                               54)),
            "f:1: no text in `hypothesis` (`a   neutral`), expected some\n"
            "f:2: an empty line, expected a row\n"
            "f:4: a NUL byte in the line (`d\\x00e f neutral`), expected text\n"
            "f:5: no UTF-8 from here on (`\\xefve neutral`), expected UTF-8; for Latin-1, "
            "`encoding = \"latin-1\"`");
}

TEST_F(LayoutsTest, ALineThatIsTooLongIsCutInTheMessage) {
  const std::string problem =
      Problem("xtreme-xnli", "a\tb\tneutral\n" + std::string(2 << 20, 'x') + "\nc\td\tneutral\n");
  EXPECT_EQ(problem, "f:2: a line of 2097153 bytes (`" + std::string(80, 'x') +
                         "...`), expected at most 1048576");
}

TEST_F(LayoutsTest, AHeaderWithoutANeededColumnOrNoHeaderEndsTheFile) {
  const std::string expected = ", expected the columns premise, hypothesis, label";
  EXPECT_EQ(Problem("xnli-mt", "premise\thipo\tlabel\na\tb\tneutral\n"),
            "f:1: no column `hypothesis` (`premise hipo label`)" + expected);
  EXPECT_EQ(Problem("xnli-mt", "a\tb\tneutral\n"),
            "f:1: no line of column names (`a b neutral`)" + expected);
  EXPECT_EQ(Problem("xnli-mt", "premise\thypo\n"),
            "f:1: no column `label` (`premise hypo`)" + expected);
}

TEST_F(LayoutsTest, AFileWithoutExamplesIsAnErrorUnderBothPolicies) {
  const LayoutFile header = Put("xnli-mt", "premise\thypo\tlabel\n");
  const std::string none = "f: no example in layout `xnli-mt`, expected one at least";
  EXPECT_EQ(Problem({header}), none);
  EXPECT_EQ(Problem({header}, {.skip = true}), none);
  const LayoutFile wrong = Put("xtreme-xnli", "a b neutral\n");
  EXPECT_EQ(Problem({wrong}, {.skip = true}),
            "f: no example in layout `xtreme-xnli`, expected one at least; left out: 1 columns\n"
            "  f:1: 1 column (`a b neutral`), expected 3");
}

TEST_F(LayoutsTest, AFileOfWhichNothingIsReadableSaysWhy) {
  std::string rows = "a\tb\n\tb\tmaybe\n";
  for (int i = 0; i < 5; ++i) rows += "a\tb\tmaybe\n";
  const LayoutFile bad = Put("xtreme-xnli", rows, "bad");
  const LayoutFile good = Put("xtreme-xnli", "a\tb\tneutral\na\tb\tnone\n", "good");
  const std::string label =
      ": unknown label (`maybe`), expected `contradiction`, `neutral` or `entailment`\n";
  EXPECT_EQ(Problem({good, bad}, {.skip = true}),
            "bad: no example in layout `xtreme-xnli`, expected one at least; left out: 1 columns, "
            "1 empty-field, 5 unknown-label\n"
            "  bad:1: 2 columns (`a b`), expected 3\n"
            "  bad:2: no text in `premise` (` b maybe`), expected some\n"
            "  bad:2" +
                label + "  bad:3" + label + "  bad:4" + label +
                "  `repro data stats` with --strict shows more of them");
  const LayoutFile header =
      Put("xnli-mt", std::string("premise\0\thypo\tlabel\na\tb\tneutral\n", 32), "head");
  EXPECT_EQ(Problem({header}, {.skip = true}),
            "head:1: the first line, which may name the columns, is not read\n"
            "head: no example in layout `xnli-mt`, expected one at least; left out: 1 nul\n"
            "  head:1: a NUL byte in the line (`premise\\x00 hypo label`), expected text");
}

TEST_F(LayoutsTest, Utf16IsNamedUnderBothPolicies) {
  for (const char* const mark : {"\xFF\xFE", "\xFE\xFF"}) {
    for (const char* const layout : {"xnli-mt", "xtreme-xnli", "conll", "squad"}) {
      const LayoutFile file = Put(layout, mark + std::string("a\0b\0\n\0", 6));
      for (const bool skip : {false, true}) {
        EXPECT_EQ(Problem({file}, {.skip = skip}),
                  "f: is UTF-16, by its first bytes, expected UTF-8; convert it: iconv -f UTF-16 "
                  "-t UTF-8")
            << layout;
      }
    }
  }
}

TEST_F(LayoutsTest, JsonLinesThatAreNoneOrLackAField) {
  EXPECT_EQ(Problem("xnli",
                    "{\"language\": \"en\", \"pairID\": \"1\", \"gold_label\": \"neutral\", "
                    "\"sentence1\": \"a\"}\n{\"language\n[1]\n"),
            "f:1: no text `sentence2` (`{\"language\": \"en\", \"pairID\": \"1\", \"gold_label\": "
            "\"neutral\", \"sentence1\": \"a\"}`), expected one\n"
            "f:2: no JSON object (`{\"language`), expected one on each line\n"
            "f:3: no JSON object (`[1]`), expected one on each line");
}

TEST_F(LayoutsTest, ByteOrderMarkAndCarriageReturnsAreTolerated) {
  const auto pairs =
      Read<NliPair>("xnli-mt", "\xEF\xBB\xBFpremise\thypo\tlabel\r\na\tb\tneutral\r\n\r\n");
  ASSERT_EQ(pairs.size(), 1u);
  EXPECT_EQ(pairs[0].label, 1);
}

TEST_F(LayoutsTest, PackedFilesAreReadByContentAndADamagedOneIsAnErrorUnderBothPolicies) {
  const std::string row = "a\tb\tneutral\n";
  for (const Packing packing : {Packing::kGzip, Packing::kZstd, Packing::kBzip2}) {
    const std::string packed = testing::Packed(packing, row);
    EXPECT_EQ(Read<NliPair>("nli", packed).size(), 1u) << PackingName(packing);
    const LayoutFile half = Put("nli", packed.substr(0, packed.size() / 2));
    EXPECT_THAT(Problem({half}, {.skip = true}), StartsWith("f: damaged at byte "))
        << PackingName(packing);
  }
}

TEST_F(LayoutsTest, ProblemsOfAllFilesAreOneErrorUpToALimit) {
  std::string rows;
  for (int i = 0; i < 14; ++i) rows += "a\tb\tmaybe\n";
  const std::vector<LayoutFile> files = {Put("xtreme-xnli", rows, "one"),
                                         Put("xtreme-xnli", rows, "two")};
  const std::string problem = Problem(files);
  EXPECT_EQ(std::count(problem.begin(), problem.end(), '\n'), 20);
  EXPECT_THAT(problem, StartsWith("one:1: unknown label (`maybe`)"));
  EXPECT_THAT(problem, HasSubstr("\ntwo:6: unknown label"));
  EXPECT_THAT(problem, EndsWith("\n... and 8 more"));
  EXPECT_THAT(Problem(files, {.shown = 2}), EndsWith("\n... and 26 more"));
}

TEST_F(LayoutsTest, SkippingCountsAnExampleOnceUnderItsFirstReason) {
  const ExampleCounts counts =
      Count(Put("xtreme-xnli", "a\tb\tneutral\n\tb\tmaybe\nc\td\tmaybe\ne\tf\ng\th\tentailment\n"),
            {.skip = true});
  EXPECT_EQ(counts.examples, 2);
  std::map<std::string, std::int64_t> skipped;
  for (const auto& [reason, fault] : counts.faults) {
    if (fault.count > 0) skipped[reason] = fault.count;
  }
  EXPECT_THAT(skipped,
              ElementsAre(Pair("columns", 1), Pair("empty-field", 1), Pair("unknown-label", 1)));
  EXPECT_THAT(counts.by_label, ElementsAre(Pair("entailment", 1), Pair("neutral", 1)));
  EXPECT_EQ(counts.sentences, 4);
}

TEST_F(LayoutsTest, ALayoutThatGivesOthersIsNoLayoutOfThese) {
  const auto read = ReadAllExamples<QaQuestion>(std::vector{Put("nli", "a\tb\tneutral\n")}, {});
  ASSERT_FALSE(read);
  EXPECT_EQ(WithoutFolder(read.error().message), "f: layout `nli` gives examples of another kind");
}

TEST_F(LayoutsTest, AFileThatIsNotThereIsNotFound) {
  const auto counts = CountExamples(
      std::vector<LayoutFile>{{.path = folder_ / "none", .layout = "nli", .language = ""}}, {});
  ASSERT_FALSE(counts);
  EXPECT_EQ(counts.error().code, ErrorCode::kNotFound);
}

TEST_F(LayoutsTest, TheSinksErrorEndsTheReading) {
  int given = 0;
  const auto read = ReadExamples(std::vector{Put("nli", "a\tb\tneutral\nc\td\tneutral\n")}, {},
                                 [&](LayoutExample&&) -> Status {
                                   ++given;
                                   return Fail(ErrorCode::kFailed, "enough");
                                 });
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().message, "enough");
  EXPECT_EQ(given, 1);
}

// --- GLUE

TEST_F(LayoutsTest, ColaHasNoHeaderButItsTestHas) {
  const auto rows = Read<TextRow>("glue-cola", "ab1\t1\t\tBirds fly.\nab1\t0\t*\tFly birds the.\n");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].text, "Birds fly.");
  EXPECT_EQ(rows[0].label, 1);
  EXPECT_EQ(rows[1].label, 0);
  const auto test = Read<TextRow>("glue-cola", "index\tsentence\n4\tBirds fly.\n");
  ASSERT_EQ(test.size(), 1u);
  EXPECT_EQ(test[0].id, "4");
  EXPECT_EQ(test[0].label, std::nullopt);
}

TEST_F(LayoutsTest, GlueTasksMayLackTheirHeader) {
  EXPECT_EQ(Read<TextRow>("glue-rte", "5\ta\tb\tnot_entailment\n")[0].label, 1);
  EXPECT_EQ(Read<TextRow>("glue-wnli", "5\ta\tb\t1\n")[0].second, "b");
  EXPECT_EQ(Read<TextRow>("glue-sst2", "good \t1\n")[0].text, "good ");
  EXPECT_EQ(Read<TextRow>("glue-qnli", "5\ta?\tb\tentailment\n")[0].label, 0);
}

TEST_F(LayoutsTest, MrpcHasAByteOrderMarkAndQuotesAreCharacters) {
  const auto rows = Read<TextRow>("glue-mrpc",
                                  "\xEF\xBB\xBFQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\r\n"
                                  "1\t10\t20\t\"Never closed.\tHe said \"no\".\r\n");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].text, "\"Never closed.");
  EXPECT_EQ(rows[0].second, "He said \"no\".");
  EXPECT_EQ(rows[0].label, 1);
}

TEST_F(LayoutsTest, QqpIsReadWithAndWithoutItsIds) {
  EXPECT_EQ(Read<TextRow>("glue-qqp", "question1\tquestion2\tis_duplicate\na?\tb?\t0\n")[0].label,
            0);
  const auto full = Read<TextRow>(
      "glue-qqp", "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n7\t1\t2\ta?\tb?\t1\n");
  ASSERT_EQ(full.size(), 1u);
  EXPECT_EQ(full[0].id, "7");
  EXPECT_EQ(full[0].second, "b?");
}

TEST_F(LayoutsTest, StsBenchmarkHasScoresFromZeroToFive) {
  const std::string header =
      "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n";
  const LayoutFile file = Put("glue-stsb", header + "3\tg\tf\ty\t1\ts\ts\ta\tb\t3.800\n");
  EXPECT_EQ(Read<TextRow>(file)[0].score, 3.8);
  EXPECT_THAT(Count(file).by_label, ElementsAre(Pair("score 3", 1)));
  EXPECT_EQ(Problem("glue-stsb", header + "3\tg\tf\ty\t1\ts\ts\ta\tb\t5.1\n"
                                          "4\tg\tf\ty\t1\ts\ts\ta\tb\thigh\n"),
            "f:2: score (`5.1`), expected a number from 0 to 5\n"
            "f:3: score (`high`), expected a number from 0 to 5");
}

// --- named entities

TEST_F(LayoutsTest, ConllColumnsDocumentsAndEncodings) {
  LayoutFile file = Put("conll",
                        "-DOCSTART- -X- O O\n\nU.N. NNP I-NP B-ORG\nse\xF1or NN I-NP O\n\n"
                        "Ana NNP I-NP B-PER\n");
  file.encoding = "latin-1";
  const auto sentences = Read<TaggedSentence>(file);
  ASSERT_EQ(sentences.size(), 2u);
  EXPECT_THAT(sentences[0].words, ElementsAre("U.N.", "se\xC3\xB1or"));
  EXPECT_THAT(sentences[0].tags, ElementsAre("B-ORG", "O"));
  EXPECT_TRUE(sentences[0].begins_document);
  EXPECT_FALSE(sentences[1].begins_document);
  EXPECT_EQ(sentences[1].id, "2");
  // CoNLL-2002: three columns, and no blank line behind the mark.
  const auto dutch =
      Read<TaggedSentence>("conll", "-DOCSTART- -DOCSTART- O\nDat Pron O\r\nis V O\r\n");
  ASSERT_EQ(dutch.size(), 1u);
  EXPECT_TRUE(dutch[0].begins_document);
  EXPECT_EQ(dutch[0].words.size(), 2u);
}

TEST_F(LayoutsTest, TheWrongEncodingIsNoticedBothWays) {
  EXPECT_EQ(Problem("conll", "se\xF1or O\n"),
            "f:1: no UTF-8 from here on (`\\xf1or O`), expected UTF-8; for Latin-1, `encoding = "
            "\"latin-1\"`");
  LayoutFile file = Put("conll", "se\xC3\xB1or O\n");
  file.encoding = "latin-1";
  EXPECT_EQ(Problem({file}),
            "f:1: UTF-8 in a file that is said to be Latin-1 (`se\xC3\xB1or O`), expected "
            "`encoding = \"utf-8\"`");
  file.encoding = "utf-16";
  EXPECT_EQ(Problem({file}), "f: encoding `utf-16`, expected `utf-8` or `latin-1`");
}

TEST_F(LayoutsTest, Iob1BecomesIob2UnlessItIsToStay) {
  const LayoutFile file =
      Put("conll", "a I-PER\nb I-PER\nc B-PER\nd I-LOC\ne O\nf I-LOC\n\ng I-LOC\n");
  auto sentences = Read<TaggedSentence>(file);
  ASSERT_EQ(sentences.size(), 2u);
  EXPECT_THAT(sentences[0].tags, ElementsAre("B-PER", "I-PER", "B-PER", "B-LOC", "O", "B-LOC"));
  EXPECT_THAT(sentences[1].tags, ElementsAre("B-LOC"));
  sentences = Read<TaggedSentence>(file, {.to_iob2 = false});
  EXPECT_THAT(sentences[0].tags, ElementsAre("I-PER", "I-PER", "B-PER", "I-LOC", "O", "I-LOC"));
  const ExampleCounts counts = Count(file);
  EXPECT_EQ(counts.tags.Name(), "IOB1");
  EXPECT_THAT(counts.by_label, ElementsAre(Pair("LOC", 3), Pair("PER", 2)));
  EXPECT_EQ(counts.words, 7);
  EXPECT_EQ(Count(Put("conll", "a B-PER\nb I-PER\nc B-PER\n")).tags.Name(), "IOB2");
  EXPECT_EQ(Count(Put("conll", "a B-PER\nb O\nc I-LOC\n")).tags.Name(), "IOB2 with 1 stray I-");
  EXPECT_EQ(Count(Put("conll", "a O\n")).tags.Name(), "");
}

TEST_F(LayoutsTest, ConllFaults) {
  EXPECT_EQ(
      Problem("conll", "a NN O\nb O\nalone\nc NN B-DRUG\nd NN I\n\ne NN E-PER\nf NN O\n"),
      "f:2: 2 columns (`b O`), expected 3: a word, others and a tag, divided by blanks\n"
      "f:3: 1 column (`alone`), expected 3: a word, others and a tag, divided by blanks\n"
      "f:4: unknown tag (`B-DRUG`), expected `O`, or `B-` or `I-` with `LOC`, `MISC`, `ORG` or "
      "`PER`\n"
      "f:5: unknown tag (`I`), expected `O`, or `B-` or `I-` with `LOC`, `MISC`, `ORG` or "
      "`PER`\n"
      "f:7: unknown tag (`E-PER`), expected `O`, or `B-` or `I-` with `LOC`, `MISC`, `ORG` or "
      "`PER`");
}

TEST_F(LayoutsTest, ASentenceWithAFaultyLineIsLeftOutWhole) {
  const LayoutFile file = Put("conll", std::string("a O\nb\0 O\nc O\n\nd O\n\ne B-X\nf B-Y\n", 31));
  const ExampleCounts counts = Count(file, {.skip = true});
  EXPECT_EQ(counts.examples, 1);
  EXPECT_EQ(counts.faults.find("nul")->second.count, 1);
  EXPECT_EQ(counts.faults.find("unknown-tag")->second.count, 1);
  EXPECT_EQ(counts.faults.find("unknown-tag")->second.messages.size(), 2u);
  EXPECT_EQ(Read<TaggedSentence>(file, {.skip = true})[0].id, "2");
}

TEST_F(LayoutsTest, WikineuralNumbersItsWords) {
  const auto sentences =
      Read<TaggedSentence>("wikineural", "0\tIn\tO\n1\tRome\tB-LOC\n\n0\tYes\tO\n");
  ASSERT_EQ(sentences.size(), 2u);
  EXPECT_THAT(sentences[0].words, ElementsAre("In", "Rome"));
  EXPECT_EQ(
      Problem("wikineural", "0\tIn\tO\n2\tRome\tB-LOC\n0\tYes\tO\n"),
      "f:2: number of the word in its sentence (`2`), expected 1, or a blank line before a new "
      "sentence\n"
      "f:3: number of the word in its sentence (`0`), expected 2, or a blank line before a new "
      "sentence");
  EXPECT_EQ(Problem("wikineural", "0\tIn\tO\n1\t\tO\n2 x O\n"),
            "f:2: no word (`1  O`), expected a number, a word and a tag, divided by tabs\n"
            "f:3: 1 column (`2 x O`), expected 3: a number, a word and a tag, divided by tabs");
}

TEST_F(LayoutsTest, PanxWordsMayBeginWithTheirLanguage) {
  const auto plain = Read<TaggedSentence>("panx", "New York\tB-LOC\nhttp://x\tO\n");
  ASSERT_EQ(plain.size(), 1u);
  EXPECT_THAT(plain[0].words, ElementsAre("New York", "http://x"));
  const auto prefixed = Read<TaggedSentence>("panx", "als:Bern\tB-LOC\nals:isch\tO\n\nals::\tO\n");
  ASSERT_EQ(prefixed.size(), 2u);
  EXPECT_THAT(prefixed[0].words, ElementsAre("Bern", "isch"));
  EXPECT_THAT(prefixed[1].words, ElementsAre(":"));
  EXPECT_EQ(prefixed[0].language, "als");
  LayoutFile named = Put("panx", "als:Bern\tB-LOC\nals:isch\tO\n");
  named.language = "gsw";
  EXPECT_EQ(Read<TaggedSentence>(named)[0].language, "gsw");
  std::string rows;
  for (int i = 0; i < 60; ++i) rows += "de:a\tO\n";
  EXPECT_EQ(
      Problem("panx", rows + "b\tO\nde:\tO\n"),
      "f:61: a word without its language (`b`), expected `de:` before it, as before the words "
      "above\n"
      "f:62: no word (`de: O`), expected a word and a tag, divided by a tab");
}

TEST_F(LayoutsTest, MasakhanerHasDates) {
  const auto sentences = Read<TaggedSentence>("masakhaner", "Mei B-DATE\nya O\n");
  ASSERT_EQ(sentences.size(), 1u);
  EXPECT_EQ(
      Problem("masakhaner", "Mei B-MISC\n"),
      "f:1: unknown tag (`B-MISC`), expected `O`, or `B-` or `I-` with `DATE`, `LOC`, `ORG` or "
      "`PER`");
}

// --- question answering

std::string Squad(std::string_view context, std::string_view questions) {
  return fmt::format(
      "{{\"version\": \"1.1\", \"data\": [{{\"paragraphs\": [{{\"qas\": [{}],\n\"context\": "
      "\"{}\"}}], \"title\": \"T\"}}]}}\n",
      questions, context);
}

TEST_F(LayoutsTest, SquadIsReadInAnyOrderAndOffsetsCountCodePoints) {
  LayoutFile file = Put("squad", Squad("\xC3\x84\xE4\xBD\xA0 \\ud83d\\ude00 Rome!",
                                       R"({"id": "q1", "question": "Where?", "extra": [{"id": 3}],
   "answers": [{"answer_start": 5, "text": "Rome"}, {"text": "Rome!", "answer_start": 5}]})"));
  file.language = "it";
  const auto questions = Read<QaQuestion>(file);
  ASSERT_EQ(questions.size(), 1u);
  EXPECT_EQ(questions[0].id, "q1");
  EXPECT_EQ(questions[0].title, "T");
  EXPECT_EQ(questions[0].context, "\xC3\x84\xE4\xBD\xA0 \xF0\x9F\x98\x80 Rome!");
  ASSERT_EQ(questions[0].answers.size(), 2u);
  EXPECT_EQ(questions[0].answers[1].text, "Rome!");
  EXPECT_EQ(questions[0].answers[1].start, 5);
  EXPECT_EQ(questions[0].language, "it");
  EXPECT_EQ(questions[0].question_language, "it");
}

TEST_F(LayoutsTest, SquadTwoHasQuestionsWithoutAnAnswer) {
  const LayoutFile file = Put(
      "squad", Squad("Rome", R"({"id": "a", "question": "?", "answers": [], "is_impossible": true,
                        "plausible_answers": [{"text": "x", "answer_start": 99}]},
                       {"id": "b", "question": "?", "is_impossible": false,
                        "answers": [{"text": "Rome", "answer_start": 0}]})"));
  const auto questions = Read<QaQuestion>(file);
  ASSERT_EQ(questions.size(), 2u);
  EXPECT_TRUE(questions[0].impossible);
  EXPECT_THAT(questions[0].answers, IsEmpty());
  EXPECT_FALSE(questions[1].impossible);
  EXPECT_THAT(Count(file).by_label, ElementsAre(Pair("answerable", 1), Pair("impossible", 1)));
}

TEST_F(LayoutsTest, AnAnswerThatIsNotInItsPlaceIsAnErrorWithLineColumnAndBothTexts) {
  const LayoutFile file = Put("squad", Squad("In \xC3\x84gypten, not Rome.",
                                             R"({"id": "q1", "question": "?",
  "answers": [{"text": "Rome", "answer_start": 3},
    {"text": "Rome", "answer_start": 16}, {"text": "Paris", "answer_start": -1}]})"));
  EXPECT_EQ(Problem({file}),
            "f:2:15: `answer_start` 3 of question `q1` is not where its answer begins "
            "(`\xC3\x84gy`), expected `Rome`, which begins at 16\n"
            "f:3:43: `answer_start` -1 of question `q1` is not where its answer begins, "
            "expected `Paris`, which is not in the context");
  // The question stays, since its answers are the gold of a score that knows no places.
  const auto questions = Read<QaQuestion>(file, {.skip = true});
  ASSERT_EQ(questions.size(), 1u);
  ASSERT_EQ(questions[0].answers.size(), 3u);
  EXPECT_EQ(questions[0].answers[0].start, std::nullopt);
  EXPECT_EQ(questions[0].answers[0].text, "Rome");
  EXPECT_EQ(questions[0].answers[1].start, 16);
  const ExampleCounts counts = Count(file, {.skip = true});
  EXPECT_EQ(counts.examples, 1);
  EXPECT_EQ(counts.faults.find("answer-start")->second.count, 2);
  EXPECT_TRUE(counts.faults.find("answer-start")->second.kept);
}

TEST_F(LayoutsTest, SquadFaults) {
  EXPECT_EQ(Problem("squad", Squad("Rome", R"({"id": "a", "question": "?", "answers": []},
{"id": "b", "question": " ", "answers": [{"text": "", "answer_start": 0}]},
{"question": "?", "answers": [{"text": "Rome"}]},
{"id": 4, "question": "?", "answers": [{"text": "Rome", "answer_start": "0"}]},
{"id": "c", "question": "a\u0000", "is_impossible": true, "answers": [{"text": "Rome", "answer_start": 0}]})")),
            "f:1:54: a question without an answer (`a`), expected `answers`, or `is_impossible` = "
            "true\n"
            "f:2:1: no text in `question` (`b`), expected some\n"
            "f:2:42: no text in `text` (`b`), expected some\n"
            "f:3:1: no `id`, expected one\n"
            "f:3:31: no `answer_start`, expected one\n"
            "f:4:8: `id` is of the wrong kind (`4`), expected text\n"
            "f:4:75: `answer_start` is of the wrong kind (`\"0\"`), expected a whole number\n"
            "f:5:1: a NUL in `question` (`a\\x00`), expected text\n"
            "f:5:1: an impossible question with an answer (`c`), expected `answers`, or "
            "`is_impossible` = true");
}

TEST_F(LayoutsTest, AValueOfTheWrongKindIsShownWhereItEnds) {
  EXPECT_EQ(Problem("squad", Squad("Rome", R"({"id": null, "question": {"a": 1}, "answers": [
{"text": "Rome", "answer_start": 12.5
},
{"text": "Rome", "answer_start": null}]})")),
            "f:1:64: `id` is of the wrong kind (`null`), expected text\n"
            "f:1:79: `question` is of the wrong kind (`{...}`), expected text\n"
            "f:2:37: `answer_start` is of the wrong kind (`12.5`), expected a whole number\n"
            "f:4:37: `answer_start` is of the wrong kind (`null`), expected a whole number");
}

TEST_F(LayoutsTest, AnIdTwiceInAnArticleIsAFaultAndInAnotherArticleIsNone) {
  const std::string question =
      R"({"id": "1", "question": "?", "answers": [{"text": "Rome", "answer_start": 0}]})";
  const LayoutFile twice = Put("squad", Squad("Rome", question + ",\n" + question));
  EXPECT_EQ(Problem({twice}),
            "f:2:1: a second question of this `id` in its article (`1`), expected each id once");
  const ExampleCounts counts = Count(twice, {.skip = true});
  EXPECT_EQ(counts.examples, 1);
  EXPECT_EQ(counts.faults.find("double-id")->second.count, 1);
  const std::string article = fmt::format(
      R"({{"title": "T", "paragraphs": [{{"context": "Rome", "qas": [{}]}}]}})", question);
  const LayoutFile articles = Put("squad", fmt::format("{{\"data\": [{},{}]}}", article, article));
  EXPECT_EQ(Count(articles).examples, 2) << "TyDiQA's training files number each article anew";
}

TEST_F(LayoutsTest, JsonThatIsNoneOrAnotherLayoutEndsTheFile) {
  const std::string good = Squad(
      "Rome", R"({"id": "a", "question": "?", "answers": [{"text": "Rome", "answer_start": 0}]})");
  EXPECT_EQ(Problem("squad", good.substr(0, good.size() - 4)),
            "f:2:33: not valid JSON: unexpected end of input, expected '}'");
  EXPECT_EQ(Problem("squad", ""), "f: is empty, expected JSON");
  EXPECT_EQ(Problem("squad", "{\"data\":\n"),
            "f:1:9: not valid JSON: unexpected end of input, expected '[', '{', or a literal");
  EXPECT_EQ(Problem("squad", "{\"data\": 1.5}"),
            "f:1:12: `data` is of the wrong kind (1.5), expected an array");
  EXPECT_EQ(Problem("squad", "<html>"), "f:1:1: not valid JSON: invalid literal; last read: '<'");
  EXPECT_EQ(Problem("squad", "[1]"),
            "f:1:1: a value of the wrong kind (an array), expected an object");
  EXPECT_EQ(Problem("squad", "{\"data\": {\"a\": []}}"),
            "f:1:10: `data` is of the wrong kind (an object), expected an array");
  EXPECT_EQ(Problem("squad", "{\"rows\": []}"),
            "f: no example in layout `squad`, expected one at least");
  EXPECT_EQ(Problem("squad", "{\"data\": [{\"title\": \"\xFF\"}]}"),
            "f:1:22: not valid JSON: invalid string: ill-formed UTF-8 byte; last read: '\"\\xff'");
}

TEST_F(LayoutsTest, MlqaSaysItsLanguagesInItsName) {
  const std::string content = Squad(
      "Rom", R"({"id": "a", "question": "?", "answers": [{"text": "Rom", "answer_start": 0}]})");
  const auto questions = Read<QaQuestion>(Put("mlqa", content, "test-context-de-question-en.json"));
  ASSERT_EQ(questions.size(), 1u);
  EXPECT_EQ(questions[0].language, "de");
  EXPECT_EQ(questions[0].question_language, "en");
  EXPECT_EQ(Problem({Put("mlqa", content, "test.json")}),
            "test.json: no languages in its name, expected one such as "
            "dev-context-de-question-en.json");
  LayoutFile latin1 = Put("squad", content);
  latin1.encoding = "latin-1";
  EXPECT_EQ(Problem({latin1}), "f: encoding `latin-1`, expected `utf-8`: JSON has no other");
}

}  // namespace
}  // namespace repro
