// Each fault in each layout: where it is, what is wrong, and with `skip` everything else.

#include <algorithm>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiments/datasets/layouts/read_examples.h"
#include "tests/core/temp_folder.h"

namespace repro {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAreArray;

/// A layout by example. In `row`, which is one of the file, {0} stands for a text and {1} for a
/// label.
struct Sample {
  std::string layout;
  std::string head;
  std::string row;
  std::string label;
  std::string end = "\n";   ///< of an example
  bool annotators = false;  ///< columns of their labels, any number
};

std::ostream& operator<<(std::ostream& out, const Sample& sample) {
  return out << sample.layout;
}

const std::vector<Sample>& Samples() {
  const std::string kXnli = "language\tgold_label\tsentence1\tsentence2\tpairID\n";
  const std::string kMy = "label\tsentence1_en\tsentence2_en\tsentence1_my\tsentence2_my\n";
  const std::string kAnnotated = "index\tpairID\tsentence1\tsentence2\tlabel1\tgold_label\n";
  const std::string kIndexed = "index\tsentence1\tsentence2\tlabel\n";
  static const std::vector<Sample> kSamples = {
      {"xnli", kXnli, "en\t{1}\t{0}\tIt sleeps.\t7", "neutral"},
      {"xnli-translate-test", kXnli, "sw\t{1}\t{0}\tIt sleeps.\t7", "neutral"},
      {"xnli-mt", "premise\thypo\tlabel\n", "{0}\tIt sleeps.\t{1}", "contradictory"},
      {"xtreme-xnli", "", "{0}\tIt sleeps.\t{1}", "entailment"},
      {"myxnli-translated", kMy, "{1}\t{0}\tb\tc\td", "neutral"},
      {"myxnli-original", kMy, "{1}\ta\tb\t{0}\td", "neutral"},
      {"mnli", kAnnotated, "0\tp\t{0}\tb\tneutral\t{1}", "neutral", "\n", true},
      {"snli", kAnnotated, "0\tp\t{0}\tb\tneutral\t{1}", "neutral", "\n", true},
      {"sick", "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment\n",
       "9\t{0}\tb\t4.5\t{1}", "NEUTRAL"},
      {"nli", "premise\thypothesis\tlabel\n", "{0}\tb\t{1}", "neutral"},
      {"glue-cola", "", "ab1\t{1}\t\t{0}", "1"},
      {"glue-sst2", "sentence\tlabel\n", "{0}\t{1}", "0"},
      {"glue-mrpc", "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n", "{1}\t1\t2\t{0}\tb", "1"},
      {"glue-stsb",
       "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n",
       "3\tg\tf\ty\t1\ts\ts\t{0}\tb\t{1}", "3.800"},
      {"glue-qqp", "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n", "7\t1\t2\t{0}\tb?\t{1}",
       "1"},
      {"glue-qnli", "index\tquestion\tsentence\tlabel\n", "5\t{0}\tb\t{1}", "not_entailment"},
      {"glue-rte", kIndexed, "5\t{0}\tb\t{1}", "entailment"},
      {"glue-wnli", kIndexed, "5\t{0}\tb\t{1}", "0"},
      {"conll", "", "{0} NN {1}", "B-PER", "\n\n"},
      {"wikineural", "", "0\t{0}\t{1}", "B-PER", "\n\n"},
      {"panx", "", "{0}\t{1}", "B-PER", "\n\n"},
      {"masakhaner", "", "{0} {1}", "B-DATE", "\n\n"},
  };
  return kSamples;
}

/// The text that a sample's row has for {0}.
std::string TextOf(const LayoutExample& example) {
  if (const auto* pair = std::get_if<NliPair>(&example)) return pair->premise;
  if (const auto* row = std::get_if<TextRow>(&example)) return row->text;
  if (const auto* tagged = std::get_if<TaggedSentence>(&example)) return tagged->words.at(0);
  return std::get<QaQuestion>(example).question;
}

class LayoutFaultsTest : public ::testing::TestWithParam<Sample> {
 protected:
  std::string Row(std::string_view text, std::string_view label) const {
    return fmt::format(fmt::runtime(GetParam().row), text, label);
  }
  std::string Good(std::string_view text) const {
    return Row(text, GetParam().label) + GetParam().end;
  }
  std::vector<std::string> Read(std::string_view content, const ReadRules& rules = {}) {
    EXPECT_TRUE(PutFile(folder_ / "f", content));
    const std::vector<LayoutFile> files = {
        {.path = folder_ / "f", .layout = GetParam().layout, .language = "en"}};
    std::vector<std::string> texts;
    error_.clear();
    const auto counts = ReadExamples(files, rules, [&](LayoutExample&& example) -> Status {
      texts.push_back(TextOf(example));
      return {};
    });
    if (!counts) error_ = counts.error().message;
    if (counts) faults_ = *counts;
    return texts;
  }
  /// Between two good examples: an error with its line and what stands there; or left out, counted.
  void ExpectFault(const std::string& row, std::string_view shown, std::string_view reason) {
    const std::string& head = GetParam().head;
    const std::string before = head + Good("Before");
    const std::string content = before + row + GetParam().end + Good("Behind");
    Read(content);
    const auto line = std::count(before.begin(), before.end(), '\n') + 1;
    EXPECT_THAT(error_, AllOf(StartsWith(fmt::format("{}:{}: ", (folder_ / "f").string(), line)),
                              HasSubstr(fmt::format("`{}", shown)), HasSubstr(", expected ")));
    EXPECT_EQ(std::count(error_.begin(), error_.end(), '\n'), 0) << error_;
    EXPECT_EQ(Read(content, {.skip = true}), (std::vector<std::string>{"Before", "Behind"}));
    EXPECT_EQ(error_, "");
    ASSERT_TRUE(faults_.contains(reason)) << faults_.begin()->first;
    EXPECT_EQ(faults_.find(reason)->second.count, 1);
  }

