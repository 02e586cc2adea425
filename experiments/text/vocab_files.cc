#include "experiments/text/vocab_files.h"

#include <memory>
#include <system_error>

#include <fmt/format.h>

namespace repro {
namespace {

Result<PreTokenization> ReadPreTokenization(const Json& json, const std::filesystem::path& file) {
  PreTokenization read;
  try {
    read.rules = json.at("rules").get<std::map<std::string, std::string>>();
    read.icu = json.at("icu").get<std::string>();
  } catch (const Json::exception& e) {
    return Fail(ErrorCode::kCorrupt, "{}: pre_tokenization: {}", file.string(), JsonProblem(e));
  }
  for (const auto& [language, rules] : read.rules) {
    const auto known = WordTokenizer::Make(language, rules);
    if (!known) {
      return Fail(ErrorCode::kCorrupt, "{}: pre_tokenization of '{}': {}", file.string(), language,
                  known.error().message);
    }
  }
  return read;
}

}  // namespace

Result<WordTokenizer> PreTokenization::For(const std::string& language) const {
  const auto own = rules.find(language);
  if (own != rules.end()) return WordTokenizer::Make(language, own->second);
  return WordTokenizer::Make(language, MayLackSpaces(language) ? kIcuWords : kWordRules);
}

Json PreTokenization::ToJson() const {
  return {{"rules", rules}, {"icu", icu}, {"note", kNote}};
}

Result<VocabFiles> VocabFiles::Load(const std::filesystem::path& folder) {
  REPRO_ASSIGN_OR_RETURN(Tokenizer tokenizer, Tokenizer::Load(folder / "sp.model"));
  VocabFiles files(std::move(tokenizer));
  const std::filesystem::path summary = folder / "vocab.json";
  std::error_code error;
  if (!std::filesystem::exists(summary, error)) return files;
  REPRO_ASSIGN_OR_RETURN(const Json json, LoadJson(summary));
  const auto found = json.find("pre_tokenization");
  if (found == json.end()) return files;
  REPRO_ASSIGN_OR_RETURN(files.pre_tokenization_, ReadPreTokenization(*found, summary));
  return files;
}

Result<VocabFiles> VocabFiles::FromBytes(std::string_view model, std::string_view where,
                                         std::optional<PreTokenization> pre_tokenization) {
  REPRO_ASSIGN_OR_RETURN(Tokenizer tokenizer, Tokenizer::FromBytes(model, where));
  VocabFiles files(std::move(tokenizer));
  files.pre_tokenization_ = std::move(pre_tokenization);
  return files;
}

Result<Tokenizer> VocabFiles::For(const std::string& language) const {
  if (!pre_tokenization_) return tokenizer_;
  REPRO_ASSIGN_OR_RETURN(WordTokenizer words, pre_tokenization_->For(language));
  return tokenizer_.After(std::make_shared<const WordTokenizer>(std::move(words)));
}

}  // namespace repro
