#pragma once
/// The vocabulary of a `vocab` or `import` artifact, as those who encode text with it see it.

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/result.h"
#include "core/io/json_io.h"
#include "experiments/text/tokenizer.h"

namespace repro {

/// How text is cut into words before it is encoded: what vocab.json records as
/// `pre_tokenization`.
struct PreTokenization {
  static constexpr const char* kNote =
      "words as Moses' documented rules and ICU's dictionaries cut them: a stand-in for XLM's "
      "tools "
      "(Moses, Stanford segmenter, PyThaiNLP, KyTea, fastBPE)";
  std::map<std::string, std::string> rules;  ///< WordTokenizer's, by language
  std::string icu;                           ///< release of ICU that was linked

  /// Of a language that the vocabulary is not learnt from, too. Errors: as WordTokenizer::Make.
  Result<WordTokenizer> For(const std::string& language) const;
  Json ToJson() const;
};

class VocabFiles {
 public:
  /// Reads sp.model and, where it is there, vocab.json. Errors: kNotFound; kCorrupt naming the file
  /// and what is wrong in it.
  static Result<VocabFiles> Load(const std::filesystem::path& folder);

  /// From the bytes of a model; `where` names them in messages. Errors: kCorrupt.
  static Result<VocabFiles> FromBytes(std::string_view model, std::string_view where,
                                      std::optional<PreTokenization> pre_tokenization);

  /// The tokenizer for text of a language: it takes raw text, and cuts it into words first where
  /// the text was cut that the vocabulary is learnt from. Errors: as WordTokenizer::Make.
  Result<Tokenizer> For(const std::string& language) const;

  /// For raw text, and what does not depend on the text.
  const Tokenizer& model() const { return tokenizer_; }
  const std::optional<PreTokenization>& pre_tokenization() const { return pre_tokenization_; }
  std::int64_t vocab_size() const { return tokenizer_.vocab_size(); }

 private:
  explicit VocabFiles(Tokenizer tokenizer) : tokenizer_(std::move(tokenizer)) {}

  Tokenizer tokenizer_;
  std::optional<PreTokenization> pre_tokenization_{};  // nothing: raw text
};

}  // namespace repro
