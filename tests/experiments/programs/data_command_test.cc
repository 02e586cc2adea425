// `repro data` on data sets; the synthetic world's half is tested beside that world.

#include "experiments/programs/data_command.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "core/io/file.h"
#include "core/io/json_io.h"
#include "tests/core/cli/command_runner.h"
#include "tests/core/http_server.h"
#include "tests/core/temp_folder.h"

namespace repro {
namespace {

namespace fs = std::filesystem;
using testing::CommandOutcome;
using ::testing::HasSubstr;
using testing::HttpRequest;
using testing::HttpServer;
using ::testing::Not;

class DataSetCommandTest : public ::testing::Test {
 protected:
  DataSetCommandTest() {
    suite_.manifest_dir = folder_ / "manifests";
    Manifest("open", "text", "pretraining",
             "[[file]]\npath = \"en.txt\"\nurl = \"" + server_.Url("/en.txt?token=secret") +
                 "\"\nbytes = 5\n"
                 "[[part]]\nname = \"text\"\nlayout = \"text\"\nfiles = [\"**/{language}.txt\"]\n"
                 "languages = [\"en\"]\n");
    Manifest("closed", "ner", "evaluation",
             "how_to_get = \"Sign the agreement.\"\n"
             "[[part]]\nname = \"test\"\nlayout = \"conll\"\nfiles = [\"**/eng.testb\"]\n"
             "language = \"en\"\nexamples = 3453\n");
    EXPECT_TRUE(PutFile(folder_ / "manifests/datasets/both.toml",
                        "schema = 1\ntitle = \"Both\"\nkind = \"mixture\"\nuse = \"pretraining\"\n"
                        "[[take]]\nset = \"open\"\nparts = [\"text\"]\n"));
  }
  void Manifest(const std::string& id, const std::string& kind, const std::string& use,
                const std::string& rest) {
    EXPECT_TRUE(PutFile(folder_ / ("manifests/datasets/" + id + ".toml"),
                        "schema = 1\ntitle = \"The " + id + " set\"\nkind = \"" + kind +
                            "\"\nuse = \"" + use + "\"\nlicence = \"Terms of " + id +
                            "\"\nhomepage = \"https://example.org/\"\n" + rest));
  }
  CommandOutcome Run(std::vector<std::string> arguments, bool json = false) {
    return testing::RunCommand(&MakeDataCommand, folder_ / "workspace", std::move(arguments), json,
                               suite_);
  }
  fs::path Fetched() const { return folder_ / "workspace/data/open/en.txt"; }

