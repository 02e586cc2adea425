#include "core/manifest/canonical.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

namespace repro {
namespace {

/// An integral float reads as an integer: whether 3 or 3.0 was written must not matter.
std::string NumberText(double value) {
  constexpr double kExact = 9007199254740992.0;  // 2^53
  if (std::abs(value) <= kExact && value == std::floor(value)) {
    return fmt::format("{}", static_cast<std::int64_t>(value));
  }
  return fmt::format("{}", value);
}

std::string ValueText(const Node& node) {
  if (const auto* number = node.As<double>()) return NumberText(*number);
  if (const auto* array = node.As<Node::Array>()) {
    std::string text = "[";
    for (const Node& child : *array) text += (text.size() > 1 ? ", " : "") + ValueText(child);
    return text + "]";
  }
  if (const auto* table = node.As<Node::Table>()) {
    std::string text = "{";
    for (const auto& [key, child] : *table) {
      text += (text.size() > 1 ? ", " : "") + key + " = " + ValueText(child);
    }
    return text + "}";
  }
  return CanonicalJson(node.ToJson());
}

/// Name of a table in an array of tables: its `id` or `key`.
const std::string* NameOf(const Node& table) {
  for (const std::string_view key : {"id", "key"}) {
    if (const Node* name = table.Get(key)) return name->As<std::string>();
  }
  return nullptr;
}

bool IsArrayOfNamedTables(const Node& node) {
  const auto* array = node.As<Node::Array>();
  if (array == nullptr || array->empty()) return false;
  return std::all_of(array->begin(), array->end(),
                     [](const Node& child) { return child.IsTable() && NameOf(child) != nullptr; });
}

void Collect(const Node& node, const std::string& path,
             std::multimap<std::string, std::string>& lines) {
  if (const auto* table = node.As<Node::Table>()) {
    for (const auto& [key, child] : *table) {
      Collect(child, path.empty() ? key : path + "." + key, lines);
    }
  } else if (IsArrayOfNamedTables(node)) {
    for (const Node& child : *node.As<Node::Array>()) {
      Collect(child, fmt::format("{}[{}]", path, *NameOf(child)), lines);
    }
  } else {
    lines.emplace(path, ValueText(node));
  }
}

}  // namespace

std::string CanonicalText(const Node& root) {
  std::multimap<std::string, std::string> lines;
  Collect(root, "", lines);
  std::string text;
  for (const auto& [path, value] : lines) text += path + " = " + value + "\n";
  return text;
}

}  // namespace repro
