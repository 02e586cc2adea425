#include "experiments/corpus/source/wet_reader.h"

#include <cstdlib>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/io/file.h"
#include "tests/core/packed_text.h"
#include "tests/core/temp_folder.h"

namespace repro {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Packed;
using ::testing::Pair;

/// A record as Common Crawl writes them; `length` < 0: the right one.
std::string Record(const std::string& type, const std::string& url, const std::string& body,
                   const std::string& length = "") {
  return "WARC/1.0\r\nWARC-Type: " + type + "\r\nWARC-Target-URI: " + url +
         "\r\nContent-Type: text/plain\r\nContent-Length: " +
         (length.empty() ? std::to_string(body.size()) : length) + "\r\n\r\n" + body + "\r\n\r\n";
}
std::string Page(const std::string& name, const std::string& length = "") {
  return Record("conversion", "http://" + name + "/", name + "\nfirst line of " + name + "\nsecond",
                length);
}

class WetReaderTest : public ::testing::Test {
 protected:
  /// The names of the pages that were read.
  std::vector<std::string> Read(const std::string& bytes, bool strict = false) {
    EXPECT_TRUE(WriteFileAtomic(folder_ / "f.wet.gz", bytes));
    notes_ = ReadNotes(strict);
    auto reader = WetReader::Open(folder_ / "f.wet.gz", notes_);
    EXPECT_TRUE(reader) << reader.error().message;
    std::vector<std::string> names;
    TextDocument document;
    for (;;) {
      const auto more = (*reader)->Next(document);
      if (!more) error_ = more.error().message;
      if (!more || !*more) break;
      names.push_back(document.title);
      if (document.title.size() < 20) {
        EXPECT_EQ(document.id, "http://" + document.title + "/");
        EXPECT_EQ(document.text, "first line of " + document.title + "\nsecond");
      }
    }
    records_ = (*reader)->records();
    return names;
  }
  std::vector<std::pair<std::string, std::int64_t>> Notes() const {
    std::vector<std::pair<std::string, std::int64_t>> notes;
    for (const auto& [name, reason] : notes_.reasons()) notes.emplace_back(name, reason.count);
    return notes;
  }
  std::string Example(const std::string& reason) const {
    return notes_.reasons().at(reason).examples.at(0);
  }

