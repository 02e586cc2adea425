// Bad input by reader and packing: what is sound is read, the rest is counted with file and offset;
// when strict, the first of it is an error.

#include <array>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "experiments/corpus/source/open_documents.h"
#include "tests/core/packed_text.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/corpus/source/made_files.h"

namespace repro {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::MadeFile;
using testing::Packed;
using ::testing::StartsWith;

using Case = std::tuple<const char*, Packing>;

class BadInputTest : public ::testing::TestWithParam<Case> {
 protected:
  BadInputTest() : made_(std::get<0>(GetParam())) {}

  std::string Pack(const std::string& content) const {
    return Packed(std::get<1>(GetParam()), content);
  }
  /// Texts of the documents; what was wrong is in `notes_` and `error_`.
  std::vector<std::string> Read(const std::string& bytes, bool strict) {
    EXPECT_TRUE(PutFile(folder_ / "f", bytes));
    notes_ = ReadNotes(strict, "set/f");
    error_.reset();
    auto reader = OpenDocuments(made_.At(folder_ / "f"), notes_);
    EXPECT_TRUE(reader) << reader.error().message;
    std::vector<std::string> texts;
    TextDocument document;
    for (;;) {
      const auto more = (*reader)->Next(document);
      if (!more) error_ = more.error();
      if (!more || !*more) return texts;
      texts.push_back(document.text);
    }
  }
  /// Counted once under `reason` at `offset`, and an error there when strict.
  void ExpectFault(const std::string& bytes, const std::string& reason, std::size_t offset,
                   const std::vector<std::string>& texts) {
    EXPECT_EQ(Read(bytes, /*strict=*/false), texts);
    ASSERT_EQ(notes_.reasons().size(), 1U) << notes_.ToJson();
    const auto& [found, note] = *notes_.reasons().begin();
    EXPECT_EQ(found, reason);
    EXPECT_EQ(note.count, 1);
    EXPECT_THAT(note.examples, ElementsAre(StartsWith(fmt::format("set/f: byte {}: ", offset))));
    Read(bytes, /*strict=*/true);
    ASSERT_TRUE(error_);
    EXPECT_EQ(error_->code, ErrorCode::kCorrupt);
    EXPECT_THAT(error_->message,
                AllOf(StartsWith(fmt::format("{}: byte {}: ", (folder_ / "f").string(), offset)),
                      HasSubstr("(" + reason + ")")));
  }

  MadeFile made_;
  TempFolder folder_;
  ReadNotes notes_;
  std::optional<Error> error_;
};

TEST_P(BadInputTest, BytesThatAreNoUtf8) {
  const std::string before = made_.Head() + made_.Document("One.");
  const std::string bad = made_.Document("Not \xFF text.");
  const std::size_t offset = before.size() + made_.FaultOffset(bad, "Not");
  // A line of a web page goes alone, and the page stays; elsewhere the line is the document.
  std::vector<std::string> texts = {"One.", "Two."};
  if (made_.layout() == "wet") texts = {"One.", "", "Two."};
  ExpectFault(Pack(before + bad + made_.Document("Two.") + made_.Tail()),
              made_.layout() == "wikipedia" ? "xml" : "utf-8", offset, texts);
}

TEST_P(BadInputTest, ANulByte) {
  const std::string before = made_.Head() + made_.Document("One.");
  const std::string bad = made_.Document(std::string("Not\0text.", 9));
  const std::size_t offset = before.size() + made_.FaultOffset(bad, "Not");
  std::vector<std::string> texts = {"One.", "Two."};
  if (made_.layout() == "wet") texts = {"One.", "", "Two."};
  ExpectFault(Pack(before + bad + made_.Document("Two.") + made_.Tail()),
              made_.layout() == "wikipedia" ? "xml" : "nul", offset, texts);
}

/// Of what is not packed only some layouts say that it goes on; their readers' tests have that.
class TruncatedInputTest : public BadInputTest {};

// Cut where the last documents are packed, behind the first block of bzip2.
TEST_P(TruncatedInputTest, GivesWhatIsThereAndSaysWhereItEnds) {
  Rng rng(1, "bad input");
  std::string content = made_.Head();
  std::vector<std::string> texts;
  while (content.size() < 1'200'000) {
    std::string& text = texts.emplace_back(fmt::format("Document {}", texts.size()));
    for (int i = 0; i < 120; ++i) text += fmt::format(" {:x}", rng.Below(std::uint64_t{1} << 40));
    content += made_.Document(text);
  }
  const std::string packed = Pack(content + made_.Tail());
  const std::string cut = packed.substr(0, packed.size() * 9 / 10);
  const std::vector<std::string> read = Read(cut, /*strict=*/false);
  ASSERT_GT(read.size(), texts.size() / 2);
  ASSERT_LT(read.size(), texts.size());
  EXPECT_TRUE(std::equal(read.begin(), read.end(), texts.begin()));
  const auto& damaged = notes_.reasons().at("damaged");
  EXPECT_EQ(damaged.count, 1);
  EXPECT_THAT(
      damaged.examples,
      ElementsAre(AllOf(StartsWith("set/f: byte "),
                        HasSubstr(fmt::format("damaged at byte {} of the file", cut.size())),
                        HasSubstr("the file ends in the middle"))));
  Read(cut, /*strict=*/true);
  ASSERT_TRUE(error_);
  EXPECT_EQ(error_->code, ErrorCode::kCorrupt);
}

std::string CaseName(const ::testing::TestParamInfo<Case>& param) {
  return fmt::format("{}_{}", std::get<0>(param.param), PackingName(std::get<1>(param.param)));
}

INSTANTIATE_TEST_SUITE_P(Readers, BadInputTest,
                         ::testing::Combine(::testing::ValuesIn(testing::kMadeLayouts),
                                            ::testing::Values(Packing::kNone, Packing::kGzip,
                                                              Packing::kZstd, Packing::kBzip2,
                                                              Packing::kXz)),
                         CaseName);
INSTANTIATE_TEST_SUITE_P(Readers, TruncatedInputTest,
                         ::testing::Combine(::testing::ValuesIn(testing::kMadeLayouts),
                                            ::testing::Values(Packing::kGzip, Packing::kZstd,
                                                              Packing::kBzip2, Packing::kXz)),
                         CaseName);

}  // namespace
}  // namespace repro
