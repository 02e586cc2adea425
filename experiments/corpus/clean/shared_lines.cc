#include "experiments/corpus/clean/shared_lines.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "core/base/text.h"
#include "core/io/text_window.h"
#include "experiments/corpus/clean/line_normalizer.h"
#include "experiments/corpus/source/text_lines.h"

namespace repro {

namespace {

SharedLine Example(std::string_view line, std::string where) {
  return {std::move(where), std::string(Prefix(line, SharedLines::kShown))};
}

}  // namespace

std::vector<SharedLine>* SharedLines::Count(std::string_view line) {
  if (line.find_first_not_of(" \t\r\v\f") == std::string_view::npos) return nullptr;
  ++lines_;
  const auto has = [](const std::vector<std::uint64_t>& hashes, std::uint64_t hash) {
    return std::binary_search(hashes.begin(), hashes.end(), hash);
  };
  const auto wanted = [](std::vector<SharedLine>& examples) {
    return examples.size() < kExamples ? &examples : nullptr;
  };
  const auto hash = TextHash(line);
  if (hash && has(evaluation_->lines, *hash)) {
    ++shared_;
    return wanted(shared_examples_);
  }
  if (evaluation_->letters.empty()) return nullptr;
  const auto letters = LettersHash(line);
  if (!letters || !has(evaluation_->letters, *letters)) return nullptr;
  ++alike_;
  return wanted(alike_examples_);
}

void SharedLines::AddText(std::string_view text, std::string_view where) {
  while (!text.empty()) {
    const std::string_view line = TakeLine(text);
    if (auto* const examples = Count(line)) {
      examples->push_back(Example(line, std::string(where)));
    }
  }
}

Status SharedLines::AddFile(const std::filesystem::path& path, const std::atomic<bool>& stop) {
  REPRO_ASSIGN_OR_RETURN(ByteSource source, ByteSource::Open(path));
  TextWindow window(std::move(source));
  const std::string name = path.filename().string();
  std::int64_t number = 0;
  while (const auto line = window.NextLine(std::numeric_limits<std::int32_t>::max())) {
    ++number;
    if (stop) return Fail(ErrorCode::kInterrupted, "asked to stop");
    if (auto* const examples = Count(line->text)) {
      examples->push_back(Example(line->text, fmt::format("{}:{}", name, number)));
    }
  }
  if (window.damage()) return tl::unexpected<Error>(*window.damage());
  return {};
}

}  // namespace repro