  TempFolder folder_;
  ReadNotes notes_;
  std::string error_;
  std::int64_t records_ = 0;
};

TEST_F(WetReaderTest, PagesAreReadAndOtherRecordsPassedOver) {
  const std::string info = Record("warcinfo", "", "Software-Info: x\r\nrobots: y\r\n");
  const std::string file = info + Page("a") + Page("b") + info + Page("c");
  EXPECT_THAT(Read(file), ElementsAre("a", "b", "c"));
  EXPECT_EQ(records_, 5);
  EXPECT_THAT(Notes(), ElementsAre());
  EXPECT_THAT(Read(Packed(Packing::kGzip, info) + Packed(Packing::kGzip, Page("a")) +
                   Packed(Packing::kGzip, Page("b"))),
              ElementsAre("a", "b"));
  EXPECT_THAT(Notes(), ElementsAre());
  EXPECT_THAT(Read(""), ElementsAre());
}

TEST_F(WetReaderTest, LinesAreTrimmedAndTextMayHoldWhatBeginsARecord) {
  EXPECT_TRUE(WriteFileAtomic(
      folder_ / "f",
      Record("conversion", "u", " Title\t\r\n  one  \r\n\r\nWARC/1.0\r\ntwo \r\n\r\n") +
          Page("b")));
  auto reader = WetReader::Open(folder_ / "f", notes_);
  TextDocument document;
  ASSERT_TRUE((*reader)->Next(document).value());
  EXPECT_EQ(document.title, "Title");
  EXPECT_EQ(document.text, "one\n\nWARC/1.0\ntwo");
  EXPECT_EQ(document.offset, 0U);
  ASSERT_TRUE((*reader)->Next(document).value());
  EXPECT_EQ(document.title, "b");
  EXPECT_FALSE((*reader)->Next(document).value());
  EXPECT_THAT((*reader)->passed_over(),
              ElementsAre(Pair("first line of a page, its title to CC-Net", 2)));
}

TEST_F(WetReaderTest, AbsurdLengthsCostTheirRecordAlone) {
  for (const char* length : {"-1", "x", " ", "99999999999999999999", "100000000000", "12 bytes"}) {
    SCOPED_TRACE(length);
    EXPECT_THAT(Read(Page("a") + Page("b", length) + Page("c")), ElementsAre("a", "c"));
    EXPECT_THAT(Notes(), ElementsAre(Pair("content-length", 1)));
    EXPECT_THAT(Example("content-length"),
                AllOf(HasSubstr(fmt::format("f.wet.gz: byte {}: ", Page("a").size())),
                      HasSubstr("expected 0 to 67108864")));
  }
}

TEST_F(WetReaderTest, AWrongLengthIsMendedByTheNextRecord) {
  for (const char* length : {"0", "3", "60", "1000000"}) {
    SCOPED_TRACE(length);
    EXPECT_THAT(Read(Page("a") + Page("b", length) + Page("c")), ElementsAre("a", "b", "c"));
    EXPECT_THAT(Notes(), ElementsAre(Pair("wrong-content-length", 1)));
  }
}

TEST_F(WetReaderTest, BytesThatAreNoRecordAreSkipped) {
  const std::string junk = "junk\nWARC-Type: conversion\n" + std::string(1000, '\0') + "\n";
  EXPECT_THAT(Read(junk + Page("a") + junk + Page("b")), ElementsAre("a", "b"));
  EXPECT_THAT(Notes(), ElementsAre(Pair("not-a-record", 2)));
  EXPECT_THAT(Read(junk), ElementsAre());
  EXPECT_THAT(Notes(), ElementsAre(Pair("not-a-record", 1)));
}

TEST_F(WetReaderTest, ACutFileKeepsWhatIsWhole) {
  const std::string file = Page("a") + Page("b");
  for (std::size_t cut = Page("a").size() + 5; cut < file.size() - 30; ++cut) {
    SCOPED_TRACE(cut);
    EXPECT_THAT(Read(file.substr(0, cut)), ElementsAre("a"));  // nothing of half a page
    EXPECT_EQ(Notes().size(), 1U);
  }
}

TEST_F(WetReaderTest, APrefixThatWasCutOnPurposeIsNotDamaged) {
  const auto names_in_prefix = [&](const std::string& bytes) {
    EXPECT_TRUE(PutFile(folder_ / "p.wet.gz", bytes));
    ReadNotes notes(/*strict=*/true);
    auto reader = WetReader::Open(folder_ / "p.wet.gz", notes, Extent::kPrefix);
    EXPECT_TRUE(reader) << reader.error().message;
    TextDocument document;
    std::vector<std::string> names;
    for (;;) {
      const auto more = (*reader)->Next(document);
      EXPECT_TRUE(more) << more.error().message;
      if (!more || !*more) return names;
      names.push_back(document.title);
    }
  };
  const std::string pages = Page("a") + Page("b");
  constexpr std::size_t kEnd = 4;  // of a record, behind its page
  for (std::size_t cut = Page("a").size(); cut < pages.size(); ++cut) {
    SCOPED_TRACE(cut);
    const auto names = names_in_prefix(pages.substr(0, cut));
    if (cut < pages.size() - kEnd) {
      EXPECT_THAT(names, ElementsAre("a"));
    } else {
      EXPECT_THAT(names, ElementsAre("a", "b"));
    }
  }
  const std::string first = Packed(Packing::kGzip, Page("a"));
  const std::string packed = first + Packed(Packing::kGzip, Page("b"));
  for (std::size_t cut = first.size(); cut < packed.size(); ++cut) {
    SCOPED_TRACE(cut);
    const auto names = names_in_prefix(packed.substr(0, cut));
    ASSERT_FALSE(names.empty());
    EXPECT_EQ(names.front(), "a");
  }
}

TEST_F(WetReaderTest, DamagedMembersAreSkippedAndSaid) {
  const std::string half =
      Packed(Packing::kGzip, Page("b")).substr(0, Packed(Packing::kGzip, Page("b")).size() / 2);
  EXPECT_THAT(Read(Packed(Packing::kGzip, Page("a")) + half + Packed(Packing::kGzip, Page("c"))),
              ElementsAre("a", "c"));
  EXPECT_GE(notes_.reasons().at("damaged").count, 1);
  EXPECT_THAT(Read(Packed(Packing::kGzip, Page("a")) + half), ElementsAre("a"));
  EXPECT_EQ(notes_.reasons().at("damaged").count, 1);
}

TEST_F(WetReaderTest, LinesThatAreNoTextGoAloneATitleToo) {
  const std::string body = std::string("T\xFFtle\none\nt\0wo\nthr\xC3\nfour\n", 24);
  EXPECT_TRUE(WriteFileAtomic(folder_ / "f", Record("conversion", "u", body) + Page("b")));
  auto reader = WetReader::Open(folder_ / "f", notes_);
  TextDocument document;
  ASSERT_TRUE((*reader)->Next(document).value());
  EXPECT_EQ(document.title, "");
  EXPECT_EQ(document.text, "one\nfour");
  ASSERT_TRUE((*reader)->Next(document).value());
  EXPECT_EQ(document.title, "b");
  EXPECT_THAT(Notes(), ElementsAre(Pair("nul", 1), Pair("utf-8", 2)));
  const std::size_t text = Record("conversion", "u", body).size() - body.size() - 4;
  EXPECT_THAT(Example("nul"), HasSubstr(fmt::format("f: byte {}: `t\\x00wo`", text + 10)));
}

TEST_F(WetReaderTest, StrictMakesTheFirstNoteAnError) {
  EXPECT_THAT(Read(Page("a") + Page("b", "-1") + Page("c"), true), ElementsAre("a"));
  EXPECT_THAT(error_, AllOf(HasSubstr("f.wet.gz: byte "), HasSubstr("`-1`")));
}

// Genuine records of Common Crawl, and the fixture of cc_net, whose lengths are wrong.
TEST_F(WetReaderTest, ReadsWhatCommonCrawlAndCcNetHave) {
  const char* shared = std::getenv("REPRO_SHARED");
  const fs::path crawl = fs::path(shared != nullptr ? shared : "../shared") / "data" / "crawl";
  if (!fs::exists(crawl)) GTEST_SKIP() << crawl << ": not here (REPRO_SHARED names another folder)";
  auto real = WetReader::Open(crawl / "whirlwind.warc.wet.gz", notes_);
  ASSERT_TRUE(real);
  TextDocument document;
  ASSERT_TRUE((*real)->Next(document).value());
  EXPECT_EQ(document.id, "https://an.wikipedia.org/wiki/Escopete");
  EXPECT_EQ(document.language, "spa");
  EXPECT_THAT(document.title, HasSubstr("Escopete"));
  EXPECT_FALSE((*real)->Next(document).value());
  EXPECT_THAT(Notes(), ElementsAre());

  auto fixture = WetReader::Open(crawl / "cc_net-sample.warc.wet.txt", notes_);
  ASSERT_TRUE(fixture);
  std::vector<std::string> urls;
  while ((*fixture)->Next(document).value()) urls.push_back(document.id);
  EXPECT_EQ(urls.size(), 3U);
}

}  // namespace
}  // namespace repro
