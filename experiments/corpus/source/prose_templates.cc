#include "experiments/corpus/source/prose_templates.h"

#include <algorithm>
#include <iterator>

#include "experiments/corpus/source/wikitext_markup.h"

namespace repro {
namespace {

enum class Shows { kWords, kFirst, kLast, kQuantity, kDate };

struct ProseTemplate {
  std::string_view name;
  Shows shows;
  std::string_view words = {};
};

/// "lang-ru": text in the language of that code.
constexpr ProseTemplate kLangCode = {"lang-", Shows::kFirst};
constexpr ProseTemplate kTemplates[] = {
    {"lang", Shows::kLast},
    {"rtl-lang", Shows::kLast},
    {"transl", Shows::kLast},
    {"transliteration", Shows::kLast},
    {"nowrap", Shows::kFirst},
    {"nobr", Shows::kFirst},
    {"small", Shows::kFirst},
    {"big", Shows::kFirst},
    {"sc", Shows::kFirst},
    {"smallcaps", Shows::kFirst},
    {"abbr", Shows::kFirst},
    {"linktext", Shows::kFirst},
    {"nihongo", Shows::kFirst},
    {"quote", Shows::kFirst},
    {"blockquote", Shows::kFirst},
    {"cquote", Shows::kFirst},
    {"convert", Shows::kQuantity},
    {"cvt", Shows::kQuantity},
    {"as of", Shows::kDate},
    {"'s", Shows::kWords, "'s"},
    {"'", Shows::kWords, "'"},
    {"' \"", Shows::kWords, "'\""},
    {"nbsp", Shows::kWords, " "},
    {"spaces", Shows::kWords, " "},
    {"ndash", Shows::kWords, "–"},
    {"snd", Shows::kWords, " – "},
    {"spaced ndash", Shows::kWords, " – "},
    {"mdash", Shows::kWords, "—"},
};

const ProseTemplate* Find(std::string_view name) {
  name = Trimmed(name);
  if (name.size() > kLongestTemplateName) return nullptr;
  std::string folded;
  for (const char c : name) {
    folded += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c == '_' ? ' ' : c;
  }
  if (folded.starts_with(kLangCode.name)) return &kLangCode;
  const auto* const found =
      std::find_if(std::begin(kTemplates), std::end(kTemplates),
                   [&](const ProseTemplate& one) { return one.name == folded; });
  return found == std::end(kTemplates) ? nullptr : found;
}

/// Those without a name or with a number for one, in the order they are written in.
std::vector<std::string_view> Positional(const std::vector<std::string_view>& arguments) {
  std::vector<std::string_view> positional;
  for (const std::string_view argument : arguments) {
    const std::size_t equals = argument.find_first_of("=[{<");
    const bool named = equals != std::string_view::npos && argument[equals] == '=';
    const std::string_view name = Trimmed(argument.substr(0, named ? equals : 0));
    if (name.find_first_not_of("0123456789") != std::string_view::npos) continue;
    positional.push_back(Trimmed(argument.substr(named ? equals + 1 : 0)));
  }
  return positional;
}

/// "5 km", "2 to 10 in", "2–10 in".
std::optional<TemplateProse> Quantity(const std::vector<std::string_view>& arguments) {
  constexpr std::string_view kWords[] = {"to", "and", "or", "by", "x", "×", "±", "+/-"};
  constexpr std::string_view kDashes[] = {"-", "–"};
  const auto is_one_of = [](std::string_view what, const auto& words) {
    return std::find(std::begin(words), std::end(words), what) != std::end(words);
  };
  TemplateProse prose;
  for (std::size_t i = 0; i + 1 < arguments.size(); i += 2) {
    for (const std::string_view part : {arguments[i], arguments[i + 1]}) {
      if (part.find_first_of("[]{}<>|") != std::string_view::npos) return std::nullopt;
    }
    prose.words += arguments[i];
    const std::string_view next = arguments[i + 1];
    const bool dash = is_one_of(next, kDashes);
    prose.words += dash ? "–" : fmt::format(" {}", next);
    if (!dash && !is_one_of(next, kWords)) return prose;
    if (!dash) prose.words += ' ';
  }
  return std::nullopt;
}

}  // namespace

bool HasProse(std::string_view name) {
  return Find(name) != nullptr;
}

std::optional<TemplateProse> ProseOf(std::string_view name,
                                     const std::vector<std::string_view>& arguments) {
  const ProseTemplate* const found = Find(name);
  if (found == nullptr) return std::nullopt;
  if (found->shows == Shows::kWords) return TemplateProse{std::string(found->words), {}};
  const std::vector<std::string_view> positional = Positional(arguments);
  if (positional.empty()) return std::nullopt;
  switch (found->shows) {
    case Shows::kQuantity:
      return Quantity(positional);
    case Shows::kDate: {
      const bool lower = std::any_of(arguments.begin(), arguments.end(), [](std::string_view one) {
        return Trimmed(one).starts_with("lc=");
      });
      return TemplateProse{lower ? "as of " : "As of ", positional.front()};
    }
    case Shows::kLast:
      return TemplateProse{{}, positional.back()};
    default:
      return TemplateProse{{}, positional.front()};
  }
}

}  // namespace repro
