#include "core/graph/results_file.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/base/hash.h"
#include "core/base/text.h"
#include "core/base/units.h"
#include "core/io/byte_source.h"
#include "core/io/zstd_writer.h"
#include "core/store/event_reader.h"
#include "core/store/event_writer.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

constexpr int kVersion = 1;
constexpr int kLevel = 19;
constexpr std::string_view kHead = R"({"repro_results":)";

// ---------------------------------------------------------------------------------------- writing

/// The fields of JSON lines as columns: ids and gold labels are the same in every evaluation of a
/// test set, and are written once.
using Columns = std::map<std::string, std::vector<Json>>;

/// Empty where the lines do not come back from the columns byte for byte.
std::optional<Columns> SplitLines(std::string_view text) {
  Columns columns;
  std::size_t lines = 0;
  for (; !text.empty(); ++lines) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    Json object = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!object.is_object() || CanonicalJson(object) != line) return std::nullopt;
    if (lines > 0 && object.size() != columns.size()) return std::nullopt;
    for (auto& [name, value] : object.items()) columns[name].push_back(std::move(value));
  }
  for (const auto& [name, values] : columns) {
    if (values.size() != lines) return std::nullopt;
  }
  return columns.empty() ? std::nullopt : std::optional(std::move(columns));
}

/// Not much more than `most` bytes of them: a column may be named any number of times.
std::string JoinLines(const std::map<std::string, const Json*>& columns, std::size_t most) {
  std::string text;
  const std::size_t lines = columns.empty() ? 0 : columns.begin()->second->size();
  for (std::size_t i = 0; i < lines && text.size() <= most; ++i) {
    Json object = Json::object();
    for (const auto& [name, values] : columns) object[name] = values->at(i);
    text += CanonicalJson(object) + "\n";
  }
  return text;
}

Json ToJson(const ResultsSeries& metric) {
  Json points = Json::array();
  for (const MetricPoint& point : metric.points) {
    points.push_back({point.step, MetricEvent({.name = {}, .value = point.value}).at("value")});
  }
  return {{"name", metric.series.name},
          {"language", metric.series.language},
          {"split", metric.series.split},
          {"seed", metric.series.seed},
          {"points", std::move(points)}};
}

Json ToJson(const ResultsExperiment& experiment) {
  Json invocations = Json::array();
  for (const InvocationRow& row : experiment.invocations) {
    invocations.push_back({{"manifest", row.manifest},
                           {"manifest_hash", row.manifest_hash},
                           {"command_line", row.command_line},
                           {"state", row.state},
                           {"provenance", row.provenance},
                           {"started_ms", row.started_ms},
                           {"ended_ms", row.ended_ms}});
  }
  Json runs = Json::array();
  for (const RunSpec& run : experiment.runs) {
    runs.push_back({{"point", run.point},
                    {"sweep", run.sweep},
                    {"role", run.role},
                    {"pretrain_seed", run.pretrain_seed},
                    {"finetune_seeds", run.finetune_seeds},
                    {"config", run.config},
                    {"tasks", run.task_keys},
                    {"key", run.key}});
  }
  return {{"id", experiment.id},
          {"scale", experiment.scale},
          {"invocations", std::move(invocations)},
          {"runs", std::move(runs)}};
}

Json ToJson(const ResultsSource& source) {
  return {{"set", source.set},
          {"name", source.name},
          {"bytes", source.bytes},
          {"sha256", source.sha256}};
}

class Writer {
 public:
  Writer(ZstdWriter out, std::size_t most) : out_(std::move(out)), most_(most) {}

  Status Write(const ResultsFile& results) {
    REPRO_RETURN_IF_ERROR(Line(fmt::format("{}{}}}", kHead, kVersion)));
    for (const ResultsSource& source : results.sources) {
      REPRO_RETURN_IF_ERROR(Line("source", ToJson(source)));
    }
    for (const ResultsTask& task : results.tasks) REPRO_RETURN_IF_ERROR(WriteTask(task));
    for (const ResultsExperiment& experiment : results.experiments) {
      REPRO_RETURN_IF_ERROR(Line("experiment", ToJson(experiment)));
    }
    const Json end = {{"end", {{"lines", lines_}, {"sha256", hash_.HexDigest()}}}};
    REPRO_RETURN_IF_ERROR(Put(CanonicalJson(end) + "\n"));
    return out_.Finish();
  }

