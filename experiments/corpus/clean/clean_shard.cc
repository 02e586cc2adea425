#include "experiments/corpus/clean/clean_shard.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <system_error>
#include <utility>

#include "core/base/rng.h"
#include "core/base/text.h"
#include "core/io/file.h"
#include "core/io/json_io.h"
#include "core/io/text_window.h"
#include "core/io/zstd_writer.h"
#include "experiments/corpus/clean/line_normalizer.h"
#include "experiments/corpus/source/text_lines.h"
#include "experiments/datasets/language_code.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

/// Lines of a text that are not blank.
void SplitLines(std::string_view text, std::vector<std::string_view>& lines) {
  lines.clear();
  while (!text.empty()) {
    const std::string_view line = TakeLine(text);
    if (line.find_first_not_of(" \t\r\v\f") != std::string_view::npos) lines.push_back(line);
  }
}

TextAmount LinesAmount(const std::vector<std::string_view>& lines) {
  TextAmount amount{.documents = 0, .lines = static_cast<std::int64_t>(lines.size()), .bytes = 0};
  for (const std::string_view line : lines) {
    amount.bytes += static_cast<std::int64_t>(line.size()) + 1;
  }
  return amount;
}

/// Documents of a file, one after the other, with the stop flag and progress looked after.
class ShardReader {
 public:
  static Result<ShardReader> Open(const CorpusFile& file, const ShardContext& context) {
    auto notes = std::make_unique<ReadNotes>(context.strict, file.set + "/" + file.name);
    REPRO_ASSIGN_OR_RETURN(auto documents, OpenDocuments(file, *notes));
    return ShardReader(context, std::move(notes), std::move(documents));
  }

  Result<bool> Next(TextDocument& document) {
    if (context_->stop != nullptr && *context_->stop) {
      return Fail(ErrorCode::kInterrupted, "asked to stop");
    }
    REPRO_ASSIGN_OR_RETURN(const bool more, documents_->Next(document));
    const std::uint64_t now = documents_->bytes_read();
    context_->progress(now - bytes_seen_);
    bytes_seen_ = now;
    return more;
  }
  const ReadNotes& notes() const { return *notes_; }
  const DocumentReader& documents() const { return *documents_; }

 private:
  ShardReader(const ShardContext& context, std::unique_ptr<ReadNotes> notes,
              std::unique_ptr<DocumentReader> documents)
      : context_(&context), notes_(std::move(notes)), documents_(std::move(documents)) {}

  const ShardContext* context_;
  std::unique_ptr<ReadNotes> notes_;
  std::unique_ptr<DocumentReader> documents_;
  std::uint64_t bytes_seen_ = 0;
};

/// The documents of a shard, by language.
class LanguageFiles {
 public:
  explicit LanguageFiles(fs::path folder) : folder_(std::move(folder)) {}

  Status Write(const CleanDocument& document, const std::string& set) {
    text_.clear();
    for (const std::string_view line : document.lines) {
      if (!text_.empty()) text_ += '\n';
      text_ += line;
    }
    Json record = {
        {"id", document.source.id}, {"set", set}, {"text", text_}, {"language", document.language}};
    if (!document.source.title.empty()) record["title"] = document.source.title;
    if (!document.source.content.empty()) record["content"] = document.source.content;
    if (document.language_score) record["language_score"] = *document.language_score;
    if (document.perplexity) record["perplexity"] = *document.perplexity;
    auto found = files_.find(document.language);
    if (found == files_.end()) {
      if (!IsLanguageCode(document.language)) {  // a file is named so
        return Fail(ErrorCode::kInvalidArgument,
                    "{}: language `{}`, expected a code of letters, digits, `_` and `-`",
                    document.source.id, Printable(Prefix(document.language, 40)));
      }
      REPRO_ASSIGN_OR_RETURN(ZstdWriter writer,
                             ZstdWriter::Open(folder_ / (document.language + ".jsonl.zst")));
      found = files_.emplace(document.language, std::move(writer)).first;
    }
    return found->second.Write(CanonicalJson(record) + "\n");
  }
  Status Finish() {
    for (auto& [language, file] : files_) REPRO_RETURN_IF_ERROR(file.Finish());
    return {};
  }

