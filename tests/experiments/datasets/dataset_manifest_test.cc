#include "experiments/datasets/dataset_manifest.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/temp_folder.h"

namespace repro {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kGood = R"(schema = 1
title = "Small"
kind = "text"
use = "pretraining"
licence = "CC0"

[[file]]
path = "a/small.zip"
url = "https://example.org/small.zip"
bytes = 12
sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
unpack = "zip"

[[part]]
name = "text"
layout = "tsv"
files = ["a/{language}.txt"]
aliases = ["deu=de"]
field = "2"
)";

class DatasetManifestTest : public ::testing::Test {
 protected:
  Result<DatasetManifest> Load(const std::string& text) {
    EXPECT_TRUE(PutFile(folder_ / "small.toml", text));
    return LoadDataset(folder_ / "small.toml");
  }
  /// What is said of a text; the file's name alone in place of its path.
  std::string Problems(const std::string& text) {
    const auto loaded = Load(text);
    if (loaded) return "(none)";
    std::string message = loaded.error().message;
    const std::string folder = folder_.path().string() + "/";
    for (std::size_t at; (at = message.find(folder)) != std::string::npos;) {
      message.erase(at, folder.size());
    }
    return message;
  }
  /// The good manifest with one line in place of another.
  static std::string With(const std::string& line, const std::string& instead) {
    std::string text = kGood;
    const std::size_t at = text.find(line + "\n");
    EXPECT_NE(at, std::string::npos) << line;
    return text.replace(at, line.size() + 1, instead);
  }

  TempFolder folder_;
};

TEST_F(DatasetManifestTest, IsReadWhole) {
  const auto manifest = Load(kGood);
  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(manifest->id, "small");
  EXPECT_EQ(manifest->title, "Small");
  ASSERT_EQ(manifest->files.size(), 1U);
  EXPECT_EQ(manifest->files[0].bytes, 12);
  EXPECT_EQ(manifest->files[0].unpack, "zip");
  ASSERT_NE(manifest->FindPart("text"), nullptr);
  EXPECT_EQ(manifest->FindPart("test"), nullptr);
  EXPECT_THAT(manifest->parts[0].files, ElementsAre("a/{language}.txt"));
  EXPECT_EQ(manifest->parts[0].encoding, "utf-8");
}

TEST_F(DatasetManifestTest, MistakesAreSaidWithTheirPlaces) {
  const struct {
    std::string line, instead, message;
  } kMistakes[] = {
      {"schema = 1", "", "small.toml:1:1: no `schema`, expected `schema = 1`"},
      {"title = \"Small\"", "", "small.toml:1:1: no `title`, expected it"},
      {"licence = \"CC0\"", "", "small.toml:1:1: no `licence`, expected it"},
      {"path = \"a/small.zip\"", "path = \"../small.zip\"\n",
       "small.toml:8:8: `file.path` = \"../small.zip\", expected a path below the data set's "
       "folder"},
      {"url = \"https://example.org/small.zip\"", "url = \"file:///etc/passwd\"\n",
       "small.toml:9:7: `file.url` = \"file:///etc/passwd\", expected https://..."},
      {"url = \"https://example.org/small.zip\"", "url = \"https://me:secret@example.org/\"\n",
       "small.toml:9:7: `file.url` with a name or password, expected none: manifests are shared"},
      {"bytes = 12", "bytes = 12\nfirst_bytes = 3\n",
       "small.toml:13:10: `file.unpack` with `first_bytes`, expected a whole archive"},
      {"unpack = \"zip\"", "[[file]]\npath = \"a/small.zip\"\n",
       "small.toml:13:8: `file.path` = \"a/small.zip\" twice, expected each path once"},
      {"files = [\"a/{language}.txt\"]", "files = [\"/etc/*\"]\n",
       "small.toml:17:9: `part.files` = \"/etc/*\", expected a path below the data set's folder"},
      {"files = [\"a/{language}.txt\"]", "",
       "small.toml:14:1: no `part.files`, expected paths, such as \"text/*.txt\""},
      {"files = [\"a/{language}.txt\"]", "files = [\"a\"]\nstand_in = [\"b\"]\n",
       "small.toml:18:12: one of `part.stand_in` and `part.stand_in_note`, expected both: the note "
       "says what is missing or different"},
      {"aliases = [\"deu=de\"]", "aliases = [\"deu\"]\n",
       "small.toml:18:11: `part.aliases` holds \"deu\", expected \"CODE IN PATHS=CODE OF "
       "LANGUAGES.TOML\""},
      {"field = \"2\"", "[[part]]\nname = \"text\"\nlayout = \"text\"\nfiles = [\"b\"]\n",
       "small.toml:20:8: `part.name` = \"text\" twice, expected each name once"},
      {"field = \"2\"", "same_as = \"txt\"\n",
       "small.toml:19:11: `part.same_as` = \"txt\", expected the name of another part, one without "
       "`same_as`"},
      {"field = \"2\"", "same_as = \"text\"\n",
       "small.toml:19:11: `part.same_as` = \"text\", expected the name of another part, one "
       "without `same_as`"},
  };
  for (const auto& mistake : kMistakes) {
    EXPECT_EQ(Problems(With(mistake.line, mistake.instead)), mistake.message);
  }
}

