#include "experiments/corpus/source/wiki_dump_reader.h"

#include <map>
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
using testing::Packed;

const std::string kHead =
    "<mediawiki xmlns=\"http://www.mediawiki.org/xml/export-0.10/\" version=\"0.10\">\n"
    "<siteinfo><namespaces>\n"
    "<namespace key=\"0\" case=\"first-letter\" />\n"
    "<namespace key=\"6\" case=\"first-letter\">Файл</namespace>\n"
    "<namespace key=\"14\" case=\"first-letter\">Категория</namespace>\n"
    "</namespaces></siteinfo>\n";

std::string Page(const std::string& title, const std::string& text = "Some words.",
                 const std::string& name_space = "0", const std::string& more = "") {
  return "<page><title>" + title + "</title><ns>" + name_space + "</ns><id>7</id>" + more +
         "<revision><id>8</id><text xml:space=\"preserve\">" + text + "</text></revision></page>\n";
}

class WikiDumpReaderTest : public ::testing::Test {
 protected:
  /// Titles of the articles in it; what went wrong is in `notes_` and `error_`.
  std::vector<std::string> Read(const std::string& bytes, bool strict = false) {
    REPRO_CHECK(PutFile(folder_ / "dump.xml", bytes).has_value());
    notes_ = ReadNotes(strict);
    error_.clear();
    documents_.clear();
    auto reader = WikiDumpReader::Open(folder_ / "dump.xml", {}, notes_);
    REPRO_CHECK(reader.has_value());
    std::vector<std::string> titles;
    for (;;) {
      TextDocument document;
      const auto more = (*reader)->Next(document);
      if (!more) error_ = more.error().message;
      if (!more || !*more) break;
      titles.push_back(document.title);
      documents_.push_back(std::move(document));
    }
    counts_ = (*reader)->counts();
    passed_over_ = (*reader)->passed_over();
    return titles;
  }
  std::vector<std::string> Notes() const {
    std::vector<std::string> notes;
    for (const auto& [name, reason] : notes_.reasons()) {
      notes.push_back(fmt::format("{} {}", name, reason.count));
    }
    return notes;
  }

  TempFolder folder_;
  ReadNotes notes_;
  std::string error_;
  std::vector<TextDocument> documents_;
  WikiDumpReader::Counts counts_;
  std::map<std::string, std::int64_t> passed_over_;
};

TEST_F(WikiDumpReaderTest, ArticlesWithProseAreReadHoweverPacked) {
  const std::string dump = kHead + Page("One", "Words of ''one'' &amp;amp; two.") +
                           Page("Talk:One", "No article.", "1") +
                           Page("Uno", "#REDIRECT [[One]]", "0", "<redirect title=\"One\" />") +
                           Page("Un", "#redirect [[One]]") + Page("Empty", "{{stub}}") +
                           Page("Two &lt;2&gt;") + "</mediawiki>\n";
  for (const Packing packing : {Packing::kNone, Packing::kGzip, Packing::kBzip2, Packing::kZstd}) {
    SCOPED_TRACE(PackingName(packing));
    EXPECT_THAT(Read(Packed(packing, dump)), ElementsAre("One", "Two <2>"));
    EXPECT_THAT(Notes(), ElementsAre());
    EXPECT_EQ(documents_[0].text, "Words of one & two.");
    EXPECT_EQ(documents_[0].id, "One");
    EXPECT_EQ(documents_[1].offset, dump.find("<page><title>Two"));
    EXPECT_EQ(counts_.articles, 3);
    EXPECT_EQ(counts_.redirects, 2);
    EXPECT_EQ(counts_.other_namespaces, 1);
    EXPECT_EQ(counts_.without_prose, 1);
    EXPECT_EQ(passed_over_, (std::map<std::string, std::int64_t>{{"article without prose", 1},
                                                                 {"page of another namespace", 1},
                                                                 {"redirect", 2}}));
  }
}

TEST_F(WikiDumpReaderTest, NamespacesOfTheHeadAreHidden) {
  Read(kHead + Page("A", "[[файл:a.x|мини|Нет]][[Файл:b|Нет]][[категория:Нет]][[File:c|No]]Да."));
  EXPECT_EQ(documents_[0].text, "Да.");
}

TEST_F(WikiDumpReaderTest, LastRevisionIsTaken) {
  Read(kHead +
       "<page><title>A</title><ns>0</ns><revision><text>old</text></revision>"
       "<revision><text>new</text></revision></page>");
  EXPECT_EQ(documents_[0].text, "new");
}

