#include "experiments/corpus/clean/clean_corpus.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <optional>
#include <set>
#include <system_error>

#include <fmt/format.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "core/base/parallel_for.h"
#include "core/io/file.h"
#include "core/io/json_io.h"
#include "core/io/text_window.h"
#include "core/io/zstd_writer.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPackedLines = ".jsonl.zst";

/// Gives what is free inside the heap back to the system. Each language of a file has had megabytes
/// to pack with; what of them stays behind from file to file would grow with the corpus.
void ReturnFreeMemory() {
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
}

/// What share of the time passes take, about (docs/benchmarks.md: 4.8, 0.4, 13.2 and 1.3 s); the
/// second is too short to count.
constexpr double kHashing = 0.25;
constexpr double kCleaning = 0.68;

/// The files of a language in `out`: a new one when the last is full.
class BucketFiles {
 public:
  BucketFiles(fs::path folder, std::int64_t bytes_each)
      : folder_(std::move(folder)), bytes_each_(bytes_each) {}

  Status Write(const std::string& bucket, std::string_view line) {
    Open& open = files_[bucket];
    if (!open.writer || open.bytes >= bytes_each_) {
      if (open.writer) REPRO_RETURN_IF_ERROR(open.writer->Finish());
      REPRO_ASSIGN_OR_RETURN(
          open.writer, ZstdWriter::Open(folder_ / fmt::format("{}-{:05}{}", bucket, open.count++,
                                                              kPackedLines)));
      open.bytes = 0;
    }
    open.bytes += static_cast<std::int64_t>(line.size()) + 1;
    REPRO_RETURN_IF_ERROR(open.writer->Write(line));
    return open.writer->Write("\n");
  }
  Status Finish() {
    for (auto& [bucket, open] : files_) REPRO_RETURN_IF_ERROR(open.writer->Finish());
    return {};
  }

 private:
  struct Open {
    std::optional<ZstdWriter> writer;
    std::int64_t bytes = 0;
    int count = 0;
  };
  fs::path folder_;
  std::int64_t bytes_each_;
  std::map<std::string, Open> files_;
};

/// Says in a scratch folder which readers its hashes, marks and shards are of.
constexpr std::string_view kReadersFile = "readers";

Status EmptyFolder(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    fs::remove_all(entry->path(), error);
    if (error) break;
  }
  if (error) return Fail(ErrorCode::kIo, "cannot empty {}: {}", folder.string(), error.message());
  return {};
}

/// What other readers left would not fit with what ours give.
Status PrepareScratch(const fs::path& scratch) {
  const std::string readers = std::to_string(kReadersVersion) + "\n";
  const auto found = ReadFile(scratch / kReadersFile);
  if (found && *found == readers) return {};
  if (!found && found.error().code != ErrorCode::kNotFound) return tl::unexpected(found.error());
  REPRO_RETURN_IF_ERROR(EmptyFolder(scratch));
  return WriteFileAtomic(scratch / kReadersFile, readers);
}

class Cleaner {
 public:
  Cleaner(const CleanCorpusOptions& options, const fs::path& scratch, const fs::path& out,
          const std::atomic<bool>& stop, const CleanProgress& progress)
      : options_(options), scratch_(scratch), out_(out), stop_(stop), progress_(progress) {}

  Result<CorpusReport> Clean() {
    for (const CorpusFile& file : options_.files) {
      std::error_code error;
      const auto bytes = fs::file_size(file.path, error);
      if (error) return Fail(ErrorCode::kIo, "{}: {}", file.path.string(), error.message());
      sizes_.push_back(static_cast<std::int64_t>(bytes));
      total_ += sizes_.back();
    }
    if (!options_.mark_lines) return CleanAndGather();
    REPRO_RETURN_IF_ERROR(HashFiles());
    auto report = MarkAndClean();
    // Every file was read by then, with its faults reported if they are errors. So what is wrong is
    // what was kept: hashes of a file that changed since, a damaged shard.
    if (!report && report.error().code == ErrorCode::kCorrupt) {
      REPRO_RETURN_IF_ERROR(EmptyFolder(scratch_));
    }
    return report;
  }

 private:
  fs::path Part(std::size_t file, std::string_view kind) const {
    return scratch_ / fmt::format("{:06}.{}", file, kind);
  }

  /// Says that a pass, which takes `share` of the time behind `before`, is done to `part`.
  void Report(std::string_view doing, double before, double share, double part) const {
    progress_(doing, std::llround(static_cast<double>(total_) * (before + share * part)), total_);
  }

  /// `work(i)` for each file whose `Part(i, kind)` is not there.
  Status EachFile(std::string_view doing, std::string_view kind, double before, double share,
                  const std::function<Status(std::size_t, const ShardContext&)>& work) {
    std::mutex mutex;
    std::int64_t done = 0;
    const auto add = [&](std::uint64_t bytes) {
      const std::lock_guard lock(mutex);
      done += static_cast<std::int64_t>(bytes);
      Report(doing, before, share,
             static_cast<double>(done) / static_cast<double>(std::max<std::int64_t>(1, total_)));
    };
    return ParallelFor(options_.files.size(), options_.threads, [&](std::size_t i) -> Status {
      std::error_code error;
      if (fs::exists(Part(i, kind), error)) {
        add(static_cast<std::uint64_t>(sizes_[i]));
        return {};
      }
      return work(i, {.strict = options_.strict, .stop = &stop_, .progress = add});
    });
  }

  Status HashFiles() {
    return EachFile("hashing lines", "hashes", 0, kHashing,
                    [&](std::size_t i, const ShardContext& context) {
                      return HashShard(options_.files[i], context, Part(i, "hashes"));
                    });
  }