  TempFolder folder_;
  std::string error_;
  FaultCounts faults_;
};

TEST_P(LayoutFaultsTest, ByteOrderMarkAndCarriageReturnsAreNoText) {
  const std::string content = GetParam().head + Good("One") + Good("Two");
  std::string other = "\xEF\xBB\xBF";
  for (const char c : content) other += c == '\n' ? std::string("\r\n") : std::string(1, c);
  EXPECT_EQ(Read(other), (std::vector<std::string>{"One", "Two"})) << error_;
}

TEST_P(LayoutFaultsTest, QuotesAreCharacters) {
  EXPECT_EQ(Read(GetParam().head + Good("\"One") + Good("T\"w'o\"")),
            (std::vector<std::string>{"\"One", "T\"w'o\""}))
      << error_;
}

TEST_P(LayoutFaultsTest, MissingColumns) {
  std::string row = Row("Odd", GetParam().label);
  row.resize(row.find_last_of("\t "));
  std::string shown = row;
  std::replace(shown.begin(), shown.end(), '\t', ' ');
  ExpectFault(row, shown, "columns");
}

TEST_P(LayoutFaultsTest, MoreColumns) {
  if (GetParam().annotators) {  // as many as the header names, before the gold label
    std::string head = GetParam().head;
    head.insert(head.find("gold_label"), "label2\t");
    const std::string label = "entailment\t" + GetParam().label;
    EXPECT_EQ(Read(head + Row("One", label) + "\n" + Row("Two", label) + "\n"),
              (std::vector<std::string>{"One", "Two"}))
        << error_;
  }
  const std::string row = Row("Odd", GetParam().label);
  const char divider = row[row.find_last_of("\t ")];
  std::string shown = row;
  std::replace(shown.begin(), shown.end(), '\t', ' ');
  ExpectFault(row + divider + "more", shown, "columns");
}

TEST_P(LayoutFaultsTest, UnknownLabels) {
  const bool tags = GetParam().end == "\n\n";
  const std::string label = tags ? "B-NONE" : "maybe";
  ExpectFault(Row("Odd", label), label,
              tags                               ? "unknown-tag"
              : GetParam().layout == "glue-stsb" ? "score"
                                                 : "unknown-label");
}

TEST_P(LayoutFaultsTest, BytesThatAreNoUtf8) {
  ExpectFault(Row("Odd\xFF", GetParam().label), "\\xff", "not-utf-8");
}

TEST_P(LayoutFaultsTest, NulBytes) {
  ExpectFault(Row(std::string_view("O\0dd", 4), GetParam().label), "", "nul");
  EXPECT_TRUE(Read(GetParam().head + Good("One") + Row(std::string_view("O\0dd", 4), "x")).size() <=
              1U);
  EXPECT_THAT(error_, HasSubstr("O\\x00dd"));
}

INSTANTIATE_TEST_SUITE_P(Layouts, LayoutFaultsTest, ::testing::ValuesIn(Samples()),
                         [](const auto& param) {
                           std::string name = param.param.layout;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// The two of JSON follow below.
TEST(LayoutSamplesTest, NoLayoutIsForgotten) {
  std::vector<std::string> names = {"squad", "mlqa"};
  for (const Sample& sample : Samples()) names.push_back(sample.layout);
  EXPECT_THAT(ExampleLayouts(), UnorderedElementsAreArray(names));
}

class JsonFaultsTest : public ::testing::TestWithParam<const char*> {
 protected:
  Result<std::vector<QaQuestion>> Read(std::string_view content, const ReadRules& rules = {}) {
    const auto path = folder_ / "dev-context-en-question-en.json";
    EXPECT_TRUE(PutFile(path, content));
    return ReadAllExamples<QaQuestion>(
        std::vector<LayoutFile>{{.path = path, .layout = GetParam(), .language = "en"}}, rules);
  }
  /// As published: one question, whose answer begins at `start`.
  static std::string File(int start, std::string_view more = "", std::string_view id = "1") {
    return fmt::format(
        "{{\"version\": \"1\",\n \"data\": [{{\"title\": \"T\", \"paragraphs\": [\n"
        "{{\"context\": \"The \\\"old\\\" well is dry.\",{}\n"
        "\"qas\": [{{\"id\": \"{}\", \"question\": \"Is the \\\"well\\\" dry?\",\n"
        "\"answers\": [{{\"text\": \"well\", \"answer_start\": {}}}]}}]}}]}}]}}\n",
        more, id, start);
  }
  TempFolder folder_;
};

TEST_P(JsonFaultsTest, ByteOrderMarkCarriageReturnsAndQuotes) {
  std::string content = "\xEF\xBB\xBF";
  for (const char c : File(10)) content += c == '\n' ? std::string("\r\n") : std::string(1, c);
  const auto questions = Read(content);
  ASSERT_TRUE(questions) << questions.error().message;
  ASSERT_EQ(questions->size(), 1U);
  EXPECT_EQ(questions->front().question, "Is the \"well\" dry?");
  EXPECT_EQ(questions->front().context, "The \"old\" well is dry.");
  EXPECT_EQ(questions->front().answers.at(0).start, 10);
}

TEST_P(JsonFaultsTest, AnAnswerElsewhereIsNamedWithItsLineAndItsText) {
  const auto questions = Read(File(11));
  ASSERT_FALSE(questions);
  EXPECT_THAT(questions.error().message,
              AllOf(HasSubstr("question-en.json:5:"), HasSubstr("`answer_start` 11"),
                    HasSubstr("(`ell `), expected `well`, which begins at 10")));
  const auto skipped = Read(File(11), {.skip = true});
  ASSERT_TRUE(skipped) << skipped.error().message;
  EXPECT_EQ(skipped->front().answers.at(0).start, std::nullopt);
}

TEST_P(JsonFaultsTest, MissingFieldsAreNamedAndMoreAreNoFault) {
  EXPECT_TRUE(Read(File(10, " \"more\": [{\"id\": 1}],")));
  std::string content = File(10);
  content.replace(content.find("\"question\""), 10, "\"query\"");
  const auto questions = Read(content);
  ASSERT_FALSE(questions);
  EXPECT_THAT(questions.error().message,
              AllOf(HasSubstr("question-en.json:4:"), HasSubstr("no `question`")));
}

INSTANTIATE_TEST_SUITE_P(Layouts, JsonFaultsTest, ::testing::Values("squad", "mlqa"));

}  // namespace
}  // namespace repro