 private:
  Status WriteTask(const ResultsTask& task) {
    Json json = DescribeTask(task.task);
    json["work"] = task.task.work;
    json["work_unit"] = task.task.work_unit;
    if (task.record) {
      json["record"] = task.record->ToJson();
      json["record"].erase("task");
      json["metrics"] = Json::array();
      for (const ResultsSeries& metric : task.metrics) json["metrics"].push_back(ToJson(metric));
      json["kept"] = Json::array();
      for (const ResultsContent& file : task.files) {
        Json entry = {{"path", file.path}};
        auto columns = file.path.ends_with(".jsonl") ? SplitLines(file.text) : std::nullopt;
        if (columns) {
          for (auto& [name, values] : *columns) {
            REPRO_ASSIGN_OR_RETURN(entry["columns"][name], Column(std::move(values)));
          }
        } else if (IsUtf8(file.text)) {
          entry["text"] = file.text;
        } else {
          return Fail(ErrorCode::kInvalidArgument, "'{}': {} is not UTF-8, and only text is kept",
                      task.task.label, file.path);
        }
        json["kept"].push_back(std::move(entry));
      }
    }
    return Line("task", std::move(json));
  }

  /// The number of a column, written where it is a new one.
  Result<std::size_t> Column(Json values) {
    Json line = {{"column", std::move(values)}};
    const std::string text = CanonicalJson(line);
    const auto [at, added] = columns_.emplace(Sha256Hex(text), columns_.size());
    if (added) REPRO_RETURN_IF_ERROR(Line(text));
    return at->second;
  }

  Status Line(const char* name, Json value) {
    Json line = Json::object();
    line[name] = std::move(value);
    return Line(CanonicalJson(line));
  }
  Status Line(std::string text) {
    text += '\n';
    hash_.Update(text);
    ++lines_;
    return Put(text);
  }
  Status Put(const std::string& text) {
    bytes_ += text.size();
    if (bytes_ <= most_) return out_.Write(text);
    return Fail(ErrorCode::kInvalidArgument,
                "the results are more than the {} that a results file may unpack to: export the "
                "experiments into several files",
                FormatBytes(static_cast<std::int64_t>(most_)));
  }

  ZstdWriter out_;
  const std::size_t most_;
  std::size_t bytes_ = 0;
  Sha256 hash_;
  std::int64_t lines_ = 0;
  std::map<std::string, std::size_t> columns_;  // by digest
};

// ---------------------------------------------------------------------------------------- reading

/// Fields of what a file says. nlohmann throws where one is missing or of another type; `Reader`
/// catches that.
class Reader {
 public:
  explicit Reader(std::string where) : where_(std::move(where)) {}

  Result<ResultsFile> Read(std::string_view text) {
    const std::string_view whole = text;
    for (number_ = 1; !text.empty(); ++number_) {
      const auto end = text.find('\n');
      const std::string_view line = text.substr(0, end);
      const auto place = static_cast<std::size_t>(line.data() - whole.data());
      if (end == std::string_view::npos) return Bad("the file ends within it: it was cut");
      text.remove_prefix(end + 1);
      if (ended_) return Bad("something stands behind the end");
      Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
      if (!json.is_object() || json.size() != 1) return Bad("expected an object of one field");
      try {
        REPRO_RETURN_IF_ERROR(
            Take(json.begin().key(), json.begin().value(), whole.substr(0, place)));
      } catch (const Json::exception& error) {
        return Bad(JsonProblem(error));
      }
    }
    if (!ended_) return Bad("there is no end: the file was cut");
    return std::move(results_);
  }

 private:
  tl::unexpected<Error> Bad(std::string_view what) const {
    return Fail(ErrorCode::kCorrupt, "{}:{}: {}; get the file anew", where_, number_,
                Printable(Prefix(what, 300)));
  }

  Status Take(const std::string& name, Json& value, std::string_view before) {
    if (number_ == 1) {
      if (name != "repro_results") return Bad("expected the format");
      if (const auto version = value.get<std::int64_t>(); version != kVersion) {
        return Fail(ErrorCode::kInvalidArgument,
                    "{}: results of format {}, this build reads {}: take the repro that wrote them",
                    where_, version, kVersion);
      }
      return {};
    }
    if (name == "column") {
      if (!value.is_array()) return Bad("a column is an array");
      columns_.push_back(std::move(value));
      return {};
    }
    if (name == "task") return TakeTask(value);
    if (name == "experiment") return TakeExperiment(value);
    if (name == "source") return TakeSource(value);
    if (name != "end") return Bad(fmt::format("unknown field `{}`", name));
    ended_ = true;
    if (value.at("lines").get<std::int64_t>() != number_ - 1 ||
        value.at("sha256").get<std::string>() != Sha256Hex(before)) {
      return Bad("the lines before it are not those that were written");
    }
    return {};
  }

