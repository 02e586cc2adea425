#pragma once
/// Texts to token shards (token_shard.h), on several threads: each sentence with </s>, and a lone
/// </s> after each document.
///
/// Files are read in chunks that end with a line, which threads encode and which are written in
/// their order. So one large language keeps all threads busy, and the bytes are the same for any
/// number of them. Memory: a few chunks a thread, one document, and 8 bytes a sentence
/// (TokenShardWriter).

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "core/base/result.h"
#include "experiments/data/encoded_corpus.h"
#include "experiments/text/tokenizer.h"

namespace repro {

struct ShardJob {
  std::filesystem::path text;  ///< a sentence a line, an empty line between documents
  std::filesystem::path shard;
  Tokenizer tokenizer;
  /// Whole documents from the beginning of the text, up to the first that would make the shard
  /// longer; so a smaller shard is the beginning of a larger one. 0: all of it.
  std::int64_t max_tokens = 0;
};

/// Counts in the order of `jobs`. `progress` is told, in the calling thread and now and then, how
/// many bytes of text are encoded. Errors: kNotFound, kIo; kInvalidArgument where not even one
/// document is within `max_tokens`; kInterrupted once `stop` is set; kFailed, out of memory
/// included.
Result<std::vector<ShardCounts>> EncodeShards(
    const std::vector<ShardJob>& jobs, int threads, const std::atomic<bool>& stop,
    const std::function<void(std::int64_t bytes)>& progress);

}  // namespace repro
