// The work on text that scripts/bench data times, one kind a process, with one thread: reading WET
// files, cleaning them as a `clean` task does, token shards. `prepare` makes what that needs: texts
// of languages out of a cleaned corpus, a vocabulary, n-gram models. Each prints one line of JSON.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "core/base/units.h"
#include "core/io/file.h"
#include "core/io/host.h"
#include "core/io/json_io.h"
#include "experiments/corpus/clean/clean_corpus.h"
#include "experiments/corpus/clean/line_model_trainer.h"
#include "experiments/corpus/clean/line_normalizer.h"
#include "experiments/corpus/clean/perplexity_stage.h"
#include "experiments/corpus/clean/stages.h"
#include "experiments/corpus/clean/subset.h"
#include "experiments/corpus/source/wet_reader.h"
#include "experiments/data/shard_encoder.h"
#include "experiments/text/vocab_trainer.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

const std::atomic<bool> kGoOn = false;

/// What went into a stage and how long it took; of "perplexity", what got one.
struct StageTime {
  std::string stage;
  std::int64_t documents = 0;
  std::int64_t bytes = 0;
  double seconds = 0;
};

std::int64_t BytesOf(const CleanDocument& document) {
  std::int64_t bytes = 0;
  for (const std::string_view line : document.lines) {
    bytes += static_cast<std::int64_t>(line.size()) + 1;
  }
  return bytes;
}

/// Another stage, with a clock.
class TimedStage : public CleanStage {
 public:
  TimedStage(std::unique_ptr<const CleanStage> stage, StageTime& time)
      : stage_(std::move(stage)), time_(time) {}
  std::string_view name() const override { return stage_->name(); }
  std::string_view Apply(CleanDocument& document,
                         std::vector<DroppedLine>& dropped) const override {
    const std::int64_t bytes = BytesOf(document);
    const double began = SteadySeconds();
    const std::string_view reason = stage_->Apply(document, dropped);
    time_.seconds += SteadySeconds() - began;
    if (time_.stage == "perplexity" && !document.perplexity) return reason;
    ++time_.documents;
    time_.bytes += bytes;
    return reason;
  }

 private:
  std::unique_ptr<const CleanStage> stage_;
  StageTime& time_;  // of one thread
};

/// Writes what language identification will be asked about, a document a line.
class WriteLines : public CleanStage {
 public:
  explicit WriteLines(const std::string& path) : out_(path, std::ios::binary) {}
  std::string_view name() const override { return "lines"; }
  std::string_view Apply(CleanDocument& document,
                         std::vector<DroppedLine>& /*dropped*/) const override {
    for (const std::string_view line : document.lines) out_ << line;
    out_ << '\n';
    return "";
  }

 private:
  mutable std::ofstream out_;
};

struct CleanArguments {
  std::vector<std::string> files;
  std::string language_model;
  std::string line_models;  // empty: repeated lines and language alone
  std::string lines;        // empty: not written
  std::string work;         // scratch and out below it
};

Result<std::map<std::string, LineModel>> LoadLineModels(const fs::path& folder) {
  constexpr std::string_view kPieces = ".sp.model";
  std::map<std::string, LineModel> models;
  for (const auto& entry : fs::directory_iterator(folder)) {
    std::string name = entry.path().filename().string();
    if (!name.ends_with(kPieces)) continue;
    name.resize(name.size() - kPieces.size());
    REPRO_ASSIGN_OR_RETURN(LineModel model, LineModel::LoadFrom(folder, name));
    models.emplace(std::move(name), std::move(model));
  }
  return models;
}