TEST_F(DatasetManifestTest, UnknownWordsNameTheNearest) {
  EXPECT_THAT(Problems(With("layout = \"tsv\"", "layout = \"tvs\"\n")),
              HasSubstr("small.toml:16:10: `part.layout`"));
  EXPECT_THAT(Problems(With("field = \"2\"", "feild = \"2\"\n")),
              HasSubstr("did you mean `field`?"));
  EXPECT_THAT(Problems(With("sha256 = \"0123456789abcdef0123456789abcdef0123456789abcdef0123456789"
                            "abcdef\"",
                            "sha256 = \"012\"\n")),
              HasSubstr("small.toml:11:10: `file.sha256` = \"012\", expected 64 hex digits"));
}

TEST_F(DatasetManifestTest, ASetHasPartsAndAMixtureTakes) {
  const std::string head =
      "schema = 1\ntitle = \"x\"\nuse = \"pretraining\"\nlicence = \"x\"\nkind = ";
  EXPECT_EQ(Problems(head + "\"text\"\n"),
            "small.toml:1:1: no [[part]], expected at least one, which says how files are read");
  EXPECT_EQ(Problems(head + "\"mixture\"\n"),
            "small.toml:5:8: `kind` = \"mixture\" with 0 [[take]], expected [[take]] in a mixture, "
            "and in nothing else");
  EXPECT_TRUE(Load(head + "\"mixture\"\n[[take]]\nset = \"bible\"\n"));
}

TEST_F(DatasetManifestTest, AllMistakesOfAllFilesComeAtOnce) {
  ASSERT_TRUE(PutFile(folder_ / "a.toml", "schema = 2\n"));
  ASSERT_TRUE(PutFile(folder_ / "b.toml", "schema = 1\n"));
  const auto loaded = LoadDatasets(folder_.path());
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(loaded.error().message, HasSubstr("a.toml:1:10: `schema`"));
  EXPECT_THAT(loaded.error().message, Not(HasSubstr("a.toml:1:1: no `schema`")))
      << "what is wrong is not missing, too";
  EXPECT_THAT(loaded.error().message, HasSubstr("b.toml:1:1: no `kind`"));
}

TEST_F(DatasetManifestTest, AllOfAFolderComeInTheOrderOfTheirIds) {
  for (const char* const id : {"mnli-slice", "mnli", "xnli", "bible"}) {
    ASSERT_TRUE(PutFile(folder_ / (std::string(id) + ".toml"), kGood));
  }
  const auto loaded = LoadDatasets(folder_.path());
  ASSERT_TRUE(loaded) << loaded.error().message;
  std::vector<std::string> ids;
  for (const DatasetManifest& manifest : *loaded) ids.push_back(manifest.id);
  EXPECT_THAT(ids, ElementsAre("bible", "mnli", "mnli-slice", "xnli"));
}

TEST_F(DatasetManifestTest, AMisspeltNameIsGuessed) {
  ASSERT_TRUE(PutFile(folder_ / "xnli.toml", kGood));
  EXPECT_TRUE(FindDataset(folder_.path(), "xnli"));
  EXPECT_TRUE(FindDataset("/nowhere", (folder_ / "xnli.toml").string()));
  const auto none = FindDataset(folder_.path(), "xlni");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(none.error().message, HasSubstr("did you mean `xnli`?"));
}

}  // namespace
}  // namespace repro
