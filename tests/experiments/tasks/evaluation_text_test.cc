// Which lines `evaluation_text` keeps out, and what it says of those that it cannot read.

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "experiments/corpus/clean/line_marks.h"
#include "experiments/corpus/clean/line_normalizer.h"
#include "experiments/tasks/evaluation_text/spec.h"
#include "experiments/tasks/evaluation_text/task.h"
#include "tests/core/packed_text.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/task_fixture.h"

namespace repro {
namespace {

using ::testing::HasSubstr;

class EvaluationTextTest : public ::testing::Test {
 protected:
  EvaluationTextSpec Spec(const std::string& layout, const std::string& bytes) {
    EvaluationTextSpec spec;
    if (!layout.empty()) {
      EXPECT_TRUE(PutFile(folder_ / "quiz/en.test", bytes));
      task_.task.info["folders"]["quiz"] = (folder_ / "quiz").string();
      spec.files.sets = {"quiz"};
      spec.files.parts = {"test"};
      spec.files.names = {"en.test"};
      spec.files.sha256 = {Sha256File(folder_ / "quiz/en.test").value()};
      spec.files.languages = {"en"};
      spec.files.layouts = {layout};
      spec.files.fields = spec.files.id_fields = spec.files.contents = {""};
      spec.files.encodings = {"utf-8"};
      spec.files.prefixes = {false};
    }
    return spec;
  }
  Status Run(const std::string& layout, const std::string& bytes) {
    return task_.Run(&RunEvaluationTextTask, Spec(layout, bytes));
  }
  bool KeepsOut(const std::string& line) const {
    const auto hashes = LoadHashes(task_.out() / "lines.hashes").value();
    return std::binary_search(hashes.begin(), hashes.end(), DedupHash(line));
  }
  std::string Warning() const {
    for (const Json& event : task_.Events("message")) {
      if (event.at("level") == "warning") return event.at("text");
    }
    return "";
  }

  TempFolder folder_;
  testing::TaskFixture task_{folder_ / "evaluation text"};
};

TEST_F(EvaluationTextTest, SentencesOfWordsAreKnownAsProseWritesThem) {
  std::string columns;
  for (const std::string sentence :
       {"In 2013 , a new team ( script ) took over .", "He said : \" It 's mine . \"",
        "`` Why ? '' she asked .", "Они пришли — домой ."}) {
    for (std::size_t begin = 0; begin < sentence.size();) {
      const std::size_t end = std::min(sentence.find(' ', begin), sentence.size());
      columns += sentence.substr(begin, end - begin) + " O\n";
      begin = end + 1;
    }
    columns += "\n";
  }
  const Status done = Run("conll", columns);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(KeepsOut("In 2013, a new team (script) took over."));
  EXPECT_TRUE(KeepsOut("in 1999, A NEW team (script) took over."));
  EXPECT_TRUE(KeepsOut("In 2013 , a new team ( script ) took over ."));
  EXPECT_TRUE(KeepsOut("He said: \"It's mine.\""));
  EXPECT_TRUE(KeepsOut("\"Why?\" she asked."));
  EXPECT_TRUE(KeepsOut("Они пришли — домой."));
  EXPECT_FALSE(KeepsOut("In 2013, another team (script) took over."));
  EXPECT_EQ(Warning(), "");
}

TEST_F(EvaluationTextTest, WhatCannotBeReadIsSaid) {
  const Status done = Run("conll", "One O\n\nTwo X-LOC\n\nThree O\n");
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(KeepsOut("Three"));
  EXPECT_FALSE(KeepsOut("Two"));
  EXPECT_THAT(Warning(), HasSubstr("quiz/en.test: 1 example left out for unknown-tag, which "
                                   "nobody keeps out of the text, e.g. "));
  EXPECT_EQ(LoadJson(task_.out() / "counts.json").value().at("passed_over"), 1);
}

TEST_F(EvaluationTextTest, OfADamagedFileNobodyKnowsHowMuchIsMissing) {
  std::string text;
  for (int i = 0; i < 5'000; ++i) text += fmt::format("Line {} of it\n", i * i);
  const std::string packed = testing::Packed(Packing::kGzip, text);
  const Status done = Run("text", packed.substr(0, packed.size() / 2));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(done.error().message, HasSubstr("quiz/en.test: byte "));
  EXPECT_THAT(done.error().message, HasSubstr("`repro data check quiz` says whether"));
}

TEST_F(EvaluationTextTest, AFileThatCannotBeReadIsNoWarning) {
  for (const auto& [layout, bytes, reason] : std::vector<std::array<std::string, 3>>{
           {"text", std::string("\xFF\xFEo\0n\0e\0\n\0", 10), "utf-16"},
           {"tsv", "id\tsentence\n1\tone\n", "header"},
           {"wikipedia", "<mediawiki>One.</mediawiki>\n", "no-page"},
           {"wikipedia", "<page><text>One.</text>\n", "cut-page"},
           {"wet", "One.\n", "not-a-record"},
           {"wet", "WARC/1.0\r\nContent-Length: 10\r\n\r\nOne.\n", "cut-record"}}) {
    SCOPED_TRACE(reason);
    const Status done = Run(layout, bytes);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::kCorrupt);
    EXPECT_THAT(done.error().message,
                HasSubstr("(" + reason + "): lines behind that cannot be kept out of the text"));
  }
}

TEST_F(EvaluationTextTest, WhatIsCountedLineByLineIsAWarning) {
  const Status done = Run("text", std::string("One.\nT\0o.\nThr\xFF.\nFour.\n", 22));
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(KeepsOut("Four."));
  EXPECT_EQ(LoadJson(task_.out() / "counts.json").value().at("passed_over"), 2);
}

TEST_F(EvaluationTextTest, ByLettersTheUsualFormIsKeptOutToo) {
  EvaluationTextSpec spec = Spec("text", "Don\u00B4t go!\n!!!\n\u2026\n");
  spec.letters = true;
  const Status done = task_.Run(&RunEvaluationTextTask, spec);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_TRUE(KeepsOut("don\u2019t GO!"));
  EXPECT_TRUE(KeepsOut("!!!"));
  EXPECT_FALSE(KeepsOut("\u2014"));
  const auto hashes = LoadHashes(task_.out() / "lines.hashes").value();
  EXPECT_TRUE(std::binary_search(hashes.begin(), hashes.end(), LettersHash("Don't go?").value()));
  EXPECT_EQ(LoadJson(task_.out() / "counts.json").value().at("lines"), 3);
}

// Keys of cleaned text hang on the usual form.
TEST_F(EvaluationTextTest, TheKeyNamesTheFormOfLettersAlone) {
  EvaluationTextSpec spec;
  EXPECT_EQ(ToJson(spec).size(), 1U);
  spec.letters = true;
  const Json json = ToJson(spec);
  EXPECT_EQ(json.at("letters_form"), kLettersForm);
  EXPECT_TRUE(FromJson<EvaluationTextSpec>(json).value().letters);
}

TEST_F(EvaluationTextTest, StopsWithinAFile) {
  std::string text;
  for (int i = 0; i < 1'000'000; ++i) text += fmt::format("{}\n\n", i);
  const Status done = task_.RunUntil(&RunEvaluationTextTask, Spec("text", text),
                                     [&] { return !task_.Events("progress").empty(); });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kInterrupted);
}

TEST_F(EvaluationTextTest, WithoutAnyTestSetThereIsAWarning) {
  ASSERT_TRUE(Run("", ""));
  EXPECT_THAT(Warning(), HasSubstr("no test set is at hand"));
}

}  // namespace
}  // namespace repro
