#pragma once
/// Token shards: the sentences of one language as ids, memory-mapped. Bytes: docs/formats.md,
/// "Token shards".
///
/// A sentence ends with </s>; a document ends with an empty sentence, a lone </s> (RoBERTa's extra
/// separator between documents). <s> is not stored: it belongs to a block.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "core/base/hash.h"
#include "core/base/result.h"
#include "experiments/text/vocabulary.h"

namespace repro {

inline constexpr std::uint32_t kTokenShardVersion = 1;

/// Streams a shard to a file; memory grows by 8 bytes a sentence. Without `Finish` the file stays
/// unreadable, which is what a crash should leave.
class TokenShardWriter {
 public:
  /// Errors: kIo.
  static Result<TokenShardWriter> Open(const std::filesystem::path& path, std::int64_t vocab_size);

  /// Appends a sentence, its </s> included. Ids in [0, vocab size). A failed write shows in
  /// `Finish`.
  void Add(std::span<const TokenId> sentence);
  /// Writes index, header and digest. Errors: kIo, disk full included.
  Status Finish();

  std::int64_t sentences() const { return static_cast<std::int64_t>(ends_.size()); }
  std::int64_t tokens() const { return static_cast<std::int64_t>(tokens_); }

 private:
  TokenShardWriter() = default;
  void Write(std::string_view bytes);

  std::filesystem::path path_;
  std::ofstream out_;
  std::uint64_t vocab_size_ = 0;
  std::uint32_t item_bytes_ = 4;
  std::uint64_t tokens_ = 0;
  std::vector<std::uint64_t> ends_;
  std::string buffer_;
  Sha256 hash_;
};

/// A mapped shard. Movable; const members may be called from several threads.
class TokenShard {
 public:
  /// Maps the file and checks sizes, version and (one pass) the content, so that what is read later
  /// is sound whoever wrote the file: its SHA-256, sentences that follow one another and are not
  /// empty, ids inside the vocabulary. Errors: kNotFound, kIo, kCorrupt: not a shard, another
  /// version, truncated, damaged.
  static Result<TokenShard> Open(const std::filesystem::path& path);
  TokenShard(TokenShard&& other) noexcept;
  TokenShard& operator=(TokenShard&& other) noexcept;
  ~TokenShard();

  std::int64_t vocab_size() const { return vocab_size_; }
  std::int64_t sentences() const { return sentences_; }
  std::int64_t tokens() const { return tokens_; }

  /// Offset behind the last token of sentence `i`.
  std::int64_t SentenceEnd(std::int64_t i) const;
  std::int64_t SentenceBegin(std::int64_t i) const { return i == 0 ? 0 : SentenceEnd(i - 1); }
  /// Appends the tokens [begin, end) to `out`.
  void Append(std::int64_t begin, std::int64_t end, std::vector<std::int64_t>& out) const;
  /// Adds the number of times that each id occurs to `counts`, which has vocab_size() entries.
  void Count(std::vector<std::int64_t>& counts) const;

 private:
  TokenShard() = default;
  Status CheckContent() const;
  // use(pointer to the ids in their width)
  template <class Use>
  auto WithIds(const Use& use) const;

  const std::byte* data_ = nullptr;  ///< the mapping
  std::size_t bytes_ = 0;
  std::uint32_t item_bytes_ = 4;
  std::int64_t vocab_size_ = 0, sentences_ = 0, tokens_ = 0;
  std::size_t ends_offset_ = 0;
};

}  // namespace repro
