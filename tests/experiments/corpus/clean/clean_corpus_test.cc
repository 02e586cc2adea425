#include "experiments/corpus/clean/clean_corpus.h"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/hash.h"
#include "core/base/rng.h"
#include "core/io/file.h"
#include "experiments/corpus/clean/line_normalizer.h"
#include "experiments/corpus/clean/shared_lines.h"
#include "experiments/corpus/clean/stages.h"
#include "experiments/corpus/clean/subset.h"
#include "tests/core/packed_text.h"
#include "tests/core/temp_folder.h"

namespace repro {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Packed;

/// Digest of each file below a folder, by its name there.
std::map<std::string, std::string> Digests(const fs::path& folder) {
  std::map<std::string, std::string> digests;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    digests[entry.path().lexically_relative(folder).string()] = *Sha256File(entry.path());
  }
  return digests;
}

class CleanCorpusTest : public ::testing::Test {
 protected:
  void Put(const std::string& name, const std::string& content, const std::string& language,
           const std::string& layout = "text") {
    ASSERT_TRUE(PutFile(folder_ / name, content));
    files_.push_back({.path = folder_ / name,
                      .name = name,
                      .set = "made",
                      .language = language,
                      .layout = layout,
                      .field = layout == "tsv" ? "2" : "",
                      .id_field = layout == "tsv" ? "1" : "",
                      .content = "verse"});
  }
  CleanCorpusOptions Options(int threads = 1) {
    CleanCorpusOptions options;
    options.files = files_;
    options.stages.push_back(std::make_unique<MarkedLines>(LineMark::kRepeated));
    options.stages.push_back(std::make_unique<MarkedLines>(LineMark::kEvaluation));
    options.threads = threads;
    return options;
  }
  Result<CorpusReport> Clean(
      const CleanCorpusOptions& options, const std::string& name,
      const CleanProgress& progress = [](auto, auto, auto) {}) {
    scratch_ = folder_ / ("scratch-" + name);
    out_ = folder_ / ("out-" + name);
    EXPECT_TRUE(MakeDirectories(scratch_));
    fs::remove_all(out_);
    EXPECT_TRUE(MakeDirectories(out_));
    return CleanCorpus(options, scratch_, out_, stop_, progress);
  }
  /// Texts of the documents of a language, in order.
  std::vector<std::string> Texts(const std::string& language) {
    std::vector<std::string> texts;
    const Status status = EachCleanDocument(out_ / language, {}, [&](const Json& document) {
      texts.push_back(document.at("text").get<std::string>());
      return Status();
    });
    EXPECT_TRUE(status) << status.error().message;
    return texts;
  }
  /// Some hundred documents in three languages, many lines of them equal.
  void PutMany() {
    for (int file = 0; file < 12; ++file) {
      Rng rng(7, "documents", static_cast<std::uint64_t>(file));
      std::string text;
      for (int document = 0; document < 40; ++document) {
        for (std::uint64_t line = 0; line < 1 + rng.Below(6); ++line) {
          text += fmt::format("Sentence {} of words.\n", static_cast<char>('a' + rng.Below(26)) +
                                                             std::to_string(rng.Below(300) % 10) +
                                                             std::string(1 + rng.Below(40), 'x'));
        }
        text += '\n';
      }
      const Packing packing = static_cast<Packing>(file % 4);
      Put(fmt::format("{:02}.txt", file), Packed(packing, text),
          std::vector<std::string>{"aa", "bb", "cc"}[static_cast<std::size_t>(file) % 3]);
    }
  }

  TempFolder folder_;
  std::vector<CorpusFile> files_;
  fs::path scratch_, out_;
  std::atomic<bool> stop_ = false;
};