  Status Mark() {
    std::vector<fs::path> hashes, marks;
    bool all = true;
    for (std::size_t i = 0; i < options_.files.size(); ++i) {
      hashes.push_back(Part(i, "hashes"));
      marks.push_back(Part(i, "marks"));
      std::error_code error;
      all &= fs::exists(marks.back(), error);
    }
    if (all) return {};
    Report("looking for repeated lines", kHashing, 0, 0);
    const auto counts = MarkLines(hashes, marks, options_.marks, stop_);
    return counts ? Status() : tl::unexpected<Error>(counts.error());
  }

  Status CleanFiles() {
    const double before = options_.mark_lines ? kHashing : 0;
    const double share = kCleaning + kHashing - before;
    return EachFile(
        "cleaning", "clean", before, share, [&](std::size_t i, const ShardContext& context) {
          Status status = CleanShard(options_.files[i], i, options_.stages,
                                     options_.mark_lines ? Part(i, "marks") : fs::path(), context,
                                     Part(i, "clean"));
          ReturnFreeMemory();
          return status;
        });
  }

  Result<CorpusReport> MarkAndClean() {
    REPRO_RETURN_IF_ERROR(Mark());
    return CleanAndGather();
  }

  Result<CorpusReport> CleanAndGather() {
    REPRO_RETURN_IF_ERROR(CleanFiles());
    return Gather();
  }

  Result<CorpusReport> Gather() {
    CorpusReport report;
    std::set<std::string> languages;
    for (std::size_t i = 0; i < options_.files.size(); ++i) {
      const fs::path path = Part(i, "clean") / "report.json";
      REPRO_ASSIGN_OR_RETURN(const Json json, LoadJson(path));
      const auto part = ShardReport::FromJson(json);
      if (!part) return Context(path.string(), part.error());
      REPRO_RETURN_IF_ERROR(report.sum.Merge(*part));
    }
    for (const auto& [key, row] : report.sum.funnel.rows()) {
      if (row.kept.documents > 0) languages.insert(key.language);
    }
    for (const auto& [language, distribution] : report.sum.perplexities) {
      const auto given = options_.cutoffs.find(language);
      if (given != options_.cutoffs.end()) {
        report.cutoffs[language] = given->second;
      } else if (const auto cutoffs = distribution.Cutoffs()) {
        report.cutoffs[language] = *cutoffs;
      }
    }
    const std::vector<std::string> list(languages.begin(), languages.end());
    constexpr double kBefore = kHashing + kCleaning;
    Report("gathering languages", kBefore, 0, 0);
    std::size_t done = 0;
    std::mutex mutex;
    const auto gather = [&](std::size_t i) -> Status {
      std::map<std::string, TextAmount> classes;
      REPRO_RETURN_IF_ERROR(GatherLanguage(list[i], report.cutoffs, classes));
      const std::lock_guard lock(mutex);
      if (!classes.empty()) report.classes[list[i]] = std::move(classes);
      Report("gathering languages", kBefore, 1 - kBefore,
             static_cast<double>(++done) / static_cast<double>(list.size()));
      return {};
    };
    REPRO_RETURN_IF_ERROR(ParallelFor(list.size(), options_.threads, gather));
    return report;
  }

  Status GatherLanguage(const std::string& language,
                        const std::map<std::string, PerplexityCutoffs>& all_cutoffs,
                        std::map<std::string, TextAmount>& classes) {
    const auto cutoffs = all_cutoffs.find(language);
    REPRO_RETURN_IF_ERROR(MakeDirectory(out_ / language));
    BucketFiles out(out_ / language, options_.shard_bytes);
    for (std::size_t i = 0; i < options_.files.size(); ++i) {
      const fs::path path = Part(i, "clean") / (language + std::string(kPackedLines));
      std::error_code error;
      if (!fs::exists(path, error)) continue;
      REPRO_ASSIGN_OR_RETURN(ByteSource source, ByteSource::Open(path));
      TextWindow window(std::move(source));
      while (const auto line = window.NextLine(std::numeric_limits<std::int32_t>::max())) {
        if (stop_) return Fail(ErrorCode::kInterrupted, "asked to stop");
        auto bucket = QualityBucket::kAll;
        if (cutoffs != all_cutoffs.end()) {
          REPRO_ASSIGN_OR_RETURN(const Json document, ParseJson(line->text, path.string()));
          const auto perplexity = document.find("perplexity");
          if (perplexity != document.end()) {
            bucket = cutoffs->second.Bucket(perplexity->get<double>());
          }
          const auto text = document.at("text").get<std::string>();
          classes[QualityBucketName(bucket)] +=
              {.documents = 1,
               .lines = 1 + std::count(text.begin(), text.end(), '\n'),
               .bytes = static_cast<std::int64_t>(text.size()) + 1};
        }
        REPRO_RETURN_IF_ERROR(out.Write(QualityBucketName(bucket), line->text));
      }
      if (window.damage()) return tl::unexpected<Error>(*window.damage());
    }
    return out.Finish();
  }

  const CleanCorpusOptions& options_;
  const fs::path& scratch_;
  const fs::path& out_;
  const std::atomic<bool>& stop_;
  const CleanProgress& progress_;
  std::vector<std::int64_t> sizes_;
  std::int64_t total_ = 0;
};

}  // namespace

Result<CorpusReport> CleanCorpus(const CleanCorpusOptions& options, const fs::path& scratch,
                                 const fs::path& out, const std::atomic<bool>& stop,
                                 const CleanProgress& progress) {
  REPRO_RETURN_IF_ERROR(PrepareScratch(scratch));
  return Cleaner(options, scratch, out, stop, progress).Clean();
}

}  // namespace repro
