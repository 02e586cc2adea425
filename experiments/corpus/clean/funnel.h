#pragma once
/// What became of a corpus: how much was read, what each stage took away and why, what is left; by
/// data set and language. What comes in is what is dropped plus what is kept, in documents, lines
/// and bytes.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/io/json_io.h"

namespace repro {

/// Bytes are those of the lines, line ends included.
struct TextAmount {
  std::int64_t documents = 0;
  std::int64_t lines = 0;
  std::int64_t bytes = 0;

  TextAmount& operator+=(const TextAmount& other);
  bool operator==(const TextAmount&) const = default;
  /// [documents, lines, bytes]
  Json ToJson() const { return Json::array({documents, lines, bytes}); }
};

class Funnel {
 public:
  /// Of text whose language nobody found out, because it went before.
  static constexpr std::string_view kUnknownLanguage = "und";

  struct Key {
    std::string set;
    std::string language;
    auto operator<=>(const Key&) const = default;
  };
  struct Dropped {
    std::string stage;
    std::string reason;
    auto operator<=>(const Dropped&) const = default;
  };
  struct Row {
    TextAmount read;
    TextAmount kept;
    std::map<Dropped, TextAmount> dropped;
  };

  Row& At(const Key& key) { return rows_[key]; }
  const std::map<Key, Row>& rows() const { return rows_; }
  void Merge(const Funnel& other);

  /// [{"set", "language", "read", "kept", "dropped": {stage: {reason: amount}}}], by set and
  /// language.
  Json ToJson() const;
  /// Errors: kCorrupt.
  static Result<Funnel> FromJson(const Json& json);

 private:
  std::map<Key, Row> rows_;
};

/// A few of the things that were dropped, to read: of each stage, reason and language those whose
/// number is smallest. Which they are depends on no order of work.
class RejectSample {
 public:
  static constexpr std::size_t kEach = 20;
  static constexpr std::size_t kShown = 400;  ///< bytes of a text

  struct Reject {
    std::uint64_t number = 0;  ///< drawn from where it stands
    std::string set;
    std::string source;  ///< the document's id
    std::string text;    ///< its beginning
  };
  struct Key {
    std::string stage;
    std::string reason;
    std::string language;
    auto operator<=>(const Key&) const = default;
  };

  /// Whether one of this number would be kept.
  bool Wants(const Key& key, std::uint64_t number) const;
  void Add(const Key& key, Reject reject);
  void Merge(const RejectSample& other);

  const std::map<Key, std::vector<Reject>>& rejects() const { return rejects_; }
  /// [{"stage", "reason", "language", "set", "source", "text", "number"}]
  Json ToJson() const;
  static Result<RejectSample> FromJson(const Json& json);

 private:
  std::map<Key, std::vector<Reject>> rejects_;  // each sorted by number
};

}  // namespace repro
