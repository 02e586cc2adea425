// Input that is small as a file and huge when it is unpacked or parsed costs itself, and no memory.

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiments/corpus/source/open_documents.h"
#include "experiments/corpus/source/plain_reader.h"
#include "tests/core/packed_text.h"
#include "tests/core/peak_memory.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/corpus/source/made_files.h"

namespace repro {
namespace {

using testing::MadeFile;
using testing::Packed;

constexpr std::int64_t kMega = 1 << 20;
constexpr std::size_t kGiga = std::size_t{1} << 30;
#ifdef __SANITIZE_ADDRESS__
constexpr std::int64_t kLittle = 900 * kMega;  // it keeps what was freed for a while
#else
constexpr std::int64_t kLittle = 300 * kMega;  // a web page may have 64 MiB, and a window on it 128
#endif

/// One line of a document of `layout`, so long, between two sound documents.
std::string WithLongLine(const MadeFile& made, Packing packing, std::size_t bytes) {
  const std::string some = Packed(packing, std::string(kMega, 'x'));
  std::string packed =
      Packed(packing, made.Head() + made.Document("Before it.") + made.Before(bytes));
  for (std::size_t done = 0; done < bytes; done += kMega) packed += some;
  return packed + Packed(packing, made.After() + made.Document("Behind it.") + made.Tail());
}

class HugeInputTest : public ::testing::Test {
 protected:
  /// In a process of its own: reads `bytes`, finds the documents before and behind the fault, and
  /// the fault under `reason`. Bytes of memory it took.
  std::int64_t PeakOf(const MadeFile& made, const std::string& bytes, const std::string& reason) {
    EXPECT_TRUE(PutFile(folder_ / "f", bytes));
    const std::int64_t peak = testing::PeakBytes([&] {
      ReadNotes notes;
      const auto reader = OpenDocuments(made.At(folder_ / "f"), notes);
      if (!reader) return false;
      std::vector<std::string> texts;
      TextDocument document;
      while ((*reader)->Next(document).value_or(false)) texts.push_back(document.text);
      const bool found = notes.reasons().contains(reason) &&
                         texts == std::vector<std::string>{"Before it.", "Behind it."};
      if (!found) fmt::print(stderr, "{} documents; {}\n", texts.size(), notes.ToJson().dump(1));
      return found;
    });
    fmt::print("{}: {} bytes, {}: peak {} MiB\n", made.layout(), bytes.size(), reason,
               peak / kMega);
    return peak;
  }
  TempFolder folder_;
};

TEST_F(HugeInputTest, ALineOfAGigabyteCostsItselfInEveryReader) {
  for (const auto& [layout, reason] :
       std::vector<std::pair<std::string, std::string>>{{"text", "long-line"},
                                                        {"jsonl", "long-line"},
                                                        {"tsv", "long-line"},
                                                        {"wet", "content-length"},
                                                        {"wikipedia", "long-page"}}) {
    SCOPED_TRACE(layout);
    const MadeFile made(layout);
    const std::string packed = WithLongLine(made, Packing::kGzip, kGiga);
    EXPECT_LT(packed.size(), 2U << 20);
    EXPECT_LT(PeakOf(made, packed, reason), kLittle);
  }
}

TEST_F(HugeInputTest, HoweverItIsPacked) {
  const MadeFile made("text");
  for (const Packing packing : {Packing::kZstd, Packing::kBzip2, Packing::kXz}) {
    SCOPED_TRACE(PackingName(packing));
    EXPECT_LT(PeakOf(made, WithLongLine(made, packing, kGiga / 2), "long-line"), kLittle);
  }
}

// Lines of fewer bytes than a reader takes, of which a parser could make a hundred times as many.
TEST_F(HugeInputTest, JsonThatIsDeepOrOfManyValuesCostsItsLine) {
  const MadeFile made("jsonl");
  constexpr std::size_t kBytes = PlainReader::kLongestLine - 100;
  std::string many = "{\"text\": [";
  while (many.size() < kBytes) many += "[],{},";
  for (const std::string& line : {std::string(kBytes, '['), many + "1]}"}) {
    EXPECT_LT(PeakOf(made,
                     Packed(Packing::kGzip, made.Document("Before it.") + line + "\n" +
                                                made.Document("Behind it.")),
                     "json"),
              kLittle);
  }
}

// Ten times ten times ... "lol": 3 GB for whoever expands the entities.
TEST_F(HugeInputTest, XmlEntitiesAreNotExpanded) {
  const MadeFile made("wikipedia");
  std::string type = "<!DOCTYPE mediawiki [<!ENTITY lol0 \"lol\">";
  for (int level = 1; level < 10; ++level) {
    type += fmt::format("<!ENTITY lol{} \"", level);
    for (int i = 0; i < 10; ++i) type += fmt::format("&lol{};", level - 1);
    type += "\">";
  }
  EXPECT_LT(PeakOf(made,
                   type + "]>\n" + made.Head() + made.Document("Before it.") +
                       made.Document("&lol9;") + made.Document("Behind it.") + made.Tail(),
                   "xml"),
            100 * kMega);
}

}  // namespace
}  // namespace repro