/// Hashes of the lines of one page in a hundred, as if these were text that is evaluated with.
Result<std::vector<std::uint64_t>> LinesToKeepOut(const std::string& wet) {
  std::vector<std::uint64_t> hashes;
  ReadNotes notes;
  TextDocument document;
  REPRO_ASSIGN_OR_RETURN(const auto reader, WetReader::Open(wet, notes));
  for (std::int64_t page = 0;; ++page) {
    REPRO_ASSIGN_OR_RETURN(const bool more, reader->Next(document));
    if (!more) break;
    if (page % 100 != 0) continue;
    std::istringstream lines(document.text);
    for (std::string line; std::getline(lines, line);) hashes.push_back(DedupHash(line));
  }
  std::sort(hashes.begin(), hashes.end());
  hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
  return hashes;
}

using Passes = std::vector<std::pair<std::string, double>>;  // and when each began

/// The files and timed stages of a `clean` task; stages point into `times`.
Result<CleanCorpusOptions> OptionsOf(const CleanArguments& arguments, const LanguageId& languages,
                                     std::deque<StageTime>& times) {
  CleanCorpusOptions options;
  const auto add = [&](std::unique_ptr<const CleanStage> stage) {
    times.push_back({.stage = std::string(stage->name())});
    options.stages.push_back(std::make_unique<TimedStage>(std::move(stage), times.back()));
  };
  for (const std::string& file : arguments.files) {
    options.files.push_back({.path = file,
                             .name = fs::path(file).filename().string(),
                             .set = "generated",
                             .language = {},
                             .layout = "wet",
                             .field = {},
                             .id_field = {},
                             .content = {}});
  }
  const bool every_stage = !arguments.line_models.empty();
  if (every_stage) add(std::make_unique<MinLength>(/*characters=*/300));
  add(std::make_unique<MarkedLines>(LineMark::kRepeated));
  if (every_stage) {
    REPRO_ASSIGN_OR_RETURN(options.marks.evaluation, LinesToKeepOut(arguments.files.front()));
    add(std::make_unique<MarkedLines>(LineMark::kEvaluation));
  }
  if (!arguments.lines.empty()) {
    options.stages.push_back(std::make_unique<WriteLines>(arguments.lines));
  }
  add(std::make_unique<IdentifyLanguage>(languages, IdentifyLanguage::Options{}));
  if (every_stage) {
    REPRO_ASSIGN_OR_RETURN(auto models, LoadLineModels(arguments.line_models));
    add(std::make_unique<ScorePerplexity>(std::move(models)));
  }
  return options;
}

/// Empties `work` and makes its folders.
Status PrepareWork(const fs::path& work) {
  fs::remove_all(work);
  REPRO_RETURN_IF_ERROR(MakeDirectory(work));
  REPRO_RETURN_IF_ERROR(MakeDirectory(work / "scratch"));
  return MakeDirectory(work / "out");
}

void AddTimes(const Passes& passes, double ended, const std::deque<StageTime>& times, Json& json) {
  for (std::size_t i = 0; i < passes.size(); ++i) {
    const double end = i + 1 < passes.size() ? passes[i + 1].second : ended;
    json["passes"].push_back({{"pass", passes[i].first}, {"seconds", end - passes[i].second}});
  }
  for (const StageTime& time : times) {
    json["stages"].push_back({{"stage", time.stage},
                              {"documents", time.documents},
                              {"bytes", time.bytes},
                              {"seconds", time.seconds}});
  }
}

void AddAmounts(const CorpusReport& report, Json& json) {
  TextAmount read, kept;
  for (const auto& [key, row] : report.sum.funnel.rows()) {
    read += row.read;
    kept += row.kept;
    if (row.kept.bytes > 0) json["languages"][key.language] = row.kept.bytes;
  }
  json["read"] = {{"documents", read.documents}, {"lines", read.lines}, {"bytes", read.bytes}};
  json["kept"] = {{"documents", kept.documents}, {"lines", kept.lines}, {"bytes", kept.bytes}};
  json["notes"] = report.sum.notes;
}

