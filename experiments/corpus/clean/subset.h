#pragma once
/// A cleaned language as the text that is trained on: the held-out documents apart, and no more of
/// the rest than was asked for.

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/io/json_io.h"

namespace repro {

struct SubsetOptions {
  std::vector<std::string> buckets{};  ///< of those that cleaning made; empty: all
  std::uint64_t seed = 1;      ///< of the order in which a subset grows, and of what is held out
  std::int64_t max_bytes = 0;  ///< 0: all
  std::int64_t max_sentences = 0;  ///< 0: all
  bool drawn_order = false;        ///< without a limit, too
  double heldout_share = 0.01;     ///< of the contents
  std::int64_t heldout_sentences =
      2'000;  ///< at most; the rest of the share is not trained on either
  std::int64_t memory_bytes = std::int64_t{256} << 20;  ///< of text that is put in order in memory
  /// Which documents there are at all; empty: each.
  std::function<bool(const Json& document)> wants{};
  /// What becomes of a line; empty: it stays. Limits and counts are of the text before it.
  std::function<std::string(std::string_view line)> rewrite{};
};

struct SubsetCounts {
  std::int64_t documents = 0;
  std::int64_t sentences = 0;  ///< lines
  std::int64_t bytes = 0;      ///< of lines, line ends included
  std::int64_t words = 0;      ///< between white space
  std::int64_t heldout_sentences = 0;
  std::int64_t available_bytes = 0;  ///< before the limit
};

/// From a language's folder of CleanCorpus: `text` and `heldout`, one line each, an empty line
/// between documents. With a limit, or if asked for, documents come in an order drawn from the
/// seed, so that a smaller set is the beginning of a larger one; else in that of the corpus. Where
/// the text to be put in order is more than `memory_bytes`, it goes through files in `scratch`,
/// which is there, and is read no more often for that. What is held out goes by content
/// (TextDocument::content), the same in every language and translation, else by document. Errors:
/// kNotFound without a bucket of those names, kIo, kCorrupt, kInterrupted.
Result<SubsetCounts> WriteSubset(const std::filesystem::path& language_folder,
                                 const SubsetOptions& options, const std::filesystem::path& scratch,
                                 const std::filesystem::path& text,
                                 const std::filesystem::path& heldout,
                                 const std::atomic<bool>& stop);

/// Calls `visit` with each document's JSON line of a language's folder, in order. Errors: as above,
/// and those of `visit`.
Status EachCleanDocument(const std::filesystem::path& language_folder,
                         const std::vector<std::string>& buckets,
                         const std::function<Status(const Json& document)>& visit);

}  // namespace repro
