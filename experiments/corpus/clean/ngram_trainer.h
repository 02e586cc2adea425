#pragma once
/// Trains an n-gram model with KenLM's `lmplz` (modified Kneser-Ney smoothing; Heafield et al.
/// 2013, "Scalable Modified Kneser-Ney Language Model Estimation"), in a process of its own.

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace repro {

/// As CC-Net calls it (Makefile): lmplz -o 5 -S 8G --vocab_estimate 65536 --discount_fallback.
struct NgramTrainerOptions {
  std::filesystem::path programs;  ///< folder that holds lmplz and build_binary
  int order = 5;                   ///< 2 to 6
  /// What sorting may take: a number and one of b K M G T, or "%" of the machine's memory. More
  /// goes to the disk. The model does not depend on it.
  std::string memory = "8G";
  std::int64_t vocab_estimate = 65'536;
  /// Discounts 0.5, 1, 1.5 where a small or repetitive text gives no estimate of them.
  bool discount_fallback = true;
  const std::atomic<bool>* stop = nullptr;  ///< looked at while the programs run
};

enum class NgramFormat {
  kArpa,    ///< text
  kBinary,  ///< KenLM's probing hash table: loads at once, queries fastest
};

struct TrainedNgrams {
  std::vector<std::int64_t> counts;  ///< n-grams of order 1, 2, ...
  std::int64_t peak_rss = 0;         ///< bytes, of the larger of the two programs
};

/// `text`: a line a line, tokens between white space; <s>, </s> and <unk> in it are passed over.
/// The file `out` appears whole or not at all; the temporary files lie beside it. Same text and
/// options, same bytes. Errors: kNotFound, kIo; kInvalidArgument for an order, or a text without a
/// token; kFailed with what the program said; kInterrupted.
Result<TrainedNgrams> TrainNgramModel(const std::filesystem::path& text,
                                      const std::filesystem::path& out, NgramFormat format,
                                      const NgramTrainerOptions& options);

}  // namespace repro
