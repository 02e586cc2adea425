#include "core/manifest/document.h"

#include <cmath>
#include <sstream>

#include <fmt/format.h>
#include <toml++/toml.h>

#include "core/base/check.h"
#include "core/base/text.h"
#include "core/io/file.h"

namespace repro {
namespace {

using File = std::shared_ptr<const std::string>;

SourcePosition PositionAt(const toml::source_position& at, const File& file) {
  return {file, static_cast<int>(at.line), static_cast<int>(at.column)};
}

template <class T>
std::string StreamText(const T& value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

Node Convert(const toml::node& node, const File& file) {
  const SourcePosition where = PositionAt(node.source().begin, file);
  switch (node.type()) {
    case toml::node_type::table: {
      Node::Table table;
      for (const auto& [key, child] : *node.as_table()) {
        Node converted = Convert(child, file);
        converted.key_position = PositionAt(key.source().begin, file);
        table.emplace(std::string(key.str()), std::move(converted));
      }
      return Node(std::move(table), where);
    }
    case toml::node_type::array: {
      Node::Array array;
      for (const toml::node& child : *node.as_array()) array.push_back(Convert(child, file));
      // An array of tables has no position of its own: it starts where its first [[header]] does.
      const bool no_position = where.line == 0 && !array.empty();
      const SourcePosition first = no_position ? array.front().position : where;
      return Node(std::move(array), first);
    }
    case toml::node_type::string:
      return Node(node.as_string()->get(), where);
    case toml::node_type::integer:
      return Node(node.as_integer()->get(), where);
    case toml::node_type::floating_point:
      return Node(node.as_floating_point()->get(), where);
    case toml::node_type::boolean:
      return Node(node.as_boolean()->get(), where);
    case toml::node_type::date:
      return Node(Node::Date{StreamText(node.as_date()->get())}, where);
    case toml::node_type::time:
      return Node(Node::Date{StreamText(node.as_time()->get())}, where);
    case toml::node_type::date_time:
      return Node(Node::Date{StreamText(node.as_date_time()->get())}, where);
    case toml::node_type::none:
      break;
  }
  REPRO_CHECK(false);  // a parsed tree holds no empty node
}

void SetPositions(Node& node, const SourcePosition& where) {
  node.position = where;
  node.key_position = where;
  if (auto* table = node.As<Node::Table>()) {
    for (auto& [key, child] : *table) SetPositions(child, where);
  } else if (auto* array = node.As<Node::Array>()) {
    for (Node& child : *array) SetPositions(child, where);
  }
}

void Merge(Node& base, const Node& overlay) {
  auto* target = base.As<Node::Table>();
  const auto* source = overlay.As<Node::Table>();
  if (target == nullptr || source == nullptr) {
    base = overlay;
    return;
  }
  for (const auto& [key, value] : *source) {
    const auto found = target->find(key);
    if (found == target->end()) {
      target->emplace(key, value);
    } else {
      Merge(found->second, value);
    }
  }
}

void CollectLeaves(const Node& node, const std::string& path,
                   std::map<std::string, const Node*>& leaves) {
  if (const auto* table = node.As<Node::Table>()) {
    for (const auto& [key, child] : *table) {
      CollectLeaves(child, path.empty() ? key : path + "." + key, leaves);
    }
  } else {
    leaves.emplace(path, &node);
  }
}

}  // namespace

std::string SourcePosition::ToString() const {
  if (!file) return "(no position)";
  return line == 0 ? *file : fmt::format("{}:{}:{}", *file, line, column);
}

const Node* Node::Get(std::string_view name) const {
  const auto* table = As<Table>();
  if (table == nullptr) return nullptr;
  const auto found = table->find(name);
  return found == table->end() ? nullptr : &found->second;
}

std::string_view Node::TypeName() const {
  constexpr std::string_view kNames[] = {"true or false", "an integer", "a float", "a string",
                                         "a date",        "an array",   "a table"};
  return kNames[value_.index()];
}

Json Node::ToJson() const {
  struct Visitor {
    Json operator()(const Array& array) const {
      Json out = Json::array();
      for (const Node& child : array) out.push_back(child.ToJson());
      return out;
    }
    Json operator()(const Table& table) const {
      Json out = Json::object();
      for (const auto& [key, child] : table) out[key] = child.ToJson();
      return out;
    }
    Json operator()(const Date& date) const { return date.text; }
    Json operator()(const std::string& value) const { return value; }
    Json operator()(bool value) const { return value; }
    Json operator()(std::int64_t value) const { return value; }
    Json operator()(double value) const { return value; }
  };
  return std::visit(Visitor{}, value_);
}

std::string Node::ToText() const {
  constexpr std::size_t kLongest = 60;
  if (const auto* number = As<double>(); number != nullptr && !std::isfinite(*number)) {
    return fmt::format("{}", *number);  // JSON has no word for it
  }
  std::string text = CanonicalJson(ToJson());
  if (text.size() <= kLongest) return text;
  return std::string(Prefix(text, kLongest)) + "...";
}

bool Node::SameValue(const Node& other) const {
  const auto number = [](const Node& node) -> const double* { return node.As<double>(); };
  if (const auto* integer = As<std::int64_t>(); integer != nullptr && number(other) != nullptr) {
    return static_cast<double>(*integer) == *number(other);
  }
  if (const auto* integer = other.As<std::int64_t>(); integer != nullptr && number(*this)) {
    return static_cast<double>(*integer) == *number(*this);
  }
  if (value_.index() != other.value_.index()) return false;
  if (const auto* array = As<Array>()) {
    const auto& theirs = *other.As<Array>();
    if (array->size() != theirs.size()) return false;
    for (std::size_t i = 0; i < array->size(); ++i) {
      if (!(*array)[i].SameValue(theirs[i])) return false;
    }
    return true;
  }
  if (const auto* table = As<Table>()) {
    const auto& theirs = *other.As<Table>();
    if (table->size() != theirs.size()) return false;
    for (auto mine = table->begin(), their = theirs.begin(); mine != table->end();
         ++mine, ++their) {
      if (mine->first != their->first || !mine->second.SameValue(their->second)) return false;
    }
    return true;
  }
  if (const auto* value = As<bool>()) return *value == *other.As<bool>();
  if (const auto* value = As<std::int64_t>()) return *value == *other.As<std::int64_t>();
  if (const auto* value = As<double>()) return *value == *other.As<double>();
  if (const auto* value = As<std::string>()) return *value == *other.As<std::string>();
  return *As<Date>() == *other.As<Date>();
}

Result<Document> Document::Parse(std::string_view text, std::string_view file) {
  const File name = std::make_shared<const std::string>(file);
  try {
    const toml::table table = toml::parse(text, *name);
    Node root = Convert(table, name);
    root.position = {name, 1, 1};
    return Document(std::move(root));
  } catch (const toml::parse_error& error) {
    return Fail(ErrorCode::kInvalidArgument, "{}: TOML syntax: {}",
                PositionAt(error.source().begin, name).ToString(), error.description());
  }
}

Result<Document> Document::Load(const std::filesystem::path& path) {
  REPRO_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  return Parse(text, path.string());
}

const Node* Document::Find(std::string_view path) const {
  const Node* node = &root_;
  for (const std::string& part : SplitPath(path)) {
    node = node->Get(part);
    if (node == nullptr) return nullptr;
  }
  return node;
}

SourcePosition Document::PositionOf(std::string_view path) const {
  const Node* node = &root_;
  for (const std::string& part : SplitPath(path)) {
    const Node* child = node->Get(part);
    if (child == nullptr) break;
    node = child;
  }
  return node->position;
}

Status Document::Set(std::string_view path, Node value) {
  Node* node = &root_;
  const std::vector<std::string> parts = SplitPath(path);
  std::string walked;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    auto* table = node->As<Node::Table>();
    if (table == nullptr) {
      return Fail(ErrorCode::kInvalidArgument, "`{}` is {}, expected a table", walked,
                  node->TypeName());
    }
    walked += (walked.empty() ? "" : ".") + parts[i];
    auto found = table->find(parts[i]);
    if (i + 1 == parts.size()) {
      if (found == table->end()) {
        table->emplace(parts[i], std::move(value));
      } else {
        found->second = std::move(value);
      }
      break;
    }
    if (found == table->end()) {
      Node child(Node::Table{}, value.position);
      child.key_position = value.key_position;
      found = table->emplace(parts[i], std::move(child)).first;
    }
    node = &found->second;
  }
  return {};
}

void Document::Erase(std::string_view path) {
  Node* node = &root_;
  const std::vector<std::string> parts = SplitPath(path);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    auto* table = node->As<Node::Table>();
    if (table == nullptr) return;
    const auto found = table->find(parts[i]);
    if (found == table->end()) return;
    if (i + 1 == parts.size()) {
      table->erase(found);
      return;
    }
    node = &found->second;
  }
}

void Document::Overlay(const Node& overlay) {
  Merge(root_, overlay);
}

Node ParseValueOrString(std::string_view text, const SourcePosition& where) {
  Node value(std::string{text});
  // A line break would let the text define further keys; it cannot be part of a bare value.
  if (text.find('\n') == std::string_view::npos) {
    const auto parsed = Document::Parse(fmt::format("v = {}", text), "--set");
    if (parsed && parsed->root().As<Node::Table>()->size() == 1) value = *parsed->Find("v");
  }
  SetPositions(value, where);
  return value;
}

std::vector<std::string> SplitPath(std::string_view path) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t dot = path.find('.');
    parts.emplace_back(path.substr(0, dot));
    if (dot == std::string_view::npos) return parts;
    path.remove_prefix(dot + 1);
  }
}

std::map<std::string, const Node*> Leaves(const Node& table) {
  std::map<std::string, const Node*> leaves;
  CollectLeaves(table, "", leaves);
  return leaves;
}

}  // namespace repro
