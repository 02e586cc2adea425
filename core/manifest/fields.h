#pragma once
/// Typed settings, described once.
///
/// A settings struct lists its fields in one member template:
///
///   struct VocabSettings {
///     std::int64_t size = 32'000;   ///< pieces, specials not counted
///     template <class V> void Visit(V& v) { v("size", size, Range(64, 1'000'000)); }
///   };
///
/// The default stands beside the field. From that one list follow: reading from a manifest with
/// positions and all errors at once (section_reader.h), the canonical JSON that goes into a task
/// key (`ToJson`), and reading it back in the task process (`FromJson`). Field types: bool,
/// std::int64_t, double, std::string, std::vector of these, and nested settings structs.

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/io/json_io.h"

namespace repro {

/// What values a field may take; checked when a manifest is read.
struct FieldRule {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool min_open = false;              ///< true: the value must be greater than `min`
  bool max_open = false;              ///< true: the value must be less than `max`
  std::vector<std::string> one_of{};  ///< for strings; empty: any
  bool added_later = false;           ///< see AddedLater
};

inline FieldRule AnyValue() {
  return {};
}
inline FieldRule AtLeast(double min) {
  return {.min = min};
}
inline FieldRule Positive() {
  return {.min = 0, .min_open = true};
}
inline FieldRule Range(double min, double max) {
  return {.min = min, .max = max};
}
/// min <= x < max, e.g. a dropout probability.
inline FieldRule HalfOpen(double min, double max) {
  return {.min = min, .max = max, .max_open = true};
}
inline FieldRule OneOf(std::vector<std::string> values) {
  return {.one_of = std::move(values)};
}

/// For a field of a spec that came later, and does nothing while it is 0, false or empty (a nested
/// struct: as by default): then it is not in the JSON, so that keys from before it stay what they
/// were.
inline FieldRule AddedLater(FieldRule rule = {}) {
  rule.added_later = true;
  return rule;
}

/// Canonical JSON of a settings struct: every field, defaults included (but see AddedLater).
template <class T>
Json ToJson(T settings);

/// Visitor that writes each field into a JSON object.
class JsonFieldWriter {
 public:
  template <class T>
  void operator()(std::string_view name, T& value, const FieldRule& rule = {}) {
    if constexpr (requires { value.Visit(*this); }) {
      const Json nested = ToJson<T>(value);
      if (rule.added_later && nested == ToJson<T>(T())) return;
      object[std::string(name)] = nested;
    } else if (!rule.added_later || value != T()) {
      object[std::string(name)] = value;
    }
  }
  Json object = Json::object();
};

/// Visitor that fills each field from a JSON object; a missing or mistyped field is an error, since
/// the writer is ours.
class JsonFieldReader {
 public:
  explicit JsonFieldReader(const Json& object) : object_(object) {}
  template <class T>
  void operator()(std::string_view name, T& value, const FieldRule& rule = {}) {
    if (!error.empty()) return;
    const auto found = object_.find(name);
    if (found == object_.end() && rule.added_later) {
      value = T();
    } else if (found == object_.end()) {
      error = "no field '" + std::string(name) + "'";
    } else if constexpr (requires { value.Visit(*this); }) {
      JsonFieldReader nested(*found);
      value.Visit(nested);
      if (!nested.error.empty()) error = std::string(name) + ": " + nested.error;
    } else {
      try {
        value = found->template get<T>();
      } catch (const Json::exception& e) {
        error = std::string(name) + ": " + JsonProblem(e);
      }
    }
  }
  std::string error;

 private:
  const Json& object_;
};

template <class T>
Json ToJson(T settings) {
  JsonFieldWriter writer;
  settings.Visit(writer);
  return std::move(writer.object);
}

/// Errors: kCorrupt naming the field, when the JSON was not written by `ToJson` of the same struct.
template <class T>
Result<T> FromJson(const Json& object) {
  T settings;
  if (!object.is_object()) return Fail(ErrorCode::kCorrupt, "settings: expected a JSON object");
  JsonFieldReader reader(object);
  settings.Visit(reader);
  if (!reader.error.empty()) return Fail(ErrorCode::kCorrupt, "settings: {}", reader.error);
  return settings;
}

}  // namespace repro