TEST_F(CleanCorpusTest, LinesThatComeTwiceGoEverywhereAsInCcNet) {
  Put("a.txt", "Menu 12\nOnly here.\n\nAnother one.\n", "aa");
  Put("b.txt", "MENU 99\n\nmenu 47\nOnly there.\n", "aa");
  const auto report = Clean(Options(), "plain");
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_THAT(Texts("aa"), ElementsAre("Only here.", "Another one.", "Only there."));
  const Funnel::Row& row = report->sum.funnel.rows().at({"made", "aa"});
  EXPECT_EQ(row.read, (TextAmount{.documents = 4, .lines = 6, .bytes = 8 + 11 + 13 + 8 + 8 + 12}));
  EXPECT_EQ(row.kept, (TextAmount{.documents = 3, .lines = 3, .bytes = 11 + 13 + 12}));
  EXPECT_EQ(row.dropped.at({"repeated", "repeated line"}),
            (TextAmount{.documents = 0, .lines = 3, .bytes = 8 + 8 + 8}));
  EXPECT_EQ(row.dropped.at({"repeated", "nothing left"}),
            (TextAmount{.documents = 1, .lines = 0, .bytes = 0}));

  CleanCorpusOptions first = Options();
  first.marks.keep_first = true;
  ASSERT_TRUE(Clean(first, "first"));
  EXPECT_THAT(Texts("aa"), ElementsAre("Menu 12\nOnly here.", "Another one.", "Only there."));

  CleanCorpusOptions without;
  without.files = files_;
  without.mark_lines = false;
  ASSERT_TRUE(Clean(without, "without"));
  EXPECT_THAT(Texts("aa"), ElementsAre("Menu 12\nOnly here.", "Another one.", "MENU 99",
                                       "menu 47\nOnly there."));
}

TEST_F(CleanCorpusTest, TextOfTestSetsIsKeptOutByContent) {
  Put("a.txt", "A line of a test.\nA line of ours.\n", "aa");
  CleanCorpusOptions options = Options();
  options.marks.evaluation = {DedupHash("a LINE of a test.")};
  const auto report = Clean(options, "plain");
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_THAT(Texts("aa"), ElementsAre("A line of ours."));
  EXPECT_EQ(
      report->sum.funnel.rows().at({"made", "aa"}).dropped.at({"evaluation", "line of a test set"}),
      (TextAmount{.documents = 0, .lines = 1, .bytes = 18}));
}

TEST_F(CleanCorpusTest, WhatComesInIsWhatGoesOutAndWhatIsDropped) {
  PutMany();
  CleanCorpusOptions options = Options();
  options.stages.insert(options.stages.begin(), std::make_unique<MinLength>(40));
  const auto report = Clean(options, "plain");
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->sum.funnel.rows().size(), 3);
  for (const auto& [key, row] : report->sum.funnel.rows()) {
    TextAmount sum = row.kept;
    for (const auto& [what, amount] : row.dropped) sum += amount;
    EXPECT_EQ(sum, row.read) << key.language;
    EXPECT_GT(row.kept.lines, 0);
    EXPECT_TRUE(row.dropped.contains({"length", "short"}));
    EXPECT_TRUE(row.dropped.contains({"repeated", "repeated line"}));
    // Counted a second way, from the shards.
    TextAmount shards;
    for (const std::string& text : Texts(key.language)) {
      ++shards.documents;
      shards.lines += std::count(text.begin(), text.end(), '\n') + 1;
      shards.bytes += static_cast<std::int64_t>(text.size()) + 1;
    }
    EXPECT_EQ(shards, row.kept);
  }
  EXPECT_EQ(ShardReport::FromJson(report->sum.ToJson())->ToJson(), report->sum.ToJson());
}

TEST_F(CleanCorpusTest, SomeOfWhatIsDroppedIsKeptToRead) {
  PutMany();
  const auto report = Clean(Options(), "plain");
  ASSERT_TRUE(report) << report.error().message;
  const auto& lines = report->sum.rejects.rejects().at({"repeated", "repeated line", "aa"});
  EXPECT_EQ(lines.size(), RejectSample::kEach);
  std::set<std::string> sources;
  for (const auto& reject : lines) {
    EXPECT_THAT(reject.text, HasSubstr("Sentence"));
    sources.insert(reject.source);
  }
  EXPECT_GT(sources.size(), 10) << "drawn from everywhere";
}

