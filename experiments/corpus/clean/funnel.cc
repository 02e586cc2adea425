#include "experiments/corpus/clean/funnel.h"

#include <algorithm>
#include <utility>

#include "core/base/text.h"

namespace repro {
namespace {

TextAmount AmountFromJson(const Json& json) {
  return {.documents = json.at(0).get<std::int64_t>(),
          .lines = json.at(1).get<std::int64_t>(),
          .bytes = json.at(2).get<std::int64_t>()};
}

}  // namespace

TextAmount& TextAmount::operator+=(const TextAmount& other) {
  documents += other.documents;
  lines += other.lines;
  bytes += other.bytes;
  return *this;
}

void Funnel::Merge(const Funnel& other) {
  for (const auto& [key, theirs] : other.rows_) {
    Row& ours = rows_[key];
    ours.read += theirs.read;
    ours.kept += theirs.kept;
    for (const auto& [what, amount] : theirs.dropped) ours.dropped[what] += amount;
  }
}

Json Funnel::ToJson() const {
  Json json = Json::array();
  for (const auto& [key, row] : rows_) {
    Json dropped = Json::object();
    for (const auto& [what, amount] : row.dropped) {
      dropped[what.stage][what.reason] = amount.ToJson();
    }
    json.push_back({{"set", key.set},
                    {"language", key.language},
                    {"read", row.read.ToJson()},
                    {"kept", row.kept.ToJson()},
                    {"dropped", std::move(dropped)}});
  }
  return json;
}

Result<Funnel> Funnel::FromJson(const Json& json) {
  Funnel funnel;
  try {
    for (const Json& row_json : json) {
      Row& row = funnel.rows_[{row_json.at("set").get<std::string>(),
                               row_json.at("language").get<std::string>()}];
      row.read = AmountFromJson(row_json.at("read"));
      row.kept = AmountFromJson(row_json.at("kept"));
      for (const auto& [stage, reasons] : row_json.at("dropped").items()) {
        for (const auto& [reason, amount] : reasons.items()) {
          row.dropped[{stage, reason}] = AmountFromJson(amount);
        }
      }
    }
  } catch (const Json::exception& error) {
    return Fail(ErrorCode::kCorrupt, "funnel: {}", JsonProblem(error));
  }
  return funnel;
}

bool RejectSample::Wants(const Key& key, std::uint64_t number) const {
  const auto found = rejects_.find(key);
  return found == rejects_.end() || found->second.size() < kEach ||
         number < found->second.back().number;
}

void RejectSample::Add(const Key& key, Reject reject) {
  if (!Wants(key, reject.number)) return;
  reject.text = std::string(Prefix(reject.text, kShown));
  std::vector<Reject>& kept = rejects_[key];
  const auto place = std::upper_bound(
      kept.begin(), kept.end(), reject.number,
      [](std::uint64_t number, const Reject& other) { return number < other.number; });
  kept.insert(place, std::move(reject));
  if (kept.size() > kEach) kept.pop_back();
}

void RejectSample::Merge(const RejectSample& other) {
  for (const auto& [key, rejects] : other.rejects_) {
    for (const Reject& reject : rejects) Add(key, reject);
  }
}

Json RejectSample::ToJson() const {
  Json json = Json::array();
  for (const auto& [key, rejects] : rejects_) {
    for (const Reject& reject : rejects) {
      json.push_back({{"stage", key.stage},
                      {"reason", key.reason},
                      {"language", key.language},
                      {"number", reject.number},
                      {"set", reject.set},
                      {"source", reject.source},
                      {"text", reject.text}});
    }
  }
  return json;
}

Result<RejectSample> RejectSample::FromJson(const Json& json) {
  RejectSample sample;
  try {
    for (const Json& reject : json) {
      sample.Add({reject.at("stage").get<std::string>(), reject.at("reason").get<std::string>(),
                  reject.at("language").get<std::string>()},
                 {.number = reject.at("number").get<std::uint64_t>(),
                  .set = reject.at("set").get<std::string>(),
                  .source = reject.at("source").get<std::string>(),
                  .text = reject.at("text").get<std::string>()});
    }
  } catch (const Json::exception& error) {
    return Fail(ErrorCode::kCorrupt, "rejects: {}", JsonProblem(error));
  }
  return sample;
}

}  // namespace repro