  TempFolder folder_;
  HttpServer server_{[](const HttpRequest&) { return HttpServer::Respond(200, "", "text\n"); }};
  Suite suite_;
};

TEST_F(DataSetCommandTest, ListSaysWhatIsAtHand) {
  CommandOutcome outcome = Run({"list"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("closed  ner      evaluation   nothing"));
  EXPECT_THAT(outcome.out, HasSubstr("both    mixture  pretraining  -"));
  ASSERT_EQ(Run({"fetch", "open", "--yes"}).code, 0);
  outcome = Run({"list", "--use", "pretraining", "--kind", "text"}, true);
  const Json sets = outcome.json().at("sets");
  ASSERT_EQ(sets.size(), 1U);
  EXPECT_EQ(sets[0].at("id"), "open");
  EXPECT_EQ(sets[0].at("at_hand"), "whole");
  EXPECT_EQ(sets[0].at("bytes"), 5);
  EXPECT_EQ(sets[0].at("languages"), Json::array({"en"}));
}

TEST_F(DataSetCommandTest, ShowBeginsWithTheLicence) {
  const CommandOutcome outcome = Run({"show", "closed"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_TRUE(outcome.out.starts_with("The closed set\nlicence     Terms of closed\n"))
      << outcome.out;
  EXPECT_THAT(outcome.out, HasSubstr("to get it   Sign the agreement."));
  EXPECT_THAT(outcome.out, HasSubstr("3,453"));
  const Json json = Run({"show", "open"}, true).json();
  EXPECT_EQ(json.at("parts")[0].at("at_hand"), "nothing");
  EXPECT_EQ(json.at("parts")[0].at("missing"), Json::array({"**/{language}.txt"}));
  EXPECT_EQ(json.at("files")[0].at("bytes"), 5);
  EXPECT_EQ(Run({"show", "both"}, true).json().at("takes")[0].at("set"), "open");
}

TEST_F(DataSetCommandTest, AnUnknownSetNamesTheNearest) {
  const CommandOutcome outcome = Run({"show", "closd"});
  EXPECT_EQ(outcome.error.code, ErrorCode::kNotFound);
  EXPECT_THAT(outcome.out, HasSubstr("did you mean `closed`?"));
}

TEST_F(DataSetCommandTest, FlagsOfTheSyntheticWorldAreNotForSets) {
  const CommandOutcome outcome = Run({"show", "open", "--seed", "3"});
  EXPECT_EQ(outcome.error.code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(outcome.error.message, "--seed belongs to `repro data show babel`");
}

TEST_F(DataSetCommandTest, NothingIsFetchedUnlessSomebodyAgrees) {
  const CommandOutcome outcome = Run({"fetch", "open"});
  EXPECT_EQ(outcome.error.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(outcome.out, HasSubstr("The open set\n  Licence: Terms of open\n"));
  EXPECT_THAT(outcome.out, HasSubstr("nobody is here to accept these terms"));
  EXPECT_TRUE(server_.requests().empty());
  EXPECT_FALSE(fs::exists(Fetched()));
}

TEST_F(DataSetCommandTest, FetchBringsWhatWasAskedForAndNoMore) {
  const CommandOutcome outcome = Run({"fetch", "open", "--yes"});
  ASSERT_EQ(outcome.code, 0) << outcome.out;
  EXPECT_EQ(ReadFile(Fetched()).value(), "text\n");
  EXPECT_THAT(outcome.out,
              HasSubstr("open: 1 file fetched (5 B), 0 there already; at hand: whole"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("secret")));
  EXPECT_EQ(server_.requests().size(), 1U);
  const CommandOutcome again = Run({"fetch", "open"}, true);
  ASSERT_EQ(again.code, 0) << "where nothing is to be fetched, nobody has to agree";
  EXPECT_EQ(again.json().at("sets")[0].at("there"), 1);
  EXPECT_EQ(server_.requests().size(), 1U);
}

TEST_F(DataSetCommandTest, OfAMixtureItsSetsAreFetchedEachOnce) {
  EXPECT_THAT(Run({"check", "both"}).out,
              HasSubstr("both: 0 of the 1 set that it takes are at hand"));
  const CommandOutcome fetched = Run({"fetch", "both", "open", "--yes"});
  ASSERT_EQ(fetched.code, 0) << fetched.error.message;
  EXPECT_THAT(fetched.out, HasSubstr("Terms of open"));
  EXPECT_EQ(server_.requests().size(), 1U);
  EXPECT_THAT(Run({"check", "--all"}).out,
              HasSubstr("both: 1 of the 1 set that it takes is at hand"));
}

TEST_F(DataSetCommandTest, ASetThatMustBeLicensedIsAskedForByPath) {
  const CommandOutcome asked = Run({"fetch", "closed", "--yes"});
  EXPECT_EQ(asked.error.code, ErrorCode::kNotFound);
  EXPECT_THAT(asked.out, HasSubstr("Sign the agreement."));
  EXPECT_THAT(asked.out, HasSubstr("test (conll): **/eng.testb"));
  ASSERT_TRUE(PutFile(folder_ / "mine/ner/eng.testb", "x O\n"));
  const std::string mine = (folder_ / "mine").string();
  const CommandOutcome copied = Run({"fetch", "closed", "--yes", "--mirror", mine});
  ASSERT_EQ(copied.code, 0) << copied.out;
  EXPECT_EQ(ReadFile(folder_ / "workspace/data/closed/ner/eng.testb").value(), "x O\n");
}

TEST_F(DataSetCommandTest, CheckFindsWhatIsWrong) {
  EXPECT_EQ(Run({"check", "--all"}).code, 0) << "sets of which nothing is there are no problem";
  const CommandOutcome missing = Run({"check", "open"});
  EXPECT_EQ(missing.code, 1);
  EXPECT_THAT(missing.out, HasSubstr("problem open: nothing"));
  EXPECT_THAT(missing.out, HasSubstr("part `text`, **/{language}.txt: no such file"));
  ASSERT_EQ(Run({"fetch", "open", "--yes"}).code, 0);
  EXPECT_EQ(Run({"check", "open", "both"}).code, 0);
  ASSERT_TRUE(WriteFileAtomic(Fetched(), "other text\n"));
  const CommandOutcome changed = Run({"check", "--all"}, true);
  EXPECT_EQ(changed.code, 1);
  const Json found = changed.json();
  EXPECT_FALSE(found.at("ok").get<bool>());
  Json problems = Json::array();
  for (const Json& set : found.at("sets")) {
    if (set.at("id") == "open") problems = set.at("problems");
  }
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].at("what"), "has 11 bytes, expected 5");
}

TEST_F(DataSetCommandTest, CheckKnowsWhatWasFetched) {
  ASSERT_TRUE(PutFile(folder_ / "mine/eng.testb", "x O\n"));
  const std::string mine = (folder_ / "mine").string();
  ASSERT_EQ(Run({"fetch", "closed", "--yes", "--mirror", mine}).code, 0);
  const CommandOutcome same = Run({"check", "closed"});
  EXPECT_EQ(same.code, 0);
  EXPECT_THAT(same.out, HasSubstr("1 file with 4 B read: 1 unchanged since fetched\n"))
      << "nobody published its SHA-256";
  const Json json = Run({"check", "closed"}, true).json().at("sets")[0];
  EXPECT_EQ(json.at("as_published"), 0);
  EXPECT_EQ(json.at("as_listed"), 0);
  EXPECT_EQ(json.at("unchanged"), 1);
  ASSERT_TRUE(WriteFileAtomic(folder_ / "workspace/data/closed/eng.testb", "y O\n"));
  const CommandOutcome changed = Run({"check", "closed"});
  EXPECT_EQ(changed.code, 1) << "the same size, and its publisher gives no SHA-256";
  EXPECT_THAT(changed.out, HasSubstr("eng.testb: SHA-256 is "));
}

TEST_F(DataSetCommandTest, WhatCheckFindsDamagedFetchMends) {
  ASSERT_EQ(Run({"fetch", "open", "--yes"}).code, 0);
  ASSERT_TRUE(WriteFileAtomic(Fetched(), "TEXT\n"));
  const CommandOutcome checked = Run({"check", "open"});
  EXPECT_EQ(checked.code, 1);
  EXPECT_THAT(checked.out, HasSubstr("1 problem. `repro data fetch SET --verify` takes what is "
                                     "missing or damaged"));
  const CommandOutcome fetched = Run({"fetch", "open", "--yes", "--verify"});
  ASSERT_EQ(fetched.code, 0) << fetched.out;
  EXPECT_THAT(fetched.out, HasSubstr("  there, but not as expected, and taken again: en.txt\n"));
  EXPECT_EQ(ReadFile(Fetched()).value(), "text\n");
  EXPECT_EQ(Run({"check", "open"}).code, 0);
}

TEST_F(DataSetCommandTest, FetchNamesWhatAMirrorLacksAndWhatStandsIn) {
  Manifest("halves", "ner", "evaluation",
           "[[file]]\npath = \"notes.txt\"\n"
           "[[part]]\nname = \"dev\"\nlayout = \"conll\"\nfiles = [\"dev.txt\"]\n"
           "[[part]]\nname = \"test\"\nlayout = \"conll\"\nfiles = [\"test.txt\"]\n"
           "stand_in = [\"half-{language}.txt\"]\nstand_in_note = \"half of it\"\n");
  for (const char* const code : {"de", "en", "fr", "sw"}) {
    ASSERT_TRUE(PutFile(folder_ / ("mine/half-" + std::string(code) + ".txt"), "x O\n"));
  }
  const std::string mine = (folder_ / "mine").string();
  const CommandOutcome outcome = Run({"fetch", "halves", "--yes", "--mirror", mine});
  EXPECT_EQ(outcome.code, 0) << "what there is came";
  EXPECT_THAT(outcome.out,
              HasSubstr("4 files fetched (16 B), 0 there already; at hand: part\n"
                        "  part `dev` lacks dev.txt; not in the mirror\n"
                        "  part `test` is a stand-in (half-de.txt, half-en.txt, half-fr.txt and 1 "
                        "more): half of it\n"
                        "  lacks notes.txt; not in the mirror\n"));
  const Json set = Run({"fetch", "halves", "--yes", "--mirror", mine}, true).json().at("sets")[0];
  EXPECT_EQ(set.at("there"), 4);
  EXPECT_EQ(set.at("parts")[0].at("missing"), Json::array({"dev.txt"}));
  EXPECT_EQ(set.at("parts")[1].at("stand_in_note"), "half of it");
  EXPECT_EQ(set.at("missing_files"), Json::array({"notes.txt"}));
}

TEST_F(DataSetCommandTest, CheckKeepsAsPublishedAsListedAndUnchangedApart) {
  Manifest("sure", "text", "pretraining",
           "[[file]]\npath = \"sw.txt\"\nsha256 = \"" + Sha256Hex("maji\n") +
               "\"\n[[part]]\nname = \"text\"\nlayout = \"text\"\nfiles = "
               "[\"sw.txt\", \"fr.txt\"]\n");
  ASSERT_TRUE(PutFile(folder_ / "mine/sw.txt", "maji\n"));
  ASSERT_TRUE(PutFile(folder_ / "mine/fr.txt", "eau\n"));
  const std::string mine = (folder_ / "mine").string();
  ASSERT_EQ(Run({"fetch", "sure", "--yes", "--mirror", mine}).code, 0);
  EXPECT_THAT(Run({"check", "sure"}).out,
              HasSubstr("2 files with 9 B read: 1 as published, 1 unchanged since fetched\n"));
  ASSERT_TRUE(PutFile(folder_ / "mine/MANIFEST.tsv",
                      "path\tbytes\tsha256\nfr.txt\t4\t" + Sha256Hex("eau\n") + "\n"));
  EXPECT_THAT(Run({"check", "sure", "--mirror", mine}).out,
              HasSubstr("2 files with 9 B read: 1 as published, 1 as MANIFEST.tsv says\n"));
}

TEST_F(DataSetCommandTest, AFileThatTheManifestNamesAndNobodyHasIsAProblem) {
  Manifest("more", "text", "pretraining",
           "[[file]]\npath = \"sw.txt\"\n[[file]]\npath = \"notes.txt\"\n[[part]]\nname = "
           "\"text\"\nlayout = \"text\"\nfiles = [\"sw.txt\"]\n");
  ASSERT_TRUE(PutFile(folder_ / "workspace/data/more/sw.txt", "maji\n"));
  ASSERT_TRUE(PutFile(folder_ / "workspace/data/more/notes.txt.part", "half"));
  const CommandOutcome outcome = Run({"check", "more"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("problem more: part\n"));
  EXPECT_THAT(outcome.out,
              HasSubstr("        notes.txt: no such file, but 4 bytes of it in notes.txt.part\n"));
}

TEST_F(DataSetCommandTest, AMixtureIsHeldAgainstWhatItTakes) {
  ASSERT_TRUE(PutFile(folder_ / "mix.toml",
                      "schema = 1\ntitle = \"Mix\"\nkind = \"mixture\"\nuse = \"pretraining\"\n"
                      "[[take]]\nset = \"open\"\nparts = [\"txt\"]\n[[take]]\nset = \"opne\"\n"));
  const CommandOutcome outcome = Run({"check", (folder_ / "mix.toml").string()});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("part `txt`, open: open has no such part"));
  EXPECT_THAT(outcome.out, HasSubstr("did you mean `open`?"));
}

TEST_F(DataSetCommandTest, AMirrorThatIsNotThereIsAnError) {
  EXPECT_THAT(Run({"list", "--mirror", "/no/such"}).out,
              HasSubstr("--mirror /no/such: no such folder"));
  EXPECT_EQ(Run({"check", "open", "--all"}).error.code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace repro
