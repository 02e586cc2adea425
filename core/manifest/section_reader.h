#pragma once
/// Reads a settings struct (fields.h) from a TOML tree: unknown keys with a suggestion, wrong
/// types, values out of range or not in the list, each with its position, all of them. A key that
/// is absent keeps the struct's default.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/manifest/diagnostics.h"
#include "core/manifest/document.h"
#include "core/manifest/fields.h"

namespace repro {

/// Reads one value; on an error adds it to `diagnostics` and leaves `value` alone. `path` is the
/// dotted key for messages. Integers are taken where a float is asked for, never the reverse. A
/// `const Node*` takes any value unread.
void ReadValue(const Node& node, std::string_view path, const FieldRule& rule,
               Diagnostics& diagnostics, bool& value);
void ReadValue(const Node& node, std::string_view path, const FieldRule& rule,
               Diagnostics& diagnostics, std::int64_t& value);
void ReadValue(const Node& node, std::string_view path, const FieldRule& rule,
               Diagnostics& diagnostics, double& value);
void ReadValue(const Node& node, std::string_view path, const FieldRule& rule,
               Diagnostics& diagnostics, std::string& value);
void ReadValue(const Node& node, std::string_view path, const FieldRule& rule,
               Diagnostics& diagnostics, std::vector<std::int64_t>& value);
void ReadValue(const Node& node, std::string_view path, const FieldRule& rule,
               Diagnostics& diagnostics, std::vector<double>& value);
void ReadValue(const Node& node, std::string_view path, const FieldRule& rule,
               Diagnostics& diagnostics, std::vector<std::string>& value);
void ReadValue(const Node& node, std::string_view path, const FieldRule& rule,
               Diagnostics& diagnostics, const Node*& value);

/// Visitor that fills a settings struct from one table. `path` is the dotted name of the table (""
/// for the root).
class SectionReader {
 public:
  SectionReader(const Node& table, std::string path, Diagnostics& diagnostics)
      : table_(table), path_(std::move(path)), diagnostics_(diagnostics) {}

  template <class T>
  void operator()(std::string_view name, T& value, const FieldRule& rule = {}) {
    known_.emplace_back(name);
    const Node* node = table_.Get(name);
    if (node == nullptr) return;
    const std::string path = Join(name);
    if constexpr (requires { value.Visit(*this); }) {
      if (!ExpectTable(*node, path)) return;
      SectionReader nested(*node, path, diagnostics_);
      value.Visit(nested);
      nested.ReportUnknownKeys();
    } else {
      ReadValue(*node, path, rule, diagnostics_, value);
    }
  }

  /// Reports every key of the table that no field asked for; `extra` are further names to suggest.
  void ReportUnknownKeys(const std::vector<std::string>& extra = {});

 private:
  std::string Join(std::string_view name) const;
  bool ExpectTable(const Node& node, const std::string& path);

  const Node& table_;
  std::string path_;
  Diagnostics& diagnostics_;
  std::vector<std::string> known_;
};

/// Names of the keys that every manifest may have beside the sections: "schema", "id", "sweep",
/// "series", ...
const std::vector<std::string>& ManifestKeys();

/// Reads a settings struct from a whole config; its fields are the sections. Errors go to
/// `diagnostics`.
template <class T>
T ReadSettings(const Document& config, Diagnostics& diagnostics) {
  T settings;
  SectionReader reader(config.root(), "", diagnostics);
  settings.Visit(reader);
  reader.ReportUnknownKeys(ManifestKeys());
  return settings;
}

}  // namespace repro