TEST_F(CleanCorpusTest, BytesDependOnNoThreadAndNoMemoryLimit) {
  PutMany();
  ASSERT_TRUE(Clean(Options(1), "one"));
  const auto one = Digests(out_);
  EXPECT_EQ(one.size(), 3);
  for (const int threads : {2, 4}) {
    ASSERT_TRUE(Clean(Options(threads), fmt::format("{}", threads)));
    EXPECT_EQ(Digests(out_), one) << threads;
  }
  CleanCorpusOptions little = Options(2);
  little.marks.memory_bytes = 500;  // some 60 lines at a time
  ASSERT_TRUE(Clean(little, "little"));
  EXPECT_EQ(Digests(out_), one);
}

TEST_F(CleanCorpusTest, GoesOnWhereItStoppedWithTheSameBytes) {
  PutMany();
  ASSERT_TRUE(Clean(Options(2), "whole"));
  const auto whole = Digests(out_);
  // Stopped at its n-th sign of life, again and again, until it gets through.
  int calls = 0, limit = 5, stops = 0;
  for (;; limit += 7, calls = 0) {
    stop_ = false;
    const auto report = Clean(Options(2), "parts", [&](auto, auto, auto) {
      if (++calls == limit) stop_ = true;
    });
    if (report) break;
    ASSERT_EQ(report.error().code, ErrorCode::kInterrupted) << report.error().message;
    ++stops;
  }
  EXPECT_GT(stops, 5);
  EXPECT_EQ(Digests(out_), whole);
}

TEST_F(CleanCorpusTest, WhatIsWrongWithTheInputIsCountedOrAnError) {
  std::string damaged = Packed(Packing::kGzip, "A first line.\n") +
                        Packed(Packing::kGzip, std::string(3000, 'z') + "\n");
  damaged.resize(damaged.size() - 12);
  Put("damaged.gz", damaged, "aa");
  Put("odd.txt", std::string("Good.\nNot \xFF good.\nN\0L\n", 22), "aa");
  Put("empty.txt", "", "aa");
  const auto report = Clean(Options(), "plain");
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->sum.notes["damaged"]["count"], 1);
  EXPECT_EQ(report->sum.notes["utf-8"]["count"], 1);
  EXPECT_EQ(report->sum.notes["nul"]["count"], 1);
  EXPECT_THAT(report->sum.notes["utf-8"]["examples"][0].get<std::string>(),
              HasSubstr("made/odd.txt: byte 6: no UTF-8: `Not \\xff good.`"));
  EXPECT_THAT(Texts("aa"), ElementsAre("A first line.", "Good."));

  CleanCorpusOptions strict = Options();
  strict.strict = true;
  const auto refused = Clean(strict, "strict");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(refused.error().message, HasSubstr((folder_ / "damaged.gz").string()));
}

TEST_F(CleanCorpusTest, AFaultThatIsAnErrorCostsNothingThatIsDone) {
  Put("good.txt", "one\n", "aa");
  Put("odd.txt", "no \xFF\n", "aa");
  CleanCorpusOptions strict = Options(/*threads=*/1);
  strict.strict = true;
  ASSERT_FALSE(Clean(strict, "strict"));
  EXPECT_TRUE(fs::exists(scratch_ / "000000.hashes"));
}

TEST_F(CleanCorpusTest, AFileThatChangesMeanwhileIsNotTrusted) {
  Put("a.txt", "one\ntwo\n", "aa");
  ASSERT_TRUE(Clean(Options(), "plain"));
  ASSERT_TRUE(PutFile(folder_ / "a.txt", "one\n"));
  fs::remove_all(scratch_ / "000000.clean");
  const auto again = Clean(Options(), "plain");
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message, HasSubstr("a.txt: it changed while it was read"));
  const auto anew = Clean(Options(), "plain");
  ASSERT_TRUE(anew) << anew.error().message;
  EXPECT_THAT(Texts("aa"), ElementsAre("one"));
}

