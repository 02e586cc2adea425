#include "experiments/corpus/source/plain_reader.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/core/packed_text.h"
#include "tests/core/temp_folder.h"

namespace repro {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Packed;

class PlainReaderTest : public ::testing::Test {
 protected:
  /// Texts of the documents; what was wrong is in `notes_` and `error_`.
  std::vector<std::string> Read(const PlainLayout& layout, std::string_view bytes) {
    EXPECT_TRUE(PutFile(folder_ / "f", bytes));
    notes_ = ReadNotes(/*strict=*/false, "f");
    documents_.clear();
    std::vector<std::string> texts;
    auto reader = PlainReader::Open(folder_ / "f", layout, notes_);
    if (!reader) {
      error_ = reader.error().message;
      return texts;
    }
    for (;;) {
      TextDocument document;
      const auto more = (*reader)->Next(document);
      EXPECT_TRUE(more) << more.error().message;
      if (!more || !*more) return texts;
      texts.push_back(document.text);
      documents_.push_back(std::move(document));
    }
  }
  std::vector<std::string> Notes() const {
    std::vector<std::string> notes;
    for (const auto& [name, reason] : notes_.reasons()) {
      notes.push_back(fmt::format("{} {}", name, reason.count));
    }
    return notes;
  }

  static PlainLayout Of(PlainLayout::Kind kind) {
    PlainLayout layout;
    layout.kind = kind;
    return layout;
  }
  const PlainLayout text_ = Of(PlainLayout::Kind::kText);
  const PlainLayout jsonl_ = Of(PlainLayout::Kind::kJsonl);
  const PlainLayout tsv_ = Of(PlainLayout::Kind::kTsv);
  TempFolder folder_;
  ReadNotes notes_;
  std::vector<TextDocument> documents_;
  std::string error_;
};

TEST_F(PlainReaderTest, ABlankLineEndsADocument) {
  EXPECT_THAT(Read(text_, "\n \none\ntwo\n\t\n\nthree"), ElementsAre("one\ntwo", "three"));
  EXPECT_EQ(documents_[0].offset, 3U);
  EXPECT_EQ(documents_[1].offset, 14U);
  EXPECT_EQ(documents_[1].id, "f#14");
  EXPECT_THAT(Read(text_, ""), IsEmpty());
  EXPECT_THAT(Notes(), IsEmpty());
}

TEST_F(PlainReaderTest, LongDocumentsAreCutBeforeALine) {
  const std::string line(PlainReader::kLongestDocument / 2 - 1, 'x');
  std::vector<std::size_t> sizes;
  for (const std::string& text : Read(text_, line + "\n" + line + "\n" + line + "\n\nend\n")) {
    sizes.push_back(text.size());
  }
  EXPECT_THAT(sizes, ElementsAre(2 * line.size() + 1, line.size(), 3U));
}

TEST_F(PlainReaderTest, ByteOrderMarkAndCarriageReturnsAreNoText) {
  EXPECT_THAT(Read(text_, "\xEF\xBB\xBFone\r\ntwo\r\n\r\nthree\r\n"),
              ElementsAre("one\ntwo", "three"));
  EXPECT_THAT(Read(jsonl_, "\xEF\xBB\xBF{\"text\": \"one\"}\r\n{\"text\": \"two\"}\r\n"),
              ElementsAre("one", "two"));
  PlainLayout named = tsv_;
  EXPECT_THAT(Read(named, "\xEF\xBB\xBFtext\tid\r\none\t1\r\n"), ElementsAre("one"));
  named.field = "id";
  EXPECT_THAT(Read(named, "text\tid\r\none\t1\r\n"), ElementsAre("1"));
  EXPECT_THAT(Notes(), IsEmpty());
}

TEST_F(PlainReaderTest, ObjectsGiveTheFieldThatIsNamedAndNothingElse) {
  PlainLayout layout = jsonl_;
  layout.field = "content";
  layout.id_field = "id";
  layout.content = "verse";
  EXPECT_THAT(
      Read(
          layout,
          R"({"meta": {"content": "no", "id": "x"}, "content": "a\nb\u00e9\n", "id": "7", "n": [1, "content"]})"
          "\n\n"
          R"({"content": "old", "id": "8", "content": "new"})"
          "\n"),
      ElementsAre("a\nb\xC3\xA9", "new"));
  EXPECT_EQ(documents_[0].content, "verse 7");
  EXPECT_EQ(documents_[1].content, "verse 8");
  EXPECT_THAT(Notes(), IsEmpty());
}

TEST_F(PlainReaderTest, LinesThatAreNoObjectWithTheFieldArePassedOver) {
  EXPECT_THAT(Read(jsonl_,
                   "{\"text\": \"one\"}\n"
                   "[\"text\"]\n\"text\"\n7\n{\"text\": 7}\n{\"text\": null}\n"
                   "{\"text\": [\"a\"]}\n{\"text\": {\"text\": \"a\"}}\n{\"other\": \"a\"}\n"
                   "{\"text\": \"a\"\n{\"text\": \"a\"} x\n{\"text\": \"\\ud800\"}\nhtml\n"
                   "{\"text\": \"a\", \"text\": 1}\n"
                   "{\"text\": \"two\"}\n"),
              ElementsAre("one", "two"));
  EXPECT_THAT(Notes(), ElementsAre("json 13"));
  EXPECT_EQ(notes_.reasons().at("json").examples[0],
            "f: byte 16: no object with the string `text`: `[\"text\"]`");
  EXPECT_THAT(Read(jsonl_, "{\"text\": \"a\\u0000b\"}\n"), IsEmpty());
  EXPECT_THAT(Notes(), ElementsAre("nul 1"));
}

TEST_F(PlainReaderTest, ColumnsGoByNameOrNumber) {
  PlainLayout layout = tsv_;
  layout.id_field = "id";
  layout.content = "line";
  EXPECT_THAT(Read(layout, "id\ttext\n1\tone \"quoted\n2\n3\ttwo\tmore\n"),
              ElementsAre("one \"quoted", "two"));
  EXPECT_THAT(Notes(), ElementsAre("column 1"));
  EXPECT_EQ(notes_.reasons().at("column").examples[0], "f: byte 22: no column 2 in `2`");
  EXPECT_EQ(documents_[1].content, "line 3");
  layout.field = "2";
  layout.id_field = "1";
  EXPECT_THAT(Read(layout, "1\tone\n"), ElementsAre("one"));
}

// One file without its line of names must not cost a corpus of thousands.
TEST_F(PlainReaderTest, AFileWithoutTheColumnIsPassedOverAndSaysWhatItHas) {
  EXPECT_THAT(Read(tsv_, "id\tsentence\n1\tone\n"), IsEmpty());
  EXPECT_THAT(Notes(), ElementsAre("header 1"));
  EXPECT_THAT(notes_.reasons().at("header").examples[0],
              HasSubstr("f: byte 0: no column `text` among `id sentence`"));
  EXPECT_THAT(Read(tsv_, ""), IsEmpty());
  EXPECT_THAT(notes_.reasons().at("header").examples[0], HasSubstr("no line"));
  ReadNotes strict(/*strict=*/true, "f");
  EXPECT_FALSE(PlainReader::Open(folder_ / "f", tsv_, strict));
}

TEST_F(PlainReaderTest, HeadingsOfMarkdownNameTheContentAndCommentsGo) {
  PlainLayout layout = Of(PlainLayout::Kind::kMarkdown);
  layout.content = "book";
  EXPECT_THAT(Read(layout,
                   "<!--\nA notice.\n\n# not a heading\n-->\nBefore.\n# 1\n\nOne.\nIts line.\n\n"
                   "Of one, too.\n## 2 \nTwo.\n<!-- gone -->\n# 3\n"),
              ElementsAre("Before.", "One.\nIts line.", "Of one, too.", "Two."));
  const auto content = [&](std::size_t i) { return documents_.at(i).content; };
  EXPECT_EQ(content(0), "");
  EXPECT_EQ(content(1), "book 1");
  EXPECT_EQ(content(2), "book 1");
  EXPECT_EQ(content(3), "book 2");
  EXPECT_THAT(Notes(), IsEmpty());
}

TEST_F(PlainReaderTest, WhatOnlyLooksLikeMarkupIsText) {
  PlainLayout layout = Of(PlainLayout::Kind::kMarkdown);
  layout.content = "book";
  EXPECT_THAT(Read(layout,
                   "<!-- one --> <!-- two -->\tA line.\nNo <!-- comment -->.\n\n"
                   "<!--\n--># 7\n\n#1 in the charts.\n\n####### Seven.\n#\nNo number.\n"),
              ElementsAre("A line.\nNo <!-- comment -->.", "#1 in the charts.", "####### Seven.",
                          "No number."));
  EXPECT_EQ(documents_[0].offset, 26U);
  EXPECT_EQ(documents_[0].content, "");
  EXPECT_EQ(documents_[1].content, "book 7");
  EXPECT_EQ(documents_[2].content, "book 7");
  EXPECT_EQ(documents_[3].content, "");
  EXPECT_THAT(Notes(), IsEmpty());
}

TEST_F(PlainReaderTest, ACommentWithoutAnEndIsNoted) {
  const PlainLayout layout = Of(PlainLayout::Kind::kMarkdown);
  EXPECT_THAT(Read(layout, "One.\n<!-- a notice\nTwo.\n\nThree.\n"), ElementsAre("One."));
  EXPECT_THAT(Notes(), ElementsAre("open-comment 1"));
  EXPECT_EQ(notes_.reasons().at("open-comment").examples[0],
            "f: byte 5: the file ends before this comment does");
}

TEST_F(PlainReaderTest, Utf16IsCalledByItsName) {
  EXPECT_THAT(Read(text_, std::string("\xFF\xFEo\0n\0e\0\n\0", 10)), IsEmpty());
  EXPECT_THAT(Notes(), ElementsAre("utf-16 1"));
  EXPECT_THAT(Read(tsv_, std::string("\xFE\xFF\0t\0\n", 6)), IsEmpty());
  EXPECT_THAT(Notes(), ElementsAre("utf-16 1"));
}

TEST_F(PlainReaderTest, RecordsWithoutAWordAreNoDocuments) {
  PlainLayout layout = tsv_;
  EXPECT_THAT(Read(layout, "id\ttext\n1\t\n2\t \n3\tone\n"), ElementsAre("one"));
  EXPECT_THAT(Read(jsonl_, "{\"text\": \"\"}\n{\"text\": \" \\n\"}\n{\"text\": \"two\"}\n"),
              ElementsAre("two"));
  EXPECT_THAT(Notes(), IsEmpty());
}

// Even the line of names may be behind the damage: then there is nothing of the file, and it is no
// mistake of the one who named the column.
TEST_F(PlainReaderTest, AFileThatIsDamagedFromItsBeginningIsNoted) {
  const std::string packed = Packed(Packing::kGzip, "id\ttext\n1\tone\n");
  EXPECT_THAT(Read(tsv_, packed.substr(0, 14)), IsEmpty());
  EXPECT_EQ(error_, "");
  EXPECT_THAT(Notes(), ElementsAre("damaged 1"));
}

TEST_F(PlainReaderTest, ReadingGoesOnBehindADamagedMember) {
  const auto member = [](const std::string& text) { return Packed(Packing::kGzip, text); };
  const std::string half = member("two\n\n").substr(0, 15);
  EXPECT_THAT(Read(text_, member("one\n\n") + half + member("three\n\n")),
              ElementsAre("one", "three"));
  EXPECT_THAT(Notes(), ElementsAre("damaged 1"));
}

}  // namespace
}  // namespace repro