/// Makes the same marks again, to hear what their hashes take.
Status AddHashes(const fs::path& scratch, const CleanCorpusOptions& options, Json& json) {
  std::vector<fs::path> hashes, marks;
  for (const auto& entry : fs::directory_iterator(scratch)) {
    if (entry.path().extension() != ".hashes") continue;
    hashes.push_back(entry.path());
    marks.push_back(entry.path().string() + ".again");
  }
  REPRO_ASSIGN_OR_RETURN(const MarkCounts counts, MarkLines(hashes, marks, options.marks, kGoOn));
  json["hashes"] = {{"lines", counts.lines},
                    {"different", counts.different},
                    {"ranges", counts.ranges},
                    {"peak_bytes", counts.peak_bytes}};
  return {};
}

Result<Json> Clean(const CleanArguments& arguments) {
  const double began = SteadySeconds();
  REPRO_ASSIGN_OR_RETURN(const LanguageId languages, LanguageId::Load(arguments.language_model));
  std::deque<StageTime> times;
  REPRO_ASSIGN_OR_RETURN(const CleanCorpusOptions options, OptionsOf(arguments, languages, times));
  const fs::path work = arguments.work;
  REPRO_RETURN_IF_ERROR(PrepareWork(work));
  Passes passes;
  const auto progress = [&](std::string_view doing, std::int64_t, std::int64_t) {
    if (passes.empty() || passes.back().first != doing) passes.emplace_back(doing, SteadySeconds());
  };
  REPRO_ASSIGN_OR_RETURN(const CorpusReport report,
                         CleanCorpus(options, work / "scratch", work / "out", kGoOn, progress));
  const double ended = SteadySeconds();
  Json json = {{"seconds", ended - began}, {"peak_bytes", PeakResidentBytes()}};
  AddTimes(passes, ended, times, json);
  AddAmounts(report, json);
  REPRO_RETURN_IF_ERROR(AddHashes(work / "scratch", options, json));
  return json;
}

Result<Json> ReadWet(const std::vector<std::string>& files) {
  std::int64_t records = 0;
  std::int64_t documents = 0;
  std::uint64_t bytes = 0;
  ReadNotes notes;
  TextDocument document;
  const double began = SteadySeconds();
  for (const std::string& file : files) {
    REPRO_ASSIGN_OR_RETURN(const auto reader, WetReader::Open(file, notes));
    for (;;) {
      REPRO_ASSIGN_OR_RETURN(const bool more, reader->Next(document));
      if (!more) break;
      ++documents;
      bytes += document.text.size();
    }
    records += reader->records();
  }
  return Json{{"seconds", SteadySeconds() - began},
              {"peak_bytes", PeakResidentBytes()},
              {"records", records},
              {"documents", documents},
              {"bytes", bytes},
              {"notes", notes.ToJson()}};
}

struct PrepareArguments {
  std::string cleaned;
  std::vector<std::string> languages;
  std::int64_t bytes = 8 << 20;  // of each text
  std::int64_t pieces = 32'000;
  std::string out;
};