  Status TakeTask(const Json& json) {
    ResultsTask entry;
    Task& task = entry.task;
    task.kind = json.at("kind").get<std::string>();
    task.version = json.at("version").get<int>();
    task.spec = json.at("spec");
    task.inputs = json.at("inputs").get<std::map<std::string, std::string>>();
    task.label = json.at("label").get<std::string>();
    task.work = json.at("work").get<double>();
    task.work_unit = json.at("work_unit").get<std::string>();
    task.key = json.at("key").get<std::string>();
    if (ComputeTaskKey(task) != task.key) {
      return Bad(fmt::format("the key of '{}' is not that of its settings and inputs", task.label));
    }
    if (!keys_.insert(task.key).second) return Bad(fmt::format("'{}' is there twice", task.label));
    for (const auto& [role, key] : task.inputs) {
      if (!keys_.contains(key)) {
        return Bad(fmt::format("input '{}' of '{}' is not in the file", role, task.label));
      }
    }
    if (const auto record = json.find("record"); record != json.end()) {
      Json whole = *record;
      whole["task"] = DescribeTask(task);
      auto read = CompletionRecord::FromJson(whole, task.label);
      if (!read) return Bad(read.error().message);
      entry.record = std::move(*read);
      // What came along is said by `kept`, here and nowhere else.
      entry.record->imported = {{"machine", TextField(entry.record->imported, "machine")}};
      for (const Json& metric : json.at("metrics")) {
        REPRO_ASSIGN_OR_RETURN(auto series, TakeSeries(metric));
        entry.metrics.push_back(std::move(series));
      }
      std::set<std::string> kept;
      for (const Json& file : json.at("kept")) {
        REPRO_ASSIGN_OR_RETURN(auto content, TakeContent(file, *entry.record));
        if (!kept.insert(content.path).second) {
          return Bad(fmt::format("{} is there twice", content.path));
        }
        entry.files.push_back(std::move(content));
      }
    }
    results_.tasks.push_back(std::move(entry));
    return {};
  }

  Result<ResultsSeries> TakeSeries(const Json& json) const {
    ResultsSeries metric;
    metric.series = {.name = json.at("name").get<std::string>(),
                     .language = json.at("language").get<std::string>(),
                     .split = json.at("split").get<std::string>(),
                     .seed = json.at("seed").get<std::int64_t>()};
    for (const Json& point : json.at("points")) {
      const auto value = MetricValue(point.at(1));
      if (!value) return Bad(fmt::format("a value of {} is no number", metric.series.name));
      metric.points.push_back({.step = point.at(0).get<std::int64_t>(), .value = *value});
    }
    return metric;
  }

  Result<ResultsContent> TakeContent(const Json& json, const CompletionRecord& record) const {
    ResultsContent content;
    content.path = json.at("path").get<std::string>();
    const auto known =
        std::find_if(record.files.begin(), record.files.end(),
                     [&](const ArtifactFile& file) { return file.path == content.path; });
    if (known == record.files.end()) {
      return Bad(fmt::format("{} is no file of its task", content.path));
    }
    if (const auto named = json.find("columns"); named != json.end()) {
      std::map<std::string, const Json*> columns;
      for (const auto& [name, number] : named->items()) {
        const auto place = number.get<std::int64_t>();
        if (place < 0 || place >= std::ssize(columns_)) {
          return Bad(fmt::format("no column {} for {}", place, content.path));
        }
        columns[name] = &columns_[static_cast<std::size_t>(place)];
        if (columns[name]->size() != columns.begin()->second->size()) {
          return Bad(fmt::format("columns of different lengths for {}", content.path));
        }
      }
      content.text = JoinLines(columns, static_cast<std::size_t>(known->bytes));
    } else {
      content.text = json.at("text").get<std::string>();
    }
    if (static_cast<std::int64_t>(content.text.size()) != known->bytes ||
        Sha256Hex(content.text) != known->sha256) {
      return Bad(fmt::format("{} is not what its task wrote", content.path));
    }
    return content;
  }