 private:
  fs::path folder_;
  std::map<std::string, ZstdWriter> files_;
  std::string text_;
};

/// What is taken from a document on its way, told to the report when its language is known.
class DocumentStory {
 public:
  struct Chapter {
    std::string_view stage;
    DroppedLine dropped;
  };

  void Begin() { chapters_.clear(); }
  void Add(std::string_view stage, const std::vector<DroppedLine>& dropped) {
    for (const DroppedLine& line : dropped) chapters_.push_back({stage, line});
  }

  /// `stage` and `reason`: why all of it went; empty: it stays.
  void Tell(const CleanDocument& document, const CorpusFile& file, std::string_view stage,
            std::string_view reason, std::uint64_t number, ShardReport& report) const {
    const std::string language =
        document.language.empty() ? std::string(Funnel::kUnknownLanguage) : document.language;
    Funnel::Row& row = report.funnel.At({file.set, language});
    TextAmount all = LinesAmount(document.lines);
    all.documents = 1;
    row.read += all;
    if (reason.empty()) {
      row.kept += all;
    } else {
      row.dropped[{std::string(stage), std::string(reason)}] += all;
      std::string_view text;  // none where its lines are shown one by one
      if (chapters_.empty() || !document.lines.empty()) text = document.source.text;
      Sample({std::string(stage), std::string(reason), language}, document, file, text,
             MixSeed(number, "reject", document.source.offset), report);
    }
    std::uint64_t place = 0;
    for (const auto& [of_stage, line] : chapters_) {
      const TextAmount amount = LinesAmount({line.line});
      row.read += amount;
      row.dropped[{std::string(of_stage), std::string(line.reason)}] += amount;
      Sample({std::string(of_stage), std::string(line.reason), language}, document, file, line.line,
             MixSeed(MixSeed(number, "reject", document.source.offset), "line", ++place), report);
    }
  }

 private:
  static void Sample(const RejectSample::Key& key, const CleanDocument& document,
                     const CorpusFile& file, std::string_view text, std::uint64_t number,
                     ShardReport& report) {
    if (text.empty() || !report.rejects.Wants(key, number)) return;
    report.rejects.Add(key, {.number = number,
                             .set = file.set,
                             .source = document.source.id,
                             .text = std::string(text.substr(0, 4 * RejectSample::kShown))});
  }

  std::vector<Chapter> chapters_;
};

tl::unexpected<Error> Changed(const CorpusFile& file) {
  return Fail(ErrorCode::kCorrupt,
              "{}: it changed while it was read: its lines are not those that were hashed; the "
              "next try hashes it anew",
              file.path.string());
}

}  // namespace

Status HashShard(const CorpusFile& file, const ShardContext& context, const fs::path& hashes) {
  REPRO_ASSIGN_OR_RETURN(ShardReader reader, ShardReader::Open(file, context));
  REPRO_ASSIGN_OR_RETURN(LineHashWriter writer, LineHashWriter::Open(hashes));
  TextDocument document;
  std::vector<std::string_view> lines;
  for (;;) {
    REPRO_ASSIGN_OR_RETURN(const bool more, reader.Next(document));
    if (!more) return writer.Finish();
    SplitLines(document.text, lines);
    for (const std::string_view line : lines) REPRO_RETURN_IF_ERROR(writer.Add(DedupHash(line)));
  }
}

Status ShardReport::Merge(const ShardReport& later) {
  funnel.Merge(later.funnel);
  rejects.Merge(later.rejects);
  ReadNotes all;
  REPRO_RETURN_IF_ERROR(all.MergeJson(notes));
  REPRO_RETURN_IF_ERROR(all.MergeJson(later.notes));
  notes = all.ToJson();
  for (const auto& [kind, count] : later.passed_over.items()) {
    passed_over[kind] = IntegerField(passed_over, kind.c_str()) + count.get<std::int64_t>();
  }
  for (const auto& [language, distribution] : later.perplexities) {
    perplexities[language].Merge(distribution);
  }
  return {};
}

