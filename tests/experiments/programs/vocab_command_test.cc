#include "experiments/programs/vocab_command.h"

#include <cstdlib>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiments/text/vocab_trainer.h"
#include "tests/core/cli/command_runner.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/export_workspace.h"
#include "tests/experiments/tiny_corpus.h"

namespace repro {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using testing::CommandOutcome;
using ::testing::HasSubstr;
using ::testing::Not;

// A workspace with two corpora, a vocabulary learnt from them, and what was made with it.
class VocabCommandTest : public ::testing::Test {
 protected:
  VocabCommandTest() : workspace_(root_ / "workspace") {
    for (const char* language : {"aa", "bb"}) {
      corpora_[language] = workspace_.AddTask(
          "corpus", std::string("corpus ") + language, Json::object(), {},
          [&](const fs::path& out) { testing::WriteTinyCorpus(out, language, 300, 1); });
    }
    vocab_ = workspace_.AddTask("vocab", "vocab aa+bb", Json::object(), corpora_,
                                [&](const fs::path& out) {
                                  REPRO_CHECK(PutFile(out / "sp.model", Learn(160)).has_value());
                                });
    const std::string encode =
        workspace_.AddWaitingTask("encode", "encode aa+bb", Json::object(), {{"vocab", vocab_}});
    pretrain_ = workspace_.AddWaitingTask("pretrain", "pretrain aa+bb", Json::object(),
                                          {{"tokens", encode}});
    run_ = workspace_.AddRun();
  }
  std::string Learn(std::int64_t size) const {
    const fs::path text = root_ / "learn.txt";
    REPRO_CHECK(PutFile(text, testing::TinyText("aa", 300) + testing::TinyText("bb", 300)));
    return TrainVocabulary({{"aa", text, 1}}, {.size = size, .sample_sentences = 500})
        .value()
        .model;
  }
  CommandOutcome Vocab(std::vector<std::string> arguments, bool json = false) const {
    return testing::RunCommand(&MakeVocabCommand, root_ / "workspace", std::move(arguments), json);
  }

