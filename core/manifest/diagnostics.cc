#include "core/manifest/diagnostics.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "core/base/text.h"

namespace repro {

void Diagnostics::Add(const SourcePosition& where, std::string_view what,
                      std::string_view expected) {
  const std::string text = fmt::format("{}: {}, {}", where.ToString(), what, expected);
  entries_.push_back({where, Printable(text)});
}

std::string Diagnostics::ToString() const {
  std::vector<const Entry*> sorted;
  for (const Entry& entry : entries_) sorted.push_back(&entry);
  const auto order = [](const Entry* entry) {
    const SourcePosition& where = entry->where;
    const std::string_view file = where.file ? std::string_view(*where.file) : std::string_view();
    return std::make_tuple(where.line == 0, file, where.line, where.column,
                           std::string_view(entry->text));
  };
  std::sort(sorted.begin(), sorted.end(),
            [&](const Entry* a, const Entry* b) { return order(a) < order(b); });
  std::string out;
  const std::string* last = nullptr;
  for (const Entry* entry : sorted) {
    if (last != nullptr && *last == entry->text) continue;
    if (last != nullptr) out += '\n';
    out += entry->text;
    last = &entry->text;
  }
  return out;
}

Status Diagnostics::ToStatus() const {
  if (empty()) return {};
  return Fail(ErrorCode::kInvalidArgument, "{}", ToString());
}

std::size_t EditDistance(std::string_view a, std::string_view b) {
  const std::size_t width = b.size() + 1;
  std::vector<std::size_t> distance((a.size() + 1) * width);
  const auto at = [&](std::size_t i, std::size_t j) -> std::size_t& {
    return distance[i * width + j];
  };
  for (std::size_t i = 0; i <= a.size(); ++i) at(i, 0) = i;
  for (std::size_t j = 0; j <= b.size(); ++j) at(0, j) = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = at(i - 1, j - 1) + (a[i - 1] == b[j - 1] ? 0 : 1);
      at(i, j) = std::min({replace, at(i - 1, j) + 1, at(i, j - 1) + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) at(i, j) = std::min(at(i, j), at(i - 2, j - 2) + 1);
    }
  }
  return at(a.size(), b.size());
}

std::string Suggest(std::string_view name, const std::vector<std::string>& candidates) {
  std::string best;
  const std::size_t allowed = name.size() < 4 ? 1 : std::max<std::size_t>(2, name.size() / 3);
  std::size_t best_distance = allowed + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t longer = std::max(name.size(), candidate.size());
    const std::size_t shorter = std::min(name.size(), candidate.size());
    if (longer - shorter >= best_distance) continue;  // it takes that many edits at least
    const std::size_t distance = EditDistance(name, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  if (!best.empty() || name.size() < 3) return best;
  for (const std::string& candidate : candidates) {
    const bool longer = candidate.size() >= 3 && name.starts_with(candidate);
    if (longer || candidate.starts_with(name)) return candidate;
  }
  return best;
}

std::string DidYouMean(std::string_view name, const std::vector<std::string>& candidates) {
  const std::string best = Suggest(name, candidates);
  return best.empty() ? std::string() : fmt::format("; did you mean `{}`?", best);
}

std::string OneOfText(const std::vector<std::string>& candidates) {
  std::string out;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (i > 0) out += i + 1 == candidates.size() ? " or " : ", ";
    out += "`" + candidates[i] + "`";
  }
  return out;
}

}  // namespace repro
