#include "experiments/data/encoded_corpus.h"

#include "core/io/file.h"
#include "core/io/json_io.h"

namespace repro {
namespace {

constexpr int kMetaVersion = 1;

Json CountsToJson(const ShardCounts& counts) {
  return {{"sentences", counts.sentences},
          {"documents", counts.documents},
          {"tokens", counts.tokens},
          {"unknown", counts.unknown}};
}

ShardCounts CountsFromJson(const Json& json) {
  return {json.at("sentences").get<std::int64_t>(), json.at("documents").get<std::int64_t>(),
          json.at("tokens").get<std::int64_t>(), json.at("unknown").get<std::int64_t>()};
}

}  // namespace

std::filesystem::path EncodedCorpus::TrainShard(const std::filesystem::path& folder,
                                                const std::string& code) {
  return folder / (code + ".train.tok");
}

std::filesystem::path EncodedCorpus::HeldoutShard(const std::filesystem::path& folder,
                                                  const std::string& code) {
  return folder / (code + ".heldout.tok");
}

Result<EncodedCorpus> EncodedCorpus::Load(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "meta.json";
  REPRO_ASSIGN_OR_RETURN(const Json json, LoadJson(path));
  try {
    if (const int version = json.at("version").get<int>(); version != kMetaVersion) {
      return Fail(ErrorCode::kCorrupt, "{}: version {}, this build reads {}: encode again",
                  path.string(), version, kMetaVersion);
    }
    EncodedCorpus corpus;
    corpus.vocab_size = json.at("vocab_size").get<std::int64_t>();
    for (const auto& [code, language] : json.at("languages").items()) {
      corpus.languages[code] = {language.at("nominal_units").get<double>(),
                                CountsFromJson(language.at("train")),
                                CountsFromJson(language.at("heldout"))};
    }
    const Json left_out = json.value("left_out", Json::object());
    for (const auto& [code, reason] : left_out.items()) {
      corpus.left_out[code] = reason.get<std::string>();
    }
    return corpus;
  } catch (const Json::exception& e) {
    return Fail(ErrorCode::kCorrupt, "{}: {}", path.string(), JsonProblem(e));
  }
}

Status EncodedCorpus::Save(const std::filesystem::path& folder) const {
  Json json = {
      {"version", kMetaVersion}, {"vocab_size", vocab_size}, {"languages", Json::object()}};
  for (const auto& [code, language] : languages) {
    json["languages"][code] = {{"nominal_units", language.nominal_units},
                               {"train", CountsToJson(language.train)},
                               {"heldout", CountsToJson(language.heldout)}};
  }
  if (!left_out.empty()) json["left_out"] = left_out;
  return WriteFileAtomic(folder / "meta.json", CanonicalJson(json) + "\n");
}

}  // namespace repro
