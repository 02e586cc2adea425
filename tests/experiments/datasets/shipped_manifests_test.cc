// The manifests of manifests/datasets themselves, and what they find in a folder of real data
// (REPRO_SHARED).

#include <cstdlib>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/manifest/languages.h"
#include "experiments/datasets/dataset_state.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

const fs::path kManifests = fs::path(REPRO_TESTDATA) / ".." / ".." / "manifests";

const std::vector<DatasetManifest>& Shipped() {
  static const auto* kShipped =
      new Result<std::vector<DatasetManifest>>(LoadDatasets(kManifests / "datasets"));
  if (!*kShipped) ADD_FAILURE() << kShipped->error().message;
  static const std::vector<DatasetManifest> kNone;
  return *kShipped ? **kShipped : kNone;
}

TEST(ShippedManifestsTest, AllLoadAndSayWhatAPersonMustKnow) {
  EXPECT_GT(Shipped().size(), 40U);
  for (const DatasetManifest& manifest : Shipped()) {
    if (manifest.kind == "mixture") continue;
    SCOPED_TRACE(manifest.id);
    EXPECT_TRUE(manifest.homepage.starts_with("http")) << manifest.homepage;
    EXPECT_FALSE(manifest.citation.empty());
    bool fetched = false;
    for (const PublishedFile& file : manifest.files) fetched = fetched || !file.url.empty();
    EXPECT_TRUE(fetched || !manifest.how_to_get.empty()) << "how does a person get it?";
  }
}

TEST(ShippedManifestsTest, EveryLanguageThatTheyNameIsOneOfLanguagesToml) {
  const auto languages = LoadLanguages(kManifests / "languages.toml");
  ASSERT_TRUE(languages) << languages.error().message;
  for (const DatasetManifest& manifest : Shipped()) {
    for (const DatasetPart& part : manifest.parts) {
      std::vector<std::string> codes = part.languages;
      if (!part.language.empty()) codes.push_back(part.language);
      for (const std::string& alias : part.aliases)
        codes.push_back(alias.substr(alias.find('=') + 1));
      for (const std::string& code : codes) {
        EXPECT_TRUE(languages->languages.contains(code))
            << manifest.id << ", " << part.name << ": " << code;
      }
    }
  }
}

TEST(ShippedManifestsTest, ASetForPretrainingHasNoTestPart) {
  for (const DatasetManifest& manifest : Shipped()) {
    if (manifest.use != "pretraining") continue;
    for (const DatasetPart& part : manifest.parts) {
      EXPECT_EQ(part.name.find("test"), std::string::npos) << manifest.id << ", " << part.name;
      EXPECT_EQ(part.name.find("dev"), std::string::npos) << manifest.id << ", " << part.name;
    }
  }
}

class SharedDataTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* shared = std::getenv("REPRO_SHARED");
    data_ = fs::path(shared != nullptr ? shared : "../shared") / "data";
    if (!fs::exists(data_ / "MANIFEST.tsv")) {
      GTEST_SKIP() << data_ << " is not here (REPRO_SHARED names another folder)";
    }
    listing_ = ListFolder(fs::canonical(data_)).value();
    index_ = LoadMirrorIndex(data_).value();
  }

  fs::path data_;
  FolderListing listing_;
  MirrorIndex index_;
};

/// No data that anybody reads: notes, licences, lists; forms of records that are not read; what
/// other tests take as it is.
bool IsLeftOver(const std::string& name) {
  static const std::set<std::string> kNames = {
      "TEXT-BY-LANGUAGE.tsv",
      "crawl/whirlwind.warc.gz",      // the page itself, not its text
      "crawl/whirlwind.warc.wat.gz",  // its metadata
      "glue/MRPC/LICENSE.htm",        //
      "ner/conll2002/README",         //
      "ntrex/DOCUMENT_IDS.tsv.zst",   // which article a line is of
      "ntrex/LANGUAGES.tsv",          //
      "novels/de/AUTHORS.tsv",        //
      "novels/en/AUTHORS.tsv",        //
      "qa/mlqa/MLQA_V1/LICENSE",      //
      "quran/SOURCES.tsv",            //
      "flores-v1/wikipedia.dev.ne-en.doc_id.zst",
      "flores-v1/wikipedia.dev.si-en.doc_id.zst",
      "flores-v1/wikipedia.devtest.ne-en.doc_id.zst",
      "flores-v1/wikipedia.devtest.si-en.doc_id.zst",
  };
  return kNames.contains(name) || name.starts_with("models/kenlm/") ||
         name.starts_with("models/sentencepiece/");
}

