// Memory does not follow the size of the corpus: neither of cleaning, nor of a subset.

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "core/io/file.h"
#include "core/io/zstd_writer.h"
#include "experiments/corpus/clean/clean_corpus.h"
#include "experiments/corpus/clean/stages.h"
#include "experiments/corpus/clean/subset.h"
#include "tests/core/peak_memory.h"
#include "tests/core/temp_folder.h"

namespace repro {
namespace {

constexpr std::int64_t kMega = 1 << 20;

double InMega(std::int64_t bytes) {
  return static_cast<double>(bytes) / static_cast<double>(kMega);
}

class CleanMemoryTest : public ::testing::Test {
 protected:
  /// `files` of so many lines each, a document every fifth, some lines repeated. Packed, as they
  /// go.
  CleanCorpusOptions Made(int files, int lines) {
    CleanCorpusOptions options;
    for (int file = 0; file < files; ++file) {
      const std::string name = fmt::format("{}-{}.zst", lines, file);
      auto writer = ZstdWriter::Open(folder_ / name);
      EXPECT_TRUE(writer);
      Rng rng(1, name);
      for (int line = 0; line < lines; ++line) {
        const std::uint64_t number = rng.Below(20) == 0 ? 7 : rng.Below(std::uint64_t{1} << 60);
        std::string text = "Word ";
        for (std::uint64_t rest = number; rest > 0; rest /= 26) {
          text += static_cast<char>('a' + rest % 26);
        }
        EXPECT_TRUE(writer->Write(text + (line % 5 == 4 ? "\n\n" : "\n")));
      }
      EXPECT_TRUE(writer->Finish());
      CorpusFile& added = options.files.emplace_back();
      added.path = folder_ / name;
      added.name = name;
      added.set = "made";
      added.language = "aa";
      added.layout = "text";
    }
    options.stages.push_back(std::make_unique<MarkedLines>(LineMark::kRepeated));
    options.marks.memory_bytes = kMega;
    return options;
  }
  /// Bytes that it takes to clean them.
  std::int64_t PeakOf(const CleanCorpusOptions& options, const std::string& name) {
    return testing::PeakBytes([&] {
      const std::atomic<bool> stop = false;
      const auto out = folder_ / ("out-" + name);
      if (!MakeDirectories(folder_ / name) || !MakeDirectories(out)) return false;
      const auto report = CleanCorpus(options, folder_ / name, out, stop, [](auto, auto, auto) {});
      return report && report->sum.funnel.rows().at({"made", "aa"}).kept.lines > 0;
    });
  }
  /// A language's folder of so many short documents, as cleaning leaves it.
  std::filesystem::path Cleaned(std::int64_t documents) {
    const auto folder = folder_ / fmt::format("cleaned-{}", documents);
    EXPECT_TRUE(MakeDirectories(folder));
    auto writer = ZstdWriter::Open(folder / "all-00000.jsonl.zst");
    EXPECT_TRUE(writer);
    for (std::int64_t i = 0; i < documents; ++i) {
      EXPECT_TRUE(writer->Write(fmt::format(R"({{"set":"made","id":"{0}","text":"Line {0}."}})"
                                            "\n",
                                            i)));
    }
    EXPECT_TRUE(writer->Finish());
    return folder;
  }
  /// Bytes that it takes to write a subset of so many documents, a MiB of text in memory.
  std::int64_t PeakOfSubset(const std::filesystem::path& language_folder, SubsetOptions options,
                            std::int64_t documents) {
    options.heldout_share = 0;
    options.memory_bytes = kMega;
    return testing::PeakBytes([&] {
      const std::atomic<bool> stop = false;
      const auto counts = WriteSubset(language_folder, options, folder_.path(), folder_ / "text",
                                      folder_ / "heldout", stop);
      return counts && counts->documents == documents;
    });
  }
  TempFolder folder_;
};

TEST_F(CleanMemoryTest, EightTimesTheTextTakesAsMuchMemory) {
  if (testing::kFreedMemoryIsKept) GTEST_SKIP() << "a sanitizer's allocator keeps freed memory";
  constexpr int kLines = 40'000;  // 700 KB
  const CleanCorpusOptions small = Made(2, kLines);
  const CleanCorpusOptions longer = Made(2, 8 * kLines);
  const CleanCorpusOptions more = Made(16, kLines);
  const std::int64_t once = PeakOf(small, "small");
  const std::int64_t in_long_files = PeakOf(longer, "longer");
  const std::int64_t in_more_files = PeakOf(more, "more");
  fmt::print(
      "peak: {:.1f} MiB; of 8 times the text {:.1f} in files as many, {:.1f} in more files\n",
      InMega(once), InMega(in_long_files), InMega(in_more_files));
  // A file's marks are mapped, a byte a line; and the allocator keeps a little more or less.
  EXPECT_LT(in_long_files, once + 4 * kMega);
  EXPECT_LT(in_more_files, once + 4 * kMega);
}

// 24 bytes a document would be 15 MB of the many, and their text is more.
TEST_F(CleanMemoryTest, ASubsetOfEightTimesTheTextTakesAsMuchMemory) {
  if (testing::kFreedMemoryIsKept) GTEST_SKIP() << "a sanitizer's allocator keeps freed memory";
  constexpr std::int64_t kFew = 80'000, kMany = 640'000;
  const auto few = Cleaned(kFew), many = Cleaned(kMany);
  const SubsetOptions limited{.max_sentences = 1'000}, everything{.drawn_order = true};
  const std::int64_t some_of_few = PeakOfSubset(few, limited, 1'000);
  const std::int64_t some_of_many = PeakOfSubset(many, limited, 1'000);
  const std::int64_t all_of_few = PeakOfSubset(few, everything, kFew);
  const std::int64_t all_of_many = PeakOfSubset(many, everything, kMany);
  fmt::print(
      "peak: 1,000 documents of {} {:.1f} MiB, of {} {:.1f}; all in drawn order {:.1f}, {:.1f}\n",
      kFew, InMega(some_of_few), kMany, InMega(some_of_many), InMega(all_of_few),
      InMega(all_of_many));
  EXPECT_LT(some_of_many, some_of_few + 4 * kMega);
  // The windows of zstd, 2 MiB each, are filled by the many alone.
  EXPECT_LT(all_of_many, all_of_few + 8 * kMega);
}

}  // namespace
}  // namespace repro
