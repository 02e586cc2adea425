#include "experiments/datasets/layouts/tag_scheme.h"

#include <string_view>

#include <fmt/format.h>

namespace repro {
namespace {

std::string_view TypeOf(std::string_view tag) {
  return tag.size() > 2 ? tag.substr(2) : std::string_view();
}

}  // namespace

void TagSchemeCounts::Add(const std::vector<std::string>& sentence) {
  std::string_view open;
  for (const std::string& tag : sentence) {
    const std::string_view type = TypeOf(tag);
    if (!type.empty()) {
      const bool follows = type == open;
      if (tag.starts_with("B-")) ++(follows ? divided_by_b : opened_by_b);
      if (tag.starts_with("I-") && !follows) ++opened_by_i;
    }
    open = type;
  }
}

std::string TagSchemeCounts::Name() const {
  if (opened_by_b == 0) return opened_by_i > 0 ? "IOB1" : "";
  return opened_by_i == 0 ? "IOB2" : fmt::format("IOB2 with {} stray I-", opened_by_i);
}

void ToIob2(std::vector<std::string>& tags) {
  std::string_view open;
  for (std::string& tag : tags) {
    const std::string_view type = TypeOf(tag);
    if (!type.empty() && type != open) tag.front() = 'B';
    open = type;
  }
}

}  // namespace repro
