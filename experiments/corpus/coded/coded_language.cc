#include "experiments/corpus/coded/coded_language.h"

#include <charconv>

#include <fmt/format.h>

#include "core/base/check.h"
#include "core/base/rng.h"
#include "core/base/text.h"

namespace repro {
namespace {

constexpr std::string_view kEnglish = "en";
constexpr std::string_view kPrefix = "en-c";

}  // namespace

std::string CodedLanguageName(std::int64_t language) {
  return language == 0 ? std::string(kEnglish) : fmt::format("{}{:02}", kPrefix, language);
}

std::optional<std::int64_t> ParseCodedLanguageName(std::string_view name) {
  if (name == kEnglish) return 0;
  if (!name.starts_with(kPrefix)) return std::nullopt;
  std::int64_t language = 0;
  std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), language);
  const bool exact =
      language >= 1 && language <= kMaxCodedLanguage && CodedLanguageName(language) == name;
  return exact ? std::optional(language) : std::nullopt;
}

Result<CodedLanguage> CodedLanguage::Make(const CodedSettings& settings,
                                          std::shared_ptr<const TypeInventory> inventory,
                                          std::int64_t language) {
  if (language < 0 || language > kMaxCodedLanguage) {
    return Fail(ErrorCode::kInvalidArgument, "coded language {}: expected 0 (English) to {}",
                language, kMaxCodedLanguage);
  }
  if (settings.script != "own" && settings.script != "latin") {
    return Fail(ErrorCode::kInvalidArgument, "script `{}`: expected own or latin",
                Printable(settings.script));
  }
  const std::uint64_t key = MixSeed(static_cast<std::uint64_t>(settings.seed), "coded.language",
                                    static_cast<std::uint64_t>(language));
  REPRO_ASSIGN_OR_RETURN(ClauseOrder order, ClauseOrder::Make(settings.order, key));
  CodedLanguage made;
  if (language == 0) return made;
  made.code_ = std::make_shared<const WordCode>(settings, std::move(inventory), key, language);
  made.order_ = std::make_shared<const ClauseOrder>(std::move(order));
  return made;
}

std::string CodedLanguage::Encode(std::string_view line) const {
  if (!code_) return std::string(line);
  std::string out;
  out.reserve(3 * line.size());
  if (order_->changes_nothing()) {
    code_->Recode(line, CodeDirection::kEncode, out);
  } else {
    code_->Recode(order_->Apply(line), CodeDirection::kEncode, out);
  }
  return out;
}

std::string CodedLanguage::Decode(std::string_view line) const {
  if (!code_) return std::string(line);
  std::string out;
  code_->Recode(line, CodeDirection::kDecode, out);
  return order_->changes_nothing() ? out : order_->Undo(out);
}

CodedSentence CodedLanguage::EncodeWords(std::span<const std::string> words) const {
  CodedSentence sentence;
  sentence.words.reserve(words.size());
  if (!code_) {
    sentence.words.assign(words.begin(), words.end());
    for (std::size_t i = 0; i < words.size(); ++i) sentence.origins.push_back(i);
    return sentence;
  }
  sentence.origins = order_->ApplyToWords(words);
  for (const std::size_t origin : sentence.origins) {
    code_->Recode(words[origin], CodeDirection::kEncode, sentence.words.emplace_back());
  }
  return sentence;
}

std::vector<std::string> MovedTags(std::span<const std::string> tags,
                                   std::span<const std::size_t> origins) {
  REPRO_CHECK(tags.size() == origins.size());
  const auto kind = [&](std::size_t i) { return std::string_view(tags[i]).substr(2); };
  const auto is_outside = [&](std::size_t i) { return tags[i].size() < 2; };
  // Number of the span that a word belongs to.
  std::vector<std::size_t> spans(tags.size());
  for (std::size_t i = 1; i < tags.size(); ++i) {
    const bool goes_on =
        !is_outside(i) && !is_outside(i - 1) && tags[i].front() == 'I' && kind(i) == kind(i - 1);
    spans[i] = spans[i - 1] + (goes_on ? 0 : 1);
  }
  std::vector<std::string> moved;
  moved.reserve(tags.size());
  for (std::size_t i = 0; i < origins.size(); ++i) {
    const std::size_t origin = origins[i];
    if (is_outside(origin)) {
      moved.push_back(tags[origin]);
      continue;
    }
    const bool goes_on = i > 0 && spans[origins[i - 1]] == spans[origin];
    moved.push_back(fmt::format("{}-{}", goes_on ? 'I' : 'B', kind(origin)));
  }
  return moved;
}

}  // namespace repro