  TempFolder root_;
  testing::ExportWorkspace workspace_;
  std::map<std::string, std::string> corpora_;
  std::string vocab_, pretrain_, run_;
};

TEST_F(VocabCommandTest, ShowMeasuresOnTheHeldOutTextOfTheCorpora) {
  const CommandOutcome shown = Vocab({"show", run_});
  ASSERT_EQ(shown.code, 0) << shown.out;
  EXPECT_THAT(shown.out,
              AllOf(HasSubstr("vocab aa+bb"), HasSubstr("160 rows: 155 pieces and 5 specials"),
                    HasSubstr("Latn"), HasSubstr("pieces a word"), HasSubstr("100.00 %"),
                    HasSubstr("Measured on the held-out text of vocab aa+bb")));
  const Json json = Vocab({"show", run_}, true).json();
  EXPECT_EQ(json.at("vocabulary").at("rows"), 160);

  // The measure by its definition.
  const auto tokenizer =
      Tokenizer::Load(workspace_.store().Folder("vocab", vocab_) / "sp.model").value();
  std::istringstream text(
      *ReadFile(workspace_.store().Folder("corpus", corpora_["bb"]) / "heldout.txt"));
  double words = 0, pieces = 0;
  for (std::string line; std::getline(text, line);) {
    std::istringstream split(line);
    for (std::string word; split >> word;) words += 1;
    pieces += static_cast<double>(tokenizer.Encode(line).size());
  }
  const Json& bb = json.at("languages").at("bb");
  EXPECT_EQ(bb.at("pieces"), pieces);
  EXPECT_EQ(bb.at("words"), words);
  EXPECT_DOUBLE_EQ(bb.at("pieces_per_word").get<double>(), pieces / words);
  EXPECT_EQ(bb.at("coverage"), 1);

  for (const std::string& task : {vocab_.substr(0, 8), pretrain_.substr(0, 8)}) {
    EXPECT_EQ(Vocab({"show", task}, true).json(), json) << task;
  }
}

TEST_F(VocabCommandTest, ShowTakesAModelFileAndTextOfAnyPacking) {
  const fs::path model = root_ / "own.model";
  ASSERT_TRUE(PutFile(model, Learn(120)));
  EXPECT_THAT(Vocab({"show", model.string()}).out,
              HasSubstr("No text to measure on: name some with --text LANG=FILE."));
  const fs::path text = root_ / "text";
  ASSERT_TRUE(PutFile(text, testing::TinyText("aa", 5)));
  const fs::path chinese = root_ / "zh";
  ASSERT_TRUE(PutFile(chinese, "我们今天去学校，我们今天去学校。\n"));
  const CommandOutcome shown = Vocab({"show", "--text", "aa=" + text.string(), "--text",
                                      "zh=" + chinese.string(), model.string()});
  ASSERT_EQ(shown.code, 0) << shown.out;
  EXPECT_THAT(shown.out, AllOf(HasSubstr("8*"), HasSubstr("words as ICU finds them"),
                               Not(HasSubstr("held-out"))));
  ASSERT_EQ(std::system(("gzip " + text.string()).c_str()), 0);
  const Json packed =
      Vocab({"show", model.string(), "--text", "aa=" + text.string() + ".gz"}, true).json();
  EXPECT_EQ(packed.at("languages").at("aa").at("sentences"), 5);
}

TEST_F(VocabCommandTest, CompareShowsDifferencesOnOneTextAndWhatIsShared) {
  const fs::path folder = root_ / "small";
  fs::create_directories(folder);
  ASSERT_TRUE(PutFile(folder / "sp.model", Learn(80)));
  const CommandOutcome compared = Vocab({"compare", run_, folder.string()});
  ASSERT_EQ(compared.code, 0) << compared.out;
  EXPECT_THAT(compared.out,
              AllOf(HasSubstr("B - A"), HasSubstr("that are in"), HasSubstr("characters a piece"),
                    HasSubstr("Measured on the held-out text of vocab aa+bb")));
  const Json json = Vocab({"compare", run_, folder.string()}, true).json();
  const Json& vocabs = json.at("vocabularies");
  ASSERT_EQ(vocabs.size(), 2U);
  EXPECT_EQ(vocabs[1].at("rows"), 80);
  // Fewer pieces cut words into more.
  EXPECT_GT(vocabs[1].at("languages").at("aa").at("pieces_per_word").get<double>(),
            vocabs[0].at("languages").at("aa").at("pieces_per_word").get<double>());
  const Json& overlap = json.at("overlap").at(0);
  EXPECT_GT(overlap.at("shared").get<int>(), 10);
  EXPECT_LE(overlap.at("shared").get<int>(), 75);
  const Json itself = Vocab({"compare", run_, run_}, true).json();
  EXPECT_EQ(itself.at("overlap").at(0).at("shared"), 155);
}

TEST_F(VocabCommandTest, TextWithoutASentenceIsAnError) {
  const fs::path text = root_ / "text";
  for (const char* content : {"", "\n\n", "  \n\t\r\n"}) {
    ASSERT_TRUE(PutFile(text, content));
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"show", run_}, {"compare", run_, run_}}) {
      std::vector<std::string> arguments = words;
      arguments.insert(arguments.end(), {"--text", "aa=" + text.string()});
      const CommandOutcome outcome = Vocab(arguments);
      EXPECT_NE(outcome.code, 0);
      EXPECT_THAT(outcome.out,
                  AllOf(HasSubstr("--text aa=" + text.string() + ": there is no text in it"),
                        HasSubstr("expected a sentence a line in UTF-8")));
    }
  }
}

TEST_F(VocabCommandTest, LinesThatAreNoTextAreLeftOutAndCounted) {
  const fs::path text = root_ / "text";
  const std::string latin = "caf\xe9 au lait\n";
  const std::string with_nul("a\0b\n", 4);
  ASSERT_TRUE(PutFile(text, testing::TinyText("aa", 5) + latin + with_nul));
  const std::vector<std::string> show = {"show", run_, "--text", "aa=" + text.string()};
  EXPECT_THAT(Vocab(show).out, HasSubstr("aa: 2 of 7 lines left out: no UTF-8, or with NUL bytes"));
  const Json json = Vocab(show, true).json().at("languages").at("aa");
  EXPECT_EQ(json.at("sentences"), 5);
  EXPECT_EQ(json.at("left_out_lines"), 2);
  ASSERT_TRUE(PutFile(text, latin + with_nul + latin));
  const CommandOutcome none = Vocab(show);
  EXPECT_NE(none.code, 0);
  EXPECT_THAT(none.out, HasSubstr("no line of it is text: 3 no UTF-8, or with NUL bytes"));
}