/// LANGUAGE.txt for each, vocabulary.model of all, and their n-gram models.
Result<Json> Prepare(const PrepareArguments& arguments) {
  const fs::path out = arguments.out;
  REPRO_RETURN_IF_ERROR(MakeDirectory(out));
  Json json = Json::object();
  std::vector<VocabText> texts;
  for (const std::string& language : arguments.languages) {
    const fs::path text = out / (language + ".txt");
    REPRO_ASSIGN_OR_RETURN(const SubsetCounts counts,
                           WriteSubset(fs::path(arguments.cleaned) / language,
                                       {.max_bytes = arguments.bytes, .heldout_share = 0}, out,
                                       text, out / "heldout.txt", kGoOn));
    json["texts"][language] = {{"bytes", counts.bytes}, {"sentences", counts.sentences}};
    texts.push_back({language, text, 1.0});
  }
  REPRO_ASSIGN_OR_RETURN(
      const TrainedVocab vocab,
      TrainVocabulary(
          texts,
          {.size = arguments.pieces, .hard_limit = false, .alpha = 1, .sample_sentences = 60'000}));
  REPRO_RETURN_IF_ERROR(WriteFileAtomic(out / "vocabulary.model", vocab.model));
  const fs::path models = out / "line_models";
  REPRO_RETURN_IF_ERROR(MakeDirectory(models));
  for (const VocabText& text : texts) {
    LineModelOptions options;
    options.max_lines = 20'000;
    options.ngrams.programs = fs::read_symlink("/proc/self/exe").parent_path() / "../bin";
    options.ngrams.memory = "1G";
    REPRO_ASSIGN_OR_RETURN(const TrainedLineModel trained,
                           TrainLineModel(text.text, text.language, models, options));
    json["line_models"][text.language] = {{"pieces", trained.pieces}, {"ngrams", trained.ngrams}};
  }
  return json;
}

struct EncodeArguments {
  std::string text;
  std::string model;
  std::string shard;
};

Result<Json> Encode(const EncodeArguments& arguments) {
  const double began = SteadySeconds();
  REPRO_ASSIGN_OR_RETURN(Tokenizer tokenizer, Tokenizer::Load(arguments.model));
  REPRO_ASSIGN_OR_RETURN(const std::vector<ShardCounts> counts,
                         EncodeShards({{arguments.text, arguments.shard, tokenizer}}, /*threads=*/1,
                                      kGoOn, [](std::int64_t) {}));
  return Json{{"seconds", SteadySeconds() - began},
              {"peak_bytes", PeakResidentBytes()},
              {"sentences", counts.front().sentences},
              {"documents", counts.front().documents},
              {"tokens", counts.front().tokens}};
}

}  // namespace
}  // namespace repro

int main(int argc, char** argv) {
  CLI::App app("Times work on text with one thread.");
  app.require_subcommand(1);
  std::vector<std::string> wet;
  CLI::App* const read = app.add_subcommand("read", "WET files, their pages counted");
  read->add_option("files", wet, "WET files")->required()->check(CLI::ExistingFile);

  repro::CleanArguments cleaning;
  CLI::App* const clean = app.add_subcommand("clean", "WET files to documents by language");
  clean->add_option("files", cleaning.files, "WET files")->required()->check(CLI::ExistingFile);
  clean->add_option("--language-model", cleaning.language_model, "lid.176.bin or lid.176.ftz")
      ->required()
      ->check(CLI::ExistingFile);
  clean
      ->add_option("--line-models", cleaning.line_models,
                   "Folder of n-gram models: every stage then")
      ->check(CLI::ExistingDirectory);
  clean->add_option("--lines", cleaning.lines, "Gets what is identified, a document a line");
  clean->add_option("--work", cleaning.work, "Folder, emptied first")->required();

  repro::PrepareArguments preparing;
  CLI::App* const prepare = app.add_subcommand("prepare", "Texts, vocabulary, n-gram models");
  prepare->add_option("--cleaned", preparing.cleaned, "What `clean` wrote")
      ->required()
      ->check(CLI::ExistingDirectory);
  prepare->add_option("--languages", preparing.languages, "Whose texts")->required();
  prepare->add_option("--bytes", preparing.bytes, "Of each text, at most");
  prepare->add_option("--pieces", preparing.pieces, "Of the vocabulary");
  prepare->add_option("--out", preparing.out, "Folder")->required();

  repro::EncodeArguments encoding;
  CLI::App* const encode = app.add_subcommand("encode", "A text to a token shard");
  encode->add_option("--text", encoding.text, "A sentence a line")->required();
  encode->add_option("--model", encoding.model, "SentencePiece model")->required();
  encode->add_option("--shard", encoding.shard, "File to write")->required();
  CLI11_PARSE(app, argc, argv);

  const auto result = *read      ? repro::ReadWet(wet)
                      : *clean   ? repro::Clean(cleaning)
                      : *prepare ? repro::Prepare(preparing)
                                 : repro::Encode(encoding);
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().message.c_str());
    return 1;
  }
  std::printf("%s\n", result->dump().c_str());
  return 0;
}
