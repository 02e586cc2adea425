#pragma once
/// One file of a corpus on its way: its lines hashed, then its documents cleaned and written by
/// language.

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "experiments/corpus/clean/clean_stage.h"
#include "experiments/corpus/clean/funnel.h"
#include "experiments/corpus/clean/perplexity_buckets.h"
#include "experiments/corpus/source/open_documents.h"

namespace repro {

/// What reading a file takes, beside the file.
struct ShardContext {
  bool strict = false;  ///< the first thing wrong with the input is an error
  const std::atomic<bool>* stop = nullptr;
  /// Gets how many bytes of the file, as stored, were read since the last call.
  std::function<void(std::uint64_t)> progress = [](std::uint64_t) {};
};

/// Writes the DedupHash of each line that is not blank. Errors: those of the reader, kIo,
/// kInterrupted.
Status HashShard(const CorpusFile& file, const ShardContext& context,
                 const std::filesystem::path& hashes);

/// What `CleanShard` found out, beside the documents.
struct ShardReport {
  Funnel funnel;
  RejectSample rejects;
  Json notes = Json::object();                                 ///< ReadNotes::ToJson
  Json passed_over = Json::object();                           ///< count by kind
  std::map<std::string, PerplexityDistribution> perplexities;  ///< of documents, by language

  Status Merge(const ShardReport& later);
  Json ToJson() const;
  static Result<ShardReport> FromJson(const Json& json);
};

/// Writes LANGUAGE.jsonl.zst for each language, and report.json, into `folder`, which appears
/// whole. Each line is a document: {"id", "set", "text", "language"; where known "title",
/// "content", "language_score", "perplexity"}. `number` is the shard's among all; `marks` may be
/// empty: no line is marked. Errors: as `HashShard`; kCorrupt where there are not as many marks as
/// lines: the file changed since.
Status CleanShard(const CorpusFile& file, std::uint64_t number,
                  const std::vector<std::unique_ptr<const CleanStage>>& stages,
                  const std::filesystem::path& marks, const ShardContext& context,
                  const std::filesystem::path& folder);

}  // namespace repro
