#pragma once
/// A TOML tree in which every value knows where it was written.
///
/// Our own plain tree rather than the parser's: it can be copied, merged and sorted, and only
/// document.cc includes toml++. After an overlay each value still points at the line it came from,
/// so an error in a scale table names the scale table.

#include <compare>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/result.h"
#include "core/io/json_io.h"

namespace repro {

/// A place in a source. `line` 0 means that the source has no lines: `file` is then e.g. "--set
/// vocab.size".
struct SourcePosition {
  std::shared_ptr<const std::string> file;
  int line = 0;    ///< from 1
  int column = 0;  ///< from 1, in characters

  std::string ToString() const;  ///< "fig2.toml:12:8", "--set vocab.size", or "(no position)"
};

/// One value of the tree: bool, integer, float, string, date (kept as its text), array or table.
class Node {
 public:
  using Array = std::vector<Node>;
  using Table = std::map<std::string, Node, std::less<>>;
  struct Date {
    std::string text;
    bool operator==(const Date&) const = default;
  };

  Node() : value_(Table{}) {}
  template <class T>
  requires(!std::is_same_v<std::remove_cvref_t<T>, Node>) explicit Node(T value,
                                                                        SourcePosition where = {})
      : position(where), key_position(std::move(where)) {
    if constexpr (std::is_same_v<T, bool> || std::is_floating_point_v<T>) {
      value_ = value;
    } else if constexpr (std::is_integral_v<T>) {
      value_ = static_cast<std::int64_t>(value);
    } else if constexpr (std::is_convertible_v<T, std::string>) {
      value_ = std::string(std::move(value));
    } else {
      value_ = std::move(value);
    }
  }

  bool IsTable() const { return std::holds_alternative<Table>(value_); }
  bool IsArray() const { return std::holds_alternative<Array>(value_); }

  /// The value as T (bool, std::int64_t, double, std::string, Date, Array, Table), or null when it
  /// is another type.
  template <class T>
  const T* As() const {
    return std::get_if<T>(&value_);
  }
  template <class T>
  T* As() {
    return std::get_if<T>(&value_);
  }

  /// Member of a table, or null when this is no table or has no such key. `name` is one key, not a
  /// dotted path.
  const Node* Get(std::string_view name) const;

  /// "an integer", "a table", ...: for messages.
  std::string_view TypeName() const;
  /// The value as a person would write it, cut at 60 bytes: `0.5`, `"wiki"`, `[1, 2]`.
  std::string ToText() const;
  Json ToJson() const;

  /// Same value; positions do not count, and 1 equals 1.0.
  bool SameValue(const Node& other) const;

  SourcePosition position;      ///< of the value (of a table: its header or brace)
  SourcePosition key_position;  ///< of the key that names it

 private:
  std::variant<bool, std::int64_t, double, std::string, Date, Array, Table> value_;
};

class Document {
 public:
  Document() = default;
  explicit Document(Node root) : root_(std::move(root)) {}

  /// `file` is the name that messages show. Errors: kInvalidArgument "file:line:column: TOML
  /// syntax: ..." (the first syntax error ends parsing).
  static Result<Document> Parse(std::string_view text, std::string_view file);
  /// Reads and parses. Errors: kNotFound, kIo, kInvalidArgument.
  static Result<Document> Load(const std::filesystem::path& path);

  const Node& root() const { return root_; }
  Node& root() { return root_; }

  /// Value of a dotted path ("pretrain.updates"), or null.
  const Node* Find(std::string_view path) const;

  /// Position of the value at a dotted path; when it is absent, of its nearest ancestor that is
  /// there (so that an error about a missing key names its section).
  SourcePosition PositionOf(std::string_view path) const;

  /// Sets the value at a dotted path, making tables on the way. Errors: kInvalidArgument when a
  /// part of the path is there and is no table.
  Status Set(std::string_view path, Node value);

  /// Removes a dotted path; does nothing when it is absent.
  void Erase(std::string_view path);

  /// Lays `overlay` (a table) over this tree: tables merge key by key, anything else replaces what
  /// was there. Values of the overlay keep their own positions.
  void Overlay(const Node& overlay);

 private:
  Node root_;
};

/// Parses one TOML value (`4_000`, `[1, 2]`, `"x"`, `{ a = 1 }`); text that is no TOML value is
/// taken as a string.
Node ParseValueOrString(std::string_view text, const SourcePosition& where);

/// Splits "a.b.c" at the dots; quoted keys do not occur in our schemas.
std::vector<std::string> SplitPath(std::string_view path);

/// Leaves of a table as dotted path -> node: everything that is no table. Empty tables give
/// nothing.
std::map<std::string, const Node*> Leaves(const Node& table);

}  // namespace repro