TEST_F(CleanCorpusTest, WhatOtherReadersLeftIsNotGoneOnWith) {
  Put("a.txt", "one\ntwo\n", "aa");
  Put("b.txt", "three\n", "aa");
  ASSERT_TRUE(Clean(Options(), "plain"));
  for (const std::string readers : {"0\n", ""}) {  // the second: as before there was a version
    // As if those had read other lines, and were stopped before the second file was cleaned.
    ASSERT_TRUE(PutFile(folder_ / "a.txt", readers.empty() ? "last\n" : "first\n"));
    fs::remove_all(scratch_ / "000001.clean");
    fs::remove(scratch_ / "readers");
    if (!readers.empty()) {
      ASSERT_TRUE(PutFile(scratch_ / "readers", readers));
    }
    const auto again = Clean(Options(), "plain");
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_THAT(Texts("aa"), ElementsAre(readers.empty() ? "last" : "first", "three"));
  }
}

TEST_F(CleanCorpusTest, SmallerSubsetsAreTheBeginningOfLargerOnes) {
  PutMany();
  ASSERT_TRUE(Clean(Options(), "plain"));
  const auto write = [&](SubsetOptions options) {
    const auto counts = WriteSubset(out_ / "aa", options, folder_.path(), folder_ / "text",
                                    folder_ / "heldout", stop_);
    EXPECT_TRUE(counts) << counts.error().message;
    return std::pair(*ReadFile(folder_ / "text"), *counts);
  };
  const auto [everything, all] = write({});
  EXPECT_EQ(all.bytes, all.available_bytes);
  const auto [small, few] = write({.max_bytes = 600});
  const auto [large, more] = write({.max_bytes = 1500});
  EXPECT_LE(few.bytes, 600);
  EXPECT_GT(few.bytes, 400);
  EXPECT_GT(more.bytes, 1300);
  EXPECT_TRUE(large.starts_with(small));
  const auto [in_pieces, pieces] = write({.max_bytes = 1500, .memory_bytes = 200});
  EXPECT_EQ(in_pieces, large);
  const auto [other, counts] = write({.seed = 2, .max_bytes = 1500});
  EXPECT_NE(other, large);
  const auto [five, sentences] = write({.max_sentences = 5});
  EXPECT_LE(sentences.sentences, 5);
  EXPECT_TRUE(large.starts_with(five));
  const auto [in_order, whole] = write({.drawn_order = true});
  EXPECT_EQ(whole.bytes, all.bytes);
  EXPECT_NE(in_order, everything);
  EXPECT_TRUE(in_order.starts_with(large));
  EXPECT_EQ(all.heldout_sentences + all.sentences, [&] {
    std::int64_t lines = 0;
    for (const std::string& text : Texts("aa")) {
      lines += std::count(text.begin(), text.end(), '\n') + 1;
    }
    return lines;
  }());
}

