#pragma once
/// A corpus from its files to the shards of its languages.
///
/// Four passes, each file by file, so that memory does not grow with the corpus and what is done is
/// not done again: hashes of lines; which of them are repeated or of a test set (line_marks.h); the
/// stages, document by document; and each language's documents together. How many threads there are
/// changes no byte.

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "experiments/corpus/clean/clean_shard.h"
#include "experiments/corpus/clean/line_marks.h"
#include "experiments/corpus/clean/perplexity_buckets.h"

namespace repro {

struct CleanCorpusOptions {
  std::vector<CorpusFile> files;  ///< their order is that of the documents
  std::vector<std::unique_ptr<const CleanStage>> stages;
  bool mark_lines = true;  ///< false: no stage asks for marks
  MarkOptions marks;
  /// By language; what is not here is taken from the documents themselves.
  std::map<std::string, PerplexityCutoffs> cutoffs;
  bool strict = false;
  int threads = 1;
  /// Of the documents in one file of a language, unpacked.
  std::int64_t shard_bytes = std::int64_t{256} << 20;
};

/// What is known of all files together.
struct CorpusReport {
  ShardReport sum;
  std::map<std::string, PerplexityCutoffs> cutoffs;  ///< by language
  /// How much of a language is of each class of quality, where there are classes.
  std::map<std::string, std::map<std::string, TextAmount>> classes;
};

/// How far it is, in bytes of the files as they stand for the whole of the work, and what it does.
using CleanProgress =
    std::function<void(std::string_view doing, std::int64_t done, std::int64_t total)>;

/// Writes LANGUAGE/BUCKET-00000.jsonl.zst and so on into `out`, which holds nothing: BUCKET is
/// "head", "middle" or "tail" by the cutoffs of the language, "all" without perplexities. Lines are
/// those of CleanShard. What is done is kept in `scratch`, which is for this alone: the same call
/// goes on there, unless it was done with other readers (kReadersVersion) or does not fit what is
/// in the files (kCorrupt, once): then it begins anew. What a file of the input has wrong costs
/// nothing that is done. `progress` is called from several threads, one at a time.
/// Errors: kIo, kCorrupt, kInterrupted, those of the readers.
Result<CorpusReport> CleanCorpus(const CleanCorpusOptions& options,
                                 const std::filesystem::path& scratch,
                                 const std::filesystem::path& out, const std::atomic<bool>& stop,
                                 const CleanProgress& progress);

}  // namespace repro
