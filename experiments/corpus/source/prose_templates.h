#pragma once
/// The few templates that stand for words of the sentence they are in. All others show nothing.
///
/// Names are those of the English Wikipedia; many others have `lang`, `nowrap` and `convert` under
/// the same names. They are the frequent ones in the paragraphs of a dump once what shows no words
/// (citations, pronunciations) is left out: `convert` and `lang` are two thirds of that.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace repro {

/// What is shown: first `words`, as they are, then `wikitext`, part of an argument.
struct TemplateProse {
  std::string words;
  std::string_view wikitext;
};

/// Longer names are of no template that is known here.
inline constexpr std::size_t kLongestTemplateName = 20;

/// `name` as it is written; `arguments` likewise, without the name, with "name=" where it is there.
/// Quantities are shown as they are given: "{{convert|2|to|10|in|mm}}" is "2 to 10 in".
std::optional<TemplateProse> ProseOf(std::string_view name,
                                     const std::vector<std::string_view>& arguments);

/// Whether a template of that name might be shown.
bool HasProse(std::string_view name);

}  // namespace repro