TEST_F(CleanCorpusTest, ATextBeyondMemoryIsReadNoMoreOftenAndComesOutTheSame) {
  PutMany();
  ASSERT_TRUE(Clean(Options(), "plain"));
  const auto documents = static_cast<std::int64_t>(Texts("aa").size());
  std::int64_t looked_at = 0;
  const auto write = [&](SubsetOptions options) {
    looked_at = 0;
    options.wants = [&](const Json&) { return ++looked_at > 0; };
    const auto counts = WriteSubset(out_ / "aa", options, folder_.path(), folder_ / "text",
                                    folder_ / "heldout", stop_);
    EXPECT_TRUE(counts) << counts.error().message;
    EXPECT_FALSE(fs::exists(folder_ / "ordered_texts"));
    return std::pair(*ReadFile(folder_ / "text"), *ReadFile(folder_ / "heldout"));
  };
  const auto all = write({.drawn_order = true});
  EXPECT_EQ(looked_at, documents);
  const auto some = write({.max_bytes = 1500});
  EXPECT_EQ(looked_at, 2 * documents);
  for (const std::int64_t memory : {1, 200, 3'000}) {
    EXPECT_EQ(write({.drawn_order = true, .memory_bytes = memory}), all) << memory;
    EXPECT_EQ(looked_at, documents) << memory;
    EXPECT_EQ(write({.max_bytes = 1500, .memory_bytes = memory}), some) << memory;
    EXPECT_EQ(looked_at, 2 * documents) << memory;
  }
}

// Keys hold nothing of how a subset is written, so its bytes must not move.
TEST_F(CleanCorpusTest, SubsetsHaveTheBytesTheyAlwaysHad) {
  std::string lines;
  for (int i = 0; i < 200; ++i) {  // of one name, and so of one place in the order, some
    lines +=
        fmt::format(R"({{"set":"made","id":"{}","text":"Line of document {}.\nAnd one of {}."}})"
                    "\n",
                    i % 150, i, std::string(static_cast<std::size_t>(i % 40), 'x'));
  }
  ASSERT_TRUE(PutFile(folder_ / "made/all-00000.jsonl.zst", lines));
  for (const std::int64_t memory : {500, 5'000, 256 << 20}) {
    const auto digest = [&](SubsetOptions options) {
      options.memory_bytes = memory;
      EXPECT_TRUE(WriteSubset(folder_ / "made", options, folder_.path(), folder_ / "text",
                              folder_ / "heldout", stop_));
      return Sha256File(folder_ / "text")->substr(0, 16);
    };
    EXPECT_EQ(digest({.drawn_order = true}), "6f1fe763e56d9561");
    EXPECT_EQ(digest({.max_bytes = 1500}), "ab5cae18ac4ba8a2");
    EXPECT_EQ(digest({.max_sentences = 21}), "d818f8af7bdd79bd");
  }
}

TEST_F(CleanCorpusTest, ASubsetThatWasStoppedComesOutTheSame) {
  PutMany();
  ASSERT_TRUE(Clean(Options(), "plain"));
  int lines = 0, limit = 0;
  SubsetOptions options{.drawn_order = true, .memory_bytes = 200};
  options.rewrite = [&](std::string_view line) {
    if (++lines == limit) stop_ = true;
    return std::string(line);
  };
  const auto write = [&] {
    return WriteSubset(out_ / "aa", options, folder_.path(), folder_ / "text", folder_ / "heldout",
                       stop_);
  };
  ASSERT_TRUE(write());
  const std::string whole = *ReadFile(folder_ / "text");
  lines = 0;
  limit = 5;
  const auto stopped = write();
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::kInterrupted);
  stop_ = false;
  ASSERT_TRUE(write());
  EXPECT_EQ(*ReadFile(folder_ / "text"), whole);
}

// A document of a book is many times a small limit.
TEST_F(CleanCorpusTest, ADocumentThatIsTooLargeForALimitIsCutAtALine) {
  std::string book;
  for (int line = 0; line < 200; ++line) book += fmt::format("Line {} of a long book.\n", line);
  Put("book.txt", book, "aa");
  Put("second.txt", "Another " + book, "aa");
  CleanCorpusOptions as_it_is;
  as_it_is.files = files_;
  as_it_is.mark_lines = false;
  ASSERT_TRUE(Clean(as_it_is, "plain"));
  std::string before;
  for (const std::int64_t bytes : {300, 1'000, 4'700, 7'000}) {
    const SubsetOptions options{.max_bytes = bytes, .heldout_share = 0};
    const auto counts = WriteSubset(out_ / "aa", options, folder_.path(), folder_ / "text",
                                    folder_ / "heldout", stop_);
    ASSERT_TRUE(counts) << counts.error().message;
    EXPECT_LE(counts->bytes, bytes);
    EXPECT_GT(counts->bytes, bytes * 9 / 10);
    const std::string text = *ReadFile(folder_ / "text");
    EXPECT_TRUE(text.starts_with(before)) << bytes;
    before = text;
  }
  const SubsetOptions options{.max_sentences = 7, .heldout_share = 0};
  EXPECT_EQ(WriteSubset(out_ / "aa", options, folder_.path(), folder_ / "text", folder_ / "heldout",
                        stop_)
                .value()
                .sentences,
            7);
}

TEST_F(CleanCorpusTest, LinesOfTestSetsMayGoByTheirLetters) {
  Put("a.txt", "“A line, of a test”\nOur own.\n\nA LINE of a test!\n???\n", "aa");
  std::vector<std::uint64_t> hashes = {LettersHash("A line of a test.").value(),
                                       TextHash("???").value()};
  std::sort(hashes.begin(), hashes.end());
  CleanCorpusOptions options = Options();
  options.stages.push_back(std::make_unique<LinesOfTestSets>(std::move(hashes)));
  const auto report = Clean(options, "plain");
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_THAT(Texts("aa"), ElementsAre("Our own."));
  const TextAmount dropped =
      report->sum.funnel.rows().at({"made", "aa"}).dropped.at({"evaluation", "line of a test set"});
  EXPECT_EQ(dropped.lines, 3);
}

TEST_F(CleanCorpusTest, TheLeakCheckStopsWithinAText) {
  ASSERT_TRUE(PutFile(folder_ / "text.txt", "One.\nTwo.\n"));
  const EvaluationLines none;
  SharedLines lines(none);
  ASSERT_TRUE(lines.AddFile(folder_ / "text.txt", stop_));
  EXPECT_EQ(lines.lines(), 2);
  stop_ = true;
  const Status stopped = lines.AddFile(folder_ / "text.txt", stop_);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::kInterrupted);
  EXPECT_EQ(lines.lines(), 2);
}

TEST_F(CleanCorpusTest, TranslationsAreHeldOutTogether) {
  std::string english, french;
  for (int verse = 1; verse <= 400; ++verse) {
    english +=
        fmt::format("{}\tVerse of number {} {}.\n", verse, verse, std::string(verse % 50, 'e'));
    if (verse % 3 != 0) {
      french +=
          fmt::format("{}\tVers du nombre {} {}.\n", verse, verse, std::string(verse % 50, 'f'));
    }
  }
  Put("en.tsv", english, "en", "tsv");
  Put("fr.tsv", french, "fr", "tsv");
  CleanCorpusOptions options;
  options.files = files_;
  options.mark_lines = false;
  ASSERT_TRUE(Clean(options, "plain"));
  const auto heldout = [&](const std::string& language) {
    const auto counts = WriteSubset(out_ / language, {.heldout_share = 0.2}, folder_.path(),
                                    folder_ / "text", folder_ / "heldout", stop_);
    EXPECT_TRUE(counts) << counts.error().message;
    std::set<int> verses;
    std::istringstream lines(*ReadFile(folder_ / "heldout"));
    for (std::string line; std::getline(lines, line);) {
      const std::size_t digits = line.find_first_of("0123456789");
      if (digits != std::string::npos) verses.insert(std::stoi(line.substr(digits)));
    }
    EXPECT_EQ(static_cast<std::int64_t>(verses.size()), counts->heldout_sentences);
    return verses;
  };
  const std::set<int> en = heldout("en");
  EXPECT_NEAR(static_cast<double>(en.size()), 80, 30);
  std::set<int> expected;
  for (const int verse : en) {
    if (verse % 3 != 0) expected.insert(verse);
  }
  EXPECT_EQ(heldout("fr"), expected);
}

}  // namespace
}  // namespace repro
