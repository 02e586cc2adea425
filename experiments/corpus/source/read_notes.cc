#include "experiments/corpus/source/read_notes.h"

#include <algorithm>

#include "core/base/text.h"

namespace repro {
namespace {

constexpr std::size_t kExamples = 10;

/// Of a file, of WET, of Wikipedia dumps.
constexpr std::string_view kUnknownLosses[] = {"damaged",      "header",     "utf-16",
                                               "open-comment", "cut-record", "not-a-record",
                                               "cut-page",     "long-page",  "no-page"};

}  // namespace

Status ReadNotes::Add(std::string_view reason, const std::filesystem::path& file,
                      std::uint64_t offset, std::string_view detail) {
  const auto text = [&](std::string_view name) {
    return fmt::format("{}: byte {}: {}", name, offset, Printable(detail));
  };
  if (strict_) return Fail(ErrorCode::kCorrupt, "{} ({})", text(file.string()), reason);
  auto found = reasons_.find(reason);
  if (found == reasons_.end()) found = reasons_.emplace(std::string(reason), Reason{}).first;
  ++found->second.count;
  if (found->second.examples.size() < kExamples) {
    found->second.examples.push_back(text(shown_.empty() ? file.string() : shown_));
  }
  return {};
}

const std::pair<const std::string, ReadNotes::Reason>* ReadNotes::UnknownLoss() const {
  for (const std::string_view reason : kUnknownLosses) {
    if (const auto found = reasons_.find(reason); found != reasons_.end()) return &*found;
  }
  return nullptr;
}

Json ReadNotes::ToJson() const {
  Json json = Json::object();
  for (const auto& [name, reason] : reasons_) {
    json[name] = {{"count", reason.count}, {"examples", reason.examples}};
  }
  return json;
}

Status ReadNotes::MergeJson(const Json& later) {
  try {
    for (const auto& [name, theirs] : later.items()) {
      Reason& ours = reasons_[name];
      ours.count += theirs.at("count").get<std::int64_t>();
      for (const Json& example : theirs.at("examples")) {
        if (ours.examples.size() < kExamples) ours.examples.push_back(example.get<std::string>());
      }
    }
  } catch (const Json::exception& error) {
    return Fail(ErrorCode::kCorrupt, "notes: {}", JsonProblem(error));
  }
  return {};
}

}  // namespace repro
