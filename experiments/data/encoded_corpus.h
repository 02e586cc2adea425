#pragma once
/// meta.json of an `encode` artifact: what its shards hold, so that a reader need not open them
/// all.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "core/base/result.h"

namespace repro {

struct ShardCounts {
  std::int64_t sentences = 0;  ///< without the lone </s> that parts documents
  std::int64_t documents = 0;
  std::int64_t tokens = 0;   ///< every </s> included
  std::int64_t unknown = 0;  ///< <unk> among them
  /// Of the text of a shard with a limit of tokens, line ends included; else 0. Not in meta.json.
  std::int64_t bytes = 0, words = 0;
  bool operator==(const ShardCounts&) const = default;
};

struct EncodedLanguage {
  double nominal_units = 0;  ///< n_i of the corpus
  ShardCounts train, heldout;
};

struct EncodedCorpus {
  std::int64_t vocab_size = 0;
  std::map<std::string, EncodedLanguage> languages;  ///< by code
  std::map<std::string, std::string> left_out;       ///< languages without shards, and why

  static std::filesystem::path TrainShard(const std::filesystem::path& folder,
                                          const std::string& code);
  static std::filesystem::path HeldoutShard(const std::filesystem::path& folder,
                                            const std::string& code);

  /// Errors: kNotFound, kCorrupt naming the field.
  static Result<EncodedCorpus> Load(const std::filesystem::path& folder);
  Status Save(const std::filesystem::path& folder) const;
};

}  // namespace repro