TEST_F(SharedDataTest, EveryFileBelongsToASet) {
  ASSERT_GT(index_.size(), 1000U);
  std::set<std::string> covered;
  for (const DatasetManifest& manifest : Shipped()) {
    for (const DatasetPart& part : manifest.parts) {
      for (const DatasetFileAt& file : MatchFiles(manifest, part, listing_))
        covered.insert(file.name);
    }
  }
  for (const auto& [name, entry] : index_) {
    EXPECT_NE(covered.contains(name), IsLeftOver(name))
        << name << (IsLeftOver(name) ? " is left over no longer" : " belongs to no part");
  }
}

TEST_F(SharedDataTest, AFileIsOfOneSetUnlessTheyAreTheSameText) {
  std::map<std::string, std::string> owner;
  for (const DatasetManifest& manifest : Shipped()) {
    for (const DatasetPart& part : manifest.parts) {
      for (const DatasetFileAt& file : MatchFiles(manifest, part, listing_)) {
        const auto [at, first] = owner.emplace(file.name, manifest.id);
        EXPECT_TRUE(first || at->second == manifest.id)
            << file.name << " is of " << at->second << " and of " << manifest.id;
      }
    }
  }
}

TEST_F(SharedDataTest, WhatIsThereIsWhatWasPublished) {
  // What this copy does not have, as its README says, counted in paths.
  const std::map<std::string, int> kMissing = {
      {"cmrc2018", 1},      // train
      {"conll2002", 1},     // Dutch test
      {"glue-mnli", 1},     // dev-mismatched
      {"glue-mrpc", 1},     // the corpus' test file, which no part reads
      {"glue-qnli", 1},     // test
      {"glue-qqp", 2},      // dev, test
      {"glue-sst2", 1},     // test
      {"glue-stsb", 1},     // test
      {"mlqa", 4},          // vi and zh of dev, twice; test, twice
      {"panx", 1},          // test
      {"snli", 1},          // test
      {"tydiqa-goldp", 1},  // dev
      {"wikineural", 3},    // train; pl and pt of dev and test
      {"xquad", 1},         // el, th
  };
  std::int64_t as_listed = 0;
  for (const DatasetManifest& manifest : Shipped()) {
    const DatasetState state = LookAt(manifest, listing_);
    if (state.at_hand == AtHand::kNothing) continue;
    const auto check = CheckDataset(manifest, state, index_);
    ASSERT_TRUE(check) << manifest.id << ": " << check.error().message;
    std::string problems;
    for (const DatasetProblem& problem : check->problems) {
      problems += "\n  " + problem.part + ", " + problem.path + ": " + problem.what;
      EXPECT_EQ(problem.what, "no such file") << manifest.id << ": " << problem.path;
    }
    const auto missing = kMissing.find(manifest.id);
    EXPECT_EQ(check->problems.size(),
              static_cast<std::size_t>(missing == kMissing.end() ? 0 : missing->second))
        << manifest.id << ":" << problems;
    as_listed += check->as_published + check->as_indexed;
  }
  EXPECT_GT(as_listed, 1000);
}

TEST_F(SharedDataTest, CopiesOfPublishedFilesAreThePublishersByTheirChecksums) {
  // Packed on top by whoever copied them; the manifests' SHA-256 come from elsewhere.
  int same = 0;
  for (const DatasetManifest& manifest : Shipped()) {
    const DatasetState state = LookAt(manifest, listing_);
    const auto check = CheckDataset(manifest, state, /*index=*/{});
    ASSERT_TRUE(check) << check.error().message;
    same += static_cast<int>(check->as_published);
  }
  EXPECT_GE(same, 10 + 5 + 1 + 1) << "XQuAD, CoNLL-2002, CMRC 2018, MRPC's list of pairs";
}

}  // namespace
}  // namespace repro