// Each level is ten of the one before: 10^9 "lol" for whoever expands it.
TEST_F(WikiDumpReaderTest, BillionLaughsCostOnePage) {
  std::string type = "<!DOCTYPE mediawiki [<!ENTITY lol0 \"lol\">";
  for (int level = 1; level < 10; ++level) {
    type += fmt::format("<!ENTITY lol{} \"", level);
    for (int i = 0; i < 10; ++i) type += fmt::format("&lol{};", level - 1);
    type += "\">";
  }
  type += "]>";
  EXPECT_THAT(Read("<?xml version=\"1.0\"?>\n" + type + kHead + Page("a") + Page("b", "&lol9;") +
                   Page("c")),
              ElementsAre("a", "c"));
  EXPECT_THAT(Notes(), ElementsAre("xml 1"));
  EXPECT_THAT(notes_.reasons().at("xml").examples[0],
              AllOf(HasSubstr("dump.xml: byte "), HasSubstr("undefined entity")));

  // Where no document may have it.
  EXPECT_THAT(Read(kHead + Page("a") + Page("b", "&lol9;", "0", type) + "<page>" + type +
                   "<title>&lol9;</title></page>" + Page("c")),
              ElementsAre("a", "c"));
  EXPECT_THAT(Notes(), ElementsAre("xml 2"));
}

TEST_F(WikiDumpReaderTest, DepthCostsOnePage) {
  std::string deep;
  for (int i = 0; i < 1'000'000; ++i) deep += "<a>";
  EXPECT_THAT(Read(kHead + Page("a") + Page("b", deep) + Page("c")), ElementsAre("a", "c"));
  EXPECT_THAT(Notes(), ElementsAre("xml 1"));
}

TEST_F(WikiDumpReaderTest, WhatIsNoXmlCostsOnePage) {
  EXPECT_THAT(Read(kHead + Page("a") + Page("b", std::string("x\0y", 3)) + Page("c", "\xFF\xFE") +
                   Page("d", "<open>") + Page("e", "a & b") + Page("f", "&#0;") + Page("g")),
              ElementsAre("a", "g"));
  EXPECT_THAT(Notes(), ElementsAre("xml 5"));
  const std::size_t offset = kHead.size() + Page("a").size();
  EXPECT_THAT(notes_.reasons().at("xml").examples[0],
              HasSubstr(fmt::format("dump.xml: byte {}: ", offset)));
}

TEST_F(WikiDumpReaderTest, PagesThatDoNotEndCostThemselves) {
  const std::string page = Page("b");
  const std::string half = page.substr(0, page.size() / 2);
  EXPECT_THAT(Read(kHead + Page("a") + half + Page("c") + half), ElementsAre("a", "c"));
  EXPECT_THAT(Notes(), ElementsAre("cut-page 2"));
  std::string begins;
  while (begins.size() < WikiDumpReader::kLongestPage + (4 << 20)) begins += "<page>";
  EXPECT_THAT(Read(kHead + begins + Page("a")), ElementsAre("a"));
  EXPECT_THAT(Notes(), ElementsAre("cut-page 2"));
}

TEST_F(WikiDumpReaderTest, AbsurdPagesArePassedOver) {
  EXPECT_THAT(Read(kHead + Page("a", std::string(WikiDumpReader::kLongestPage + (2 << 20), 'x')) +
                   Page("b")),
              ElementsAre("b"));
  EXPECT_THAT(Notes(), ElementsAre("long-page 1"));
}

TEST_F(WikiDumpReaderTest, TruncatedFilesGiveWhatCameBefore) {
  const std::string dump = kHead + Page("a") + Page("b");
  for (const Packing packing : {Packing::kGzip, Packing::kBzip2, Packing::kZstd}) {
    SCOPED_TRACE(PackingName(packing));
    const std::string packed = Packed(packing, dump);
    Read(packed.substr(0, packed.size() - 6));
    EXPECT_THAT(Notes(), ElementsAre("damaged 1"));
  }
  const std::string members = Packed(Packing::kGzip, kHead + Page("a"));
  EXPECT_THAT(Read(members + members.substr(0, members.size() / 2) + members),
              ElementsAre("a", "a"));
  EXPECT_THAT(Notes(), ElementsAre("damaged 1"));
}

TEST_F(WikiDumpReaderTest, OtherFilesAreSaidToBeNoDump) {
  EXPECT_THAT(Read("Not XML at all.\n"), ElementsAre());
  EXPECT_THAT(Notes(), ElementsAre("no-page 1"));
  EXPECT_THAT(Read(""), ElementsAre());
  EXPECT_THAT(Notes(), ElementsAre("no-page 1"));
}

TEST_F(WikiDumpReaderTest, StrictMakesTheFirstNoteAnError) {
  EXPECT_THAT(Read(kHead + Page("a") + Page("b", "&bomb;") + Page("c"), true), ElementsAre("a"));
  EXPECT_THAT(error_, AllOf(HasSubstr("dump.xml: byte "), HasSubstr("undefined entity")));
}

}  // namespace
}  // namespace repro