TEST_F(VocabCommandTest, HeldOutTextOfAnotherEncodingIsSaid) {
  const auto add_corpus = [&](const std::string& name, const std::string& heldout) {
    return workspace_.AddTask("corpus", "corpus " + name, Json::object(), {},
                              [&](const fs::path& out) {
                                testing::WriteTinyCorpus(out, "aa", 300, 1);
                                ASSERT_TRUE(PutFile(out / "heldout.txt", heldout));
                              });
  };
  const auto add_vocab = [&](const std::string& label,
                             const std::map<std::string, std::string>& corpora) {
    return workspace_
        .AddTask("vocab", label, Json::object(), corpora,
                 [&](const fs::path& out) { ASSERT_TRUE(PutFile(out / "sp.model", Learn(160))); })
        .substr(0, 8);
  };
  const std::string latin = add_corpus("latin", "caf\xe9 au lait\ncaf\xe9\n");
  const std::string some = add_vocab("vocab some", {{"bb", corpora_["bb"]}, {"fr", latin}});
  EXPECT_THAT(Vocab({"show", some}).out,
              AllOf(HasSubstr("fr: 2 of 2 lines left out: no UTF-8, or with NUL bytes"),
                    HasSubstr("Measured on the held-out text of vocab some"),
                    Not(HasSubstr("no held-out text"))));
  const Json json = Vocab({"show", some}, true).json();
  EXPECT_EQ(json.at("no_text"), Json({{"fr", 2}}));
  EXPECT_THAT(json.at("source").get<std::string>(), HasSubstr("vocab some"));
  EXPECT_FALSE(json.at("languages").contains("fr"));

  const std::string none =
      add_vocab("vocab none", {{"fr", latin}, {"sw", add_corpus("empty", "")}});
  const CommandOutcome compared = Vocab({"compare", none, none});
  ASSERT_EQ(compared.code, 0) << compared.out;
  EXPECT_THAT(compared.out, AllOf(HasSubstr("fr: 2 of 2 lines left out"),
                                  HasSubstr("sw: no held-out text\nNo text to measure on: name"),
                                  Not(HasSubstr("Measured on"))));
}

TEST_F(VocabCommandTest, GivenTextNeedsNoCorpus) {
  fs::remove_all(workspace_.store().Folder("corpus", corpora_["aa"]));
  const fs::path text = root_ / "text";
  ASSERT_TRUE(PutFile(text, testing::TinyText("aa", 5)));
  EXPECT_NE(Vocab({"show", run_}).code, 0);
  const CommandOutcome shown = Vocab({"show", run_, "--text", "aa=" + text.string()}, true);
  ASSERT_EQ(shown.code, 0) << shown.out;
  EXPECT_EQ(shown.json().at("languages").at("aa").at("sentences"), 5);
  EXPECT_EQ(shown.json().at("source"), nullptr);
}

// Letters that the vocabulary has not: each run of them is one unknown piece.
TEST_F(VocabCommandTest, RowsOfLowCoverageAreMarked) {
  const fs::path text = root_ / "text";
  ASSERT_TRUE(PutFile(text, "абвгд ежзик\n"));
  const std::vector<std::string> given = {"--text", "ru=" + text.string()};
  for (std::vector<std::string> words :
       {std::vector<std::string>{"show", run_}, {"compare", run_, run_}}) {
    words.insert(words.end(), given.begin(), given.end());
    EXPECT_THAT(Vocab(words).out, AllOf(HasSubstr("! coverage below 90 %"), HasSubstr("0!")));
  }
  const Json low = Vocab({"show", run_, given[0], given[1]}, true).json();
  EXPECT_EQ(low.at("languages").at("ru").at("low_coverage"), true);
  EXPECT_EQ(low.at("languages").at("ru").at("left_out_lines"), 0);
  EXPECT_THAT(Vocab({"show", run_}).out, Not(HasSubstr("coverage below")));
}

TEST_F(VocabCommandTest, SaysWhatItCannotUse) {
  EXPECT_THAT(Vocab({"show", "77"}).out, HasSubstr("no run 77 in "));
  EXPECT_THAT(Vocab({"show", "no/such.model"}).out,
              HasSubstr("no/such.model: no such file; expected a run number, a task's key"));
  EXPECT_THAT(Vocab({"show", corpora_["aa"].substr(0, 8)}).out,
              HasSubstr("'corpus aa': nothing says which vocabulary it was made with"));
  EXPECT_THAT(Vocab({"show", run_, "--text", "aa"}).out,
              HasSubstr("--text aa: expected a language and a file"));
  EXPECT_THAT(Vocab({"show", run_, "--text", "aa=x", "--text", "aa=y"}).out,
              HasSubstr("'aa' has a text already"));
  EXPECT_THAT(Vocab({"show", run_, "--text", "aa=/nowhere.txt"}).out, HasSubstr("/nowhere.txt"));
  const fs::path broken = root_ / "broken.model";
  ASSERT_TRUE(PutFile(broken, "not a model"));
  EXPECT_THAT(Vocab({"show", broken.string()}).out,
              HasSubstr("broken.model: not a SentencePiece model"));
}

}  // namespace
}  // namespace repro
