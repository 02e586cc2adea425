#include "core/manifest/section_reader.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace repro {
namespace {

std::string NumberText(double value) {
  return std::abs(value) < 1e15 && value == std::floor(value)
             ? fmt::format("{}", static_cast<std::int64_t>(value))
             : fmt::format("{}", value);
}

/// "at least 1", "from 1 to 10", "greater than 0 and less than 1", ...
std::string RangeText(const FieldRule& rule) {
  const bool low = std::isfinite(rule.min), high = std::isfinite(rule.max);
  if (low && high && !rule.min_open && !rule.max_open) {
    return fmt::format("from {} to {}", NumberText(rule.min), NumberText(rule.max));
  }
  std::string text;
  if (low) text = (rule.min_open ? "greater than " : "at least ") + NumberText(rule.min);
  if (low && high) text += " and ";
  if (high) text += (rule.max_open ? "less than " : "at most ") + NumberText(rule.max);
  return text;
}

bool InRange(double value, const FieldRule& rule) {
  const bool above = rule.min_open ? value > rule.min : value >= rule.min;
  const bool below = rule.max_open ? value < rule.max : value <= rule.max;
  return above && below && std::isfinite(value);  // a key has no word for NaN and infinity
}

void WrongType(const Node& node, std::string_view path, std::string_view expected,
               Diagnostics& diagnostics) {
  diagnostics.Add(node.position,
                  fmt::format("`{}` is {}: {}", path, node.TypeName(), node.ToText()),
                  fmt::format("expected {}", expected));
}

bool CheckRange(const Node& node, std::string_view path, double value, const FieldRule& rule,
                Diagnostics& diagnostics) {
  if (InRange(value, rule)) return true;
  const std::string range = RangeText(rule);
  diagnostics.Add(
      node.position, fmt::format("`{}` is {}", path, node.ToText()),
      "expected " + (range.empty() ? "a finite number" : range) +
          (std::isinf(value) && std::isinf(rule.max) && !range.empty() ? ", and finite" : ""));
  return false;
}

bool Read(const Node& node, std::string_view path, const FieldRule& rule, Diagnostics& diagnostics,
          std::int64_t& value) {
  const auto* integer = node.As<std::int64_t>();
  if (integer == nullptr) {
    WrongType(node, path, "an integer", diagnostics);
    return false;
  }
  if (!CheckRange(node, path, static_cast<double>(*integer), rule, diagnostics)) return false;
  value = *integer;
  return true;
}

bool Read(const Node& node, std::string_view path, const FieldRule& rule, Diagnostics& diagnostics,
          double& value) {
  const auto* number = node.As<double>();
  const auto* integer = node.As<std::int64_t>();
  if (number == nullptr && integer == nullptr) {
    WrongType(node, path, "a number", diagnostics);
    return false;
  }
  const double read = number != nullptr ? *number : static_cast<double>(*integer);
  if (!CheckRange(node, path, read, rule, diagnostics)) return false;
  value = read;
  return true;
}

bool Read(const Node& node, std::string_view path, const FieldRule& rule, Diagnostics& diagnostics,
          std::string& value) {
  const auto* text = node.As<std::string>();
  if (text == nullptr) {
    WrongType(node, path, "a string", diagnostics);
    return false;
  }
  const auto& allowed = rule.one_of;
  if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), *text) == allowed.end()) {
    diagnostics.Add(node.position, fmt::format("`{}` is {}", path, node.ToText()),
                    fmt::format("expected {}{}", OneOfText(allowed), DidYouMean(*text, allowed)));
    return false;
  }
  value = *text;
  return true;
}

template <class T>
void ReadArray(const Node& node, std::string_view path, const FieldRule& rule,
               Diagnostics& diagnostics, std::string_view expected, std::vector<T>& value) {
  const auto* array = node.As<Node::Array>();
  if (array == nullptr) {
    WrongType(node, path, expected, diagnostics);
    return;
  }
  std::vector<T> read;
  bool good = true;
  for (std::size_t i = 0; i < array->size(); ++i) {
    T element{};
    good &= Read((*array)[i], fmt::format("{}[{}]", path, i), rule, diagnostics, element);
    read.push_back(std::move(element));
  }
  if (good) value = std::move(read);
}

}  // namespace

void ReadValue(const Node& node, std::string_view path, const FieldRule&, Diagnostics& diagnostics,
               bool& value) {
  if (const auto* flag = node.As<bool>()) {
    value = *flag;
  } else {
    WrongType(node, path, "true or false", diagnostics);
  }
}

void ReadValue(const Node& node, std::string_view path, const FieldRule& rule,
               Diagnostics& diagnostics, std::int64_t& value) {
  Read(node, path, rule, diagnostics, value);
}

void ReadValue(const Node& node, std::string_view path, const FieldRule& rule,
               Diagnostics& diagnostics, double& value) {
  Read(node, path, rule, diagnostics, value);
}

void ReadValue(const Node& node, std::string_view path, const FieldRule& rule,
               Diagnostics& diagnostics, std::string& value) {
  Read(node, path, rule, diagnostics, value);
}

void ReadValue(const Node& node, std::string_view path, const FieldRule& rule,
               Diagnostics& diagnostics, std::vector<std::int64_t>& value) {
  ReadArray(node, path, rule, diagnostics, "an array of integers", value);
}

void ReadValue(const Node& node, std::string_view path, const FieldRule& rule,
               Diagnostics& diagnostics, std::vector<double>& value) {
  ReadArray(node, path, rule, diagnostics, "an array of numbers", value);
}

void ReadValue(const Node& node, std::string_view path, const FieldRule& rule,
               Diagnostics& diagnostics, std::vector<std::string>& value) {
  ReadArray(node, path, rule, diagnostics, "an array of strings", value);
}

void ReadValue(const Node& node, std::string_view, const FieldRule&, Diagnostics&,
               const Node*& value) {
  value = &node;
}

void SectionReader::ReportUnknownKeys(const std::vector<std::string>& extra) {
  const auto* table = table_.As<Node::Table>();
  if (table == nullptr) return;
  std::vector<std::string> candidates = known_;
  candidates.insert(candidates.end(), extra.begin(), extra.end());
  for (const auto& [key, node] : *table) {
    // Candidates are known too, if not here: the manifest's own reader reads them.
    if (std::find(candidates.begin(), candidates.end(), key) != candidates.end()) continue;
    const std::string what = fmt::format("unknown key `{}`", Join(key));
    const std::string best = DidYouMean(key, candidates);
    const std::string of = path_.empty() ? "the manifest" : "[" + path_ + "]";
    const std::string expected =
        best.empty() ? fmt::format("expected in {} one of {}", of, OneOfText(candidates))
                     : fmt::format("expected a key of {}{}", of, best);
    diagnostics_.Add(node.key_position, what, expected);
  }
}

std::string SectionReader::Join(std::string_view name) const {
  return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
}

bool SectionReader::ExpectTable(const Node& node, const std::string& path) {
  if (node.IsTable()) return true;
  WrongType(node, path, "a table", diagnostics_);
  return false;
}

const std::vector<std::string>& ManifestKeys() {
  static const std::vector<std::string> kKeys = {
      "schema",     "id",        "item",      "title",           "question",    "world",
      "seeds",      "selection", "languages", "source_language", "sweep",       "run",
      "assumption", "series",    "claim",     "controls",        "monolingual", "scale"};
  return kKeys;
}

}  // namespace repro
