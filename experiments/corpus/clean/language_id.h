#pragma once
/// Which language a text is in, by a fastText classifier (lid.176 of fasttext.cc, as in CC-Net;
/// Joulin et al. 2016, arXiv 1607.01759).

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace repro {

/// What lid.176 calls a language of ours: "zh" for "zh-Hant", "ckb" for "ku-ckb". It does not tell
/// scripts apart, but Western from Eastern Punjabi.
std::string_view LanguageIdCode(std::string_view language);

class LanguageId {
 public:
  struct Guess {
    std::string language;  ///< the label without "__label__": "en", "zh"
    float probability = 0;
  };

  /// A .bin or .ftz file. Errors: kNotFound, kIo; kCorrupt where fastText refuses it,
  /// or where it is no classifier, or one with n-grams of words.
  static Result<LanguageId> Load(const std::filesystem::path& model);
  LanguageId(LanguageId&&) noexcept;
  LanguageId& operator=(LanguageId&&) noexcept;
  ~LanguageId();

  /// The `count` likeliest, best first; none for a text without a known word or n-gram. Line ends
  /// are taken out first, as CC-Net does. Threads may share one object.
  std::vector<Guess> Predict(std::string_view text, int count = 1) const;

 private:
  struct Impl;
  explicit LanguageId(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace repro