Json ShardReport::ToJson() const {
  Json by_language = Json::object();
  for (const auto& [language, distribution] : perplexities) {
    by_language[language] = distribution.values();
  }
  return {{"version", 1},   {"funnel", funnel.ToJson()},  {"rejects", rejects.ToJson()},
          {"notes", notes}, {"passed_over", passed_over}, {"perplexities", std::move(by_language)}};
}

Result<ShardReport> ShardReport::FromJson(const Json& json) {
  ShardReport report;
  try {
    REPRO_ASSIGN_OR_RETURN(report.funnel, Funnel::FromJson(json.at("funnel")));
    REPRO_ASSIGN_OR_RETURN(report.rejects, RejectSample::FromJson(json.at("rejects")));
    report.notes = json.at("notes");
    report.passed_over = json.at("passed_over");
    for (const auto& [language, counts] : json.at("perplexities").items()) {
      for (const auto& [value, times] : counts.get<std::map<double, std::int64_t>>()) {
        report.perplexities[language].Add(value, times);
      }
    }
  } catch (const Json::exception& error) {
    return Fail(ErrorCode::kCorrupt, "report of a shard: {}", JsonProblem(error));
  }
  return report;
}

Status CleanShard(const CorpusFile& file, std::uint64_t number,
                  const std::vector<std::unique_ptr<const CleanStage>>& stages,
                  const fs::path& marks, const ShardContext& context, const fs::path& folder) {
  std::optional<TextWindow> all_marks;
  if (!marks.empty()) {
    REPRO_ASSIGN_OR_RETURN(ByteSource source, ByteSource::Open(marks));
    all_marks.emplace(std::move(source));
  }
  const fs::path temporary = folder.string() + ".tmp";
  std::error_code error;
  fs::remove_all(temporary, error);
  REPRO_RETURN_IF_ERROR(MakeDirectory(temporary));
  REPRO_ASSIGN_OR_RETURN(ShardReader reader, ShardReader::Open(file, context));
  LanguageFiles out(temporary);
  ShardReport report;
  CleanDocument document;
  DocumentStory story;
  std::vector<DroppedLine> dropped;
  for (;;) {
    REPRO_ASSIGN_OR_RETURN(const bool more, reader.Next(document.source));
    if (!more) break;
    SplitLines(document.source.text, document.lines);
    document.marks.assign(document.lines.size(), LineMark::kKeep);
    if (all_marks) {
      const std::string_view held = all_marks->Fill(document.lines.size());
      if (all_marks->damage()) return tl::unexpected<Error>(*all_marks->damage());
      if (held.size() < document.lines.size()) return Changed(file);
      std::transform(held.begin(), held.begin() + std::ssize(document.lines),
                     document.marks.begin(), [](char mark) { return static_cast<LineMark>(mark); });
      all_marks->Consume(document.lines.size());
    }
    document.language = file.language;
    document.language_score.reset();
    document.perplexity.reset();
    story.Begin();
    std::string_view last_stage;
    std::string_view reason;
    for (const auto& stage : stages) {
      dropped.clear();
      last_stage = stage->name();
      reason = stage->Apply(document, dropped);
      story.Add(last_stage, dropped);
      if (!reason.empty()) break;
    }
    if (reason.empty()) {
      if (document.language.empty()) document.language = Funnel::kUnknownLanguage;
      REPRO_RETURN_IF_ERROR(out.Write(document, file.set));
      if (document.perplexity) {
        report.perplexities[document.language].Add(*document.perplexity);
      }
    }
    story.Tell(document, file, last_stage, reason, number, report);
  }
  if (all_marks && !all_marks->Fill(1).empty()) return Changed(file);
  report.notes = reader.notes().ToJson();
  for (const auto& [kind, count] : reader.documents().passed_over()) {
    report.passed_over[kind] = count;
  }
  REPRO_RETURN_IF_ERROR(out.Finish());
  REPRO_RETURN_IF_ERROR(
      WriteFileAtomic(temporary / "report.json", CanonicalJson(report.ToJson()) + "\n"));
  fs::rename(temporary, folder, error);
  if (error) return Fail(ErrorCode::kIo, "rename to {}: {}", folder.string(), error.message());
  return SyncDirectory(folder.parent_path());
}

}  // namespace repro