  Status TakeExperiment(const Json& json) {
    ResultsExperiment experiment;
    experiment.id = json.at("id").get<std::string>();
    experiment.scale = json.at("scale").get<std::string>();
    for (const Json& row : json.at("invocations")) {
      experiment.invocations.push_back({.id = 0,
                                        .experiment_id = experiment.id,
                                        .scale = experiment.scale,
                                        .manifest = row.at("manifest").get<std::string>(),
                                        .manifest_hash = row.at("manifest_hash").get<std::string>(),
                                        .command_line = row.at("command_line").get<std::string>(),
                                        .state = row.at("state").get<std::string>(),
                                        .provenance = row.at("provenance"),
                                        .started_ms = row.at("started_ms").get<std::int64_t>(),
                                        .ended_ms = row.at("ended_ms").get<std::int64_t>()});
    }
    for (const Json& row : json.at("runs")) {
      RunSpec run;
      run.point = row.at("point").get<std::string>();
      run.sweep = row.at("sweep").get<std::map<std::string, std::string>>();
      run.role = row.at("role").get<std::string>();
      run.pretrain_seed = row.at("pretrain_seed").get<std::int64_t>();
      run.finetune_seeds = row.at("finetune_seeds").get<std::vector<std::int64_t>>();
      run.config = row.at("config");
      run.task_keys = row.at("tasks").get<std::vector<std::string>>();
      run.key = row.at("key").get<std::string>();
      for (const std::string& key : run.task_keys) {
        if (!keys_.contains(key)) {
          return Bad(fmt::format("a task of run '{}' is not in the file", run.point));
        }
      }
      experiment.runs.push_back(std::move(run));
    }
    results_.experiments.push_back(std::move(experiment));
    return {};
  }

  Status TakeSource(const Json& json) {
    ResultsSource source{.set = json.at("set").get<std::string>(),
                         .name = json.at("name").get<std::string>(),
                         .bytes = json.at("bytes").get<std::int64_t>(),
                         .sha256 = json.at("sha256").get<std::string>()};
    if (!IsSha256Hex(source.sha256))
      return Bad(fmt::format("the SHA-256 of '{}' is none", source.name));
    results_.sources.push_back(std::move(source));
    return {};
  }

  std::string where_;
  std::int64_t number_ = 0;  // of the line, from 1 on
  bool ended_ = false;
  std::vector<Json> columns_;
  std::set<std::string> keys_;
  ResultsFile results_;
};

/// All of it, or more than `most` bytes.
Result<std::string> ReadUnpacked(const fs::path& path, std::size_t most) {
  REPRO_ASSIGN_OR_RETURN(ByteSource source, ByteSource::Open(path));
  std::string text;
  std::array<char, 1 << 16> block{};
  while (text.size() <= most) {
    REPRO_ASSIGN_OR_RETURN(const std::size_t bytes, source.Read(block));
    if (bytes == 0) break;
    text.append(block.data(), bytes);
  }
  return text;
}

}  // namespace

Status WriteResults(const ResultsFile& results, const fs::path& path, std::size_t most) {
  const fs::path part = path.string() + ".part";
  const auto write = [&]() -> Status {
    REPRO_ASSIGN_OR_RETURN(ZstdWriter out, ZstdWriter::Open(part, kLevel));
    return Writer(std::move(out), most).Write(results);
  };
  Status written = write();
  std::error_code error;
  if (written) {
    fs::rename(part, path, error);
    if (error)
      written = Fail(ErrorCode::kIo, "{}: cannot write: {}", path.string(), error.message());
  }
  if (!written) fs::remove(part, error);
  return written;
}

Result<bool> IsResultsFile(const fs::path& path) {
  REPRO_ASSIGN_OR_RETURN(const std::string head, ReadUnpacked(path, kHead.size()));
  return head.starts_with(kHead);
}

Result<ResultsFile> ReadResults(const fs::path& path, std::size_t most) {
  REPRO_ASSIGN_OR_RETURN(const std::string text, ReadUnpacked(path, most));
  if (text.size() > most) {
    return Fail(ErrorCode::kCorrupt, "{}: unpacks to more than {}: no results file of ours",
                path.string(), FormatBytes(static_cast<std::int64_t>(most)));
  }
  return Reader(path.string()).Read(text);
}

}  // namespace repro
