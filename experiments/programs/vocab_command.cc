#include "experiments/programs/vocab_command.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/ranges.h>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/cli/log_access.h"
#include "core/cli/terminal.h"
#include "core/cli/text_table.h"
#include "core/io/file.h"
#include "core/io/text_window.h"
#include "experiments/data/corpus_files.h"
#include "experiments/programs/run_artifact.h"
#include "experiments/text/vocab_files.h"
#include "experiments/text/vocab_report.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxLineBytes = 1 << 20;
constexpr double kLowCoverage = 0.9;

/// Text to measure on, by language.
using Texts = std::map<std::string, fs::path>;

struct NamedVocab {
  std::string name;  ///< as a person gave it, with the task's label
  VocabFiles files;
  Texts heldout;  ///< of the corpora that it is learnt from; empty where they are not known
};

/// How one vocabulary cuts one language's text.
struct Fit {
  VocabFit counts;
  std::int64_t left_out = 0;  ///< lines that are no UTF-8, or hold NUL

  /// A run of unknown characters is one piece: where many are unknown, few pieces say nothing good.
  bool LowCoverage() const { return counts.Coverage() < kLowCoverage; }
};
using Fits = std::map<std::string, Fit>;

/// How one vocabulary cuts the texts.
struct Measured {
  Fits fits;                                    ///< of texts that hold a sentence
  std::map<std::string, std::int64_t> no_text;  ///< of the others: `Fit::left_out`
};

/// A column of the table that compares.
struct Measure {
  const char* key;
  const char* title;
  double (*value)(const VocabFit& fit);
  bool percent;
  bool per_piece;  ///< means little where coverage is low
};

constexpr Measure kMeasures[] = {
    {"pieces_per_word", "pieces a word", [](const VocabFit& fit) { return fit.TokensPerWord(); },
     false, true},
    {"characters_per_piece", "characters a piece",
     [](const VocabFit& fit) { return fit.CharactersPerPiece(); }, false, true},
    {"coverage", "coverage", [](const VocabFit& fit) { return fit.Coverage(); }, true, false},
    {"unknown_rate", "unknown", [](const VocabFit& fit) { return fit.UnknownRate(); }, true, false},
    {"pieces_used", "pieces used", [](const VocabFit& fit) { return fit.UsedShare(); }, true,
     false},
};

std::string Show(const Measure& measure, const Fit& fit) {
  const double value = measure.value(fit.counts);
  return (measure.percent ? fmt::format("{:.2f} %", 100 * value) : fmt::format("{:.3f}", value)) +
         (measure.per_piece && fit.LowCoverage() ? "!" : "");
}
std::string ShowChange(const Measure& measure, double change) {
  return measure.percent ? fmt::format("{:+.2f}", 100 * change) : fmt::format("{:+.3f}", change);
}

std::string Share(std::int64_t part, std::int64_t whole) {
  return fmt::format(
      "{:.1f} %", whole == 0 ? 0.0 : 100 * static_cast<double>(part) / static_cast<double>(whole));
}

Json ToJson(const Fit& fit) {
  const VocabFit& counts = fit.counts;
  Json json = {{"sentences", counts.sentences},    {"words", counts.words},
               {"pieces", counts.pieces},          {"characters", counts.characters},
               {"unknown", counts.unknown_pieces}, {"icu_words", counts.icu_words},
               {"left_out_lines", fit.left_out},   {"low_coverage", fit.LowCoverage()}};
  for (const Measure& measure : kMeasures) json[measure.key] = measure.value(counts);
  return json;
}

Json ToJson(const Fits& fits) {
  Json json = Json::object();
  for (const auto& [language, fit] : fits) json[language] = ToJson(fit);
  return json;
}

/// `source`: whose held-out text it was; empty: a person named the texts, or there are none.
Json SourceToJson(const std::string& source) {
  return source.empty() ? Json() : Json(source);
}

Json ToJson(const NamedVocab& vocab, const VocabContent& content) {
  Json json = {{"name", vocab.name},
               {"rows", content.rows},
               {"specials", content.specials},
               {"pieces", content.pieces},
               {"word_starts", content.word_starts},
               {"single_characters", content.characters},
               {"by_script", content.by_script},
               {"longest", content.longest}};
  if (vocab.files.pre_tokenization()) {
    json["pre_tokenization"] = vocab.files.pre_tokenization()->ToJson();
  }
  return json;
}

class VocabCommand final : public Command {
 public:
  void Define(CLI::App& app) override {
    app.require_subcommand(1);
    app.footer("Example: repro vocab compare 12 15 --text sw=sw.txt.gz");
    const auto common = [this](CLI::App* sub, const char* what, std::size_t least,
                               std::size_t most) {
      sub->fallthrough();
      sub->add_option("vocab", names_, what)
          ->required()
          ->expected(static_cast<int>(least), static_cast<int>(most))
          ->type_name("VOCAB");
      sub->add_option("--text", texts_,
                      "Text to measure on, a sentence a line, plain or packed (default: the "
                      "held-out text of the corpora that the vocabulary is learnt from)")
          ->type_name("LANG=FILE")
          ->allow_extra_args(false);
    };
    const char* vocab =
        "A run number, the first digits of the key of a task, a model file of SentencePiece, or a "
        "folder with sp.model";
    show_ = app.add_subcommand("show", "What is in a vocabulary, and how it cuts text");
    common(show_, vocab, 1, 1);
    show_->footer(
        "Example: repro vocab show 12\n"
        "Example: repro vocab show sentencepiece.bpe.model --text en=a.txt --text th=b.txt.zst");
    compare_ = app.add_subcommand("compare", "Vocabularies beside each other, on the same text");
    common(compare_, vocab, 2, 8);
    compare_->footer("Example: repro vocab compare 12 15 --text sw=sw.txt.gz");
  }

  Result<int> Run(const CommandContext& context) override {
    REPRO_ASSIGN_OR_RETURN(Texts texts, GivenTexts());
    std::vector<NamedVocab> vocabs;
    for (const std::string& name : names_) {
      REPRO_ASSIGN_OR_RETURN(NamedVocab vocab, Find(context.options, name));
      vocabs.push_back(std::move(vocab));
    }
    std::string source;
    for (const NamedVocab& vocab : vocabs) {
      if (!texts.empty()) break;
      texts = vocab.heldout;
      if (!texts.empty()) source = vocab.name;
    }
    std::vector<Measured> measured;
    for (const NamedVocab& vocab : vocabs) {
      REPRO_ASSIGN_OR_RETURN(measured.emplace_back(),
                             MeasureAll(vocab.files, texts, !texts_.empty()));
    }
    if (show_->parsed()) {
      PrintOne(context, vocabs.front(), measured.front(), source);
    } else if (context.options.json) {
      PrintJson(context.out, CompareToJson(vocabs, measured, source));
    } else {
      PrintSizes(context, vocabs);
      PrintOverlap(context, vocabs);
      PrintMeasures(context, measured);
      context.out << Printable(Notes(measured, source), true);
    }
    return 0;
  }

 private:
  Result<Texts> GivenTexts() const {
    Texts texts;
    for (const std::string& text : texts_) {
      const std::size_t sign = text.find('=');
      if (sign == 0 || sign == std::string::npos || sign + 1 == text.size()) {
        return Fail(ErrorCode::kInvalidArgument,
                    "--text {}: expected a language and a file, e.g. --text sw=heldout.txt",
                    Printable(text));
      }
      const std::string language = text.substr(0, sign);
      if (!texts.emplace(language, text.substr(sign + 1)).second) {
        return Fail(ErrorCode::kInvalidArgument, "--text {}: '{}' has a text already",
                    Printable(text), Printable(language));
      }
    }
    return texts;
  }

  // A path is what has a file behind it and is no run or key: "12" means the run.
  Result<NamedVocab> Find(const GlobalOptions& options, const std::string& name) const {
    std::error_code error;
    const bool plain = name.find_first_not_of("0123456789abcdef#") == std::string::npos;
    if (!plain || (!fs::exists(LogPath(options), error) && fs::exists(name, error))) {
      return FromPath(name);
    }
    REPRO_ASSIGN_OR_RETURN(const RunLog log, OpenLogForReading(options));
    REPRO_ASSIGN_OR_RETURN(const TaskRow task, FindTask(log, name));
    const ArtifactStore store(options.workspace);
    REPRO_ASSIGN_OR_RETURN(const RunArtifact artifact, FindArtifact(store, task));
    REPRO_ASSIGN_OR_RETURN(VocabFiles files, VocabFiles::Load(artifact.folder));
    Texts heldout;
    if (texts_.empty()) {
      REPRO_ASSIGN_OR_RETURN(heldout, HeldOutOf(log, store, task));
    }
    return NamedVocab{fmt::format("{} ({})", task.label, ShortKey(task.key)), std::move(files),
                      std::move(heldout)};
  }

  static Result<Texts> HeldOutOf(const RunLog& log, const ArtifactStore& store,
                                 const TaskRow& task) {
    Texts heldout;
    for (const auto& [language, key] : task.inputs.items()) {
      if (!key.is_string()) continue;
      REPRO_ASSIGN_OR_RETURN(const auto inputs, log.Tasks({key.get<std::string>()}));
      if (inputs.empty()) continue;
      REPRO_ASSIGN_OR_RETURN(const RunArtifact corpus, FindArtifact(store, inputs.front()));
      REPRO_ASSIGN_OR_RETURN(const CorpusFiles text, CorpusFiles::Load(corpus.folder));
      heldout[language] = text.heldout;
    }
    return heldout;
  }

  static Result<NamedVocab> FromPath(const fs::path& path) {
    std::error_code error;
    const bool folder = fs::is_directory(path, error);
    if (folder || path.filename() == "sp.model") {
      REPRO_ASSIGN_OR_RETURN(VocabFiles files,
                             VocabFiles::Load(folder ? path : path.parent_path()));
      return NamedVocab{path.string(), std::move(files), {}};
    }
    if (!fs::exists(path, error)) {
      return Fail(ErrorCode::kNotFound,
                  "{}: no such file; expected a run number, a task's key, a model file of "
                  "SentencePiece, or a folder with sp.model",
                  Printable(path.string()));
    }
    REPRO_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
    REPRO_ASSIGN_OR_RETURN(VocabFiles files,
                           VocabFiles::FromBytes(bytes, path.string(), std::nullopt));
    return NamedVocab{path.string(), std::move(files), {}};
  }

  // The one vocabulary of a run, or of a task that was made with one.
  static Result<TaskRow> FindTask(const RunLog& log, const std::string& name) {
    REPRO_ASSIGN_OR_RETURN(Target target, FindTarget(log, name));
    if (target.task) return FindVocabularyTask(log, *target.task);
    REPRO_ASSIGN_OR_RETURN(const std::vector<std::string> keys, log.RunTaskKeys(target.run->id));
    REPRO_ASSIGN_OR_RETURN(std::vector<TaskRow> tasks, log.Tasks(keys));
    for (const char* kind : {"vocab", "import"}) {
      const auto found = std::find_if(tasks.begin(), tasks.end(),
                                      [&](const TaskRow& task) { return task.kind == kind; });
      if (found != tasks.end()) return std::move(*found);
    }
    return Fail(ErrorCode::kNotFound,
                "run {} has no vocabulary: none of its tasks is a vocab or "
                "an import task",
                target.run->id);
  }

  // `given`: a person named the texts, so nothing in one is a mistake. A corpus may hold nothing
  // out.
  static Result<Measured> MeasureAll(const VocabFiles& files, const Texts& texts, bool given) {
    Measured measured;
    for (const auto& [language, path] : texts) {
      REPRO_ASSIGN_OR_RETURN(Tokenizer tokenizer, files.For(language));
      REPRO_ASSIGN_OR_RETURN(VocabMeter meter, VocabMeter::Open(std::move(tokenizer), language));
      REPRO_ASSIGN_OR_RETURN(ByteSource source, ByteSource::Open(path));
      TextWindow lines(std::move(source));
      Fit fit;
      while (const auto line = lines.NextLine(kMaxLineBytes)) {
        // What is beyond the limit may have taken half a character along.
        const std::string_view text =
            line->cut ? Prefix(line->text, line->text.size() - 1) : line->text;
        if (text.find_first_not_of(" \t\r\v\f") == std::string_view::npos) continue;
        if (!IsUtf8(text) || text.find('\0') != std::string_view::npos) {
          ++fit.left_out;
        } else {
          meter.Add(text);
        }
      }
      if (lines.damage()) return tl::unexpected<Error>(*lines.damage());
      fit.counts = meter.Finish();
      if (fit.counts.sentences == 0 && given) return NoText(language, path, fit.left_out);
      if (fit.counts.sentences > 0) {
        measured.fits.emplace(language, std::move(fit));
      } else {
        measured.no_text.emplace(language, fit.left_out);
      }
    }
    return measured;
  }

  static tl::unexpected<Error> NoText(const std::string& language, const fs::path& path,
                                      std::int64_t left_out) {
    const std::string found =
        left_out == 0 ? "there is no text in it"
                      : fmt::format(
                            "no line of it is text: {} no UTF-8, or with NUL bytes (iconv converts "
                            "other encodings)",
                            FormatCount(left_out));
    return Fail(ErrorCode::kInvalidArgument,
                "--text {}={}: {}; expected a sentence a line in UTF-8, plain or packed",
                Printable(language), Printable(path.string()), found);
  }

  /// What is to be known of the numbers, or why there are none: lines under the tables. What texts
  /// hold is the same for every vocabulary.
  static std::string Notes(const std::vector<Measured>& measured, const std::string& source) {
    std::string notes;
    bool low = false;
    for (const Measured& of_one : measured) {
      for (const auto& [language, fit] : of_one.fits) low = low || fit.LowCoverage();
    }
    if (low) {
      notes += fmt::format(
          "! coverage below {:g} %: a run of unknown characters is one piece, so pieces a word and "
          "characters a piece mean little\n",
          100 * kLowCoverage);
    }
    const Measured& first = measured.front();
    for (const auto& [language, fit] : first.fits) {
      notes += LeftOut(language, fit.left_out, fit.counts.sentences);
    }
    for (const auto& [language, left_out] : first.no_text) {
      notes += left_out == 0 ? language + ": no held-out text\n" : LeftOut(language, left_out, 0);
    }
    if (first.fits.empty())
      return notes + "No text to measure on: name some with --text LANG=FILE.\n";
    if (!source.empty()) notes += "Measured on the held-out text of " + source + ".\n";
    return notes;
  }

  static std::string LeftOut(const std::string& language, std::int64_t left_out,
                             std::int64_t sentences) {
    if (left_out == 0) return "";
    return fmt::format("{}: {} of {} left out: no UTF-8, or with NUL bytes\n", language,
                       FormatCount(left_out),
                       Plural(static_cast<std::size_t>(left_out + sentences), "line"));
  }

  static void PrintOne(const CommandContext& context, const NamedVocab& vocab,
                       const Measured& measured, const std::string& source) {
    const VocabContent content = DescribePieces(vocab.files.model());
    if (context.options.json) {
      PrintJson(context.out, {{"vocabulary", ToJson(vocab, content)},
                              {"languages", ToJson(measured.fits)},
                              {"no_text", measured.no_text},
                              {"source", SourceToJson(source)}});
      return;
    }
    std::ostream& out = context.out;
    const bool color = context.options.color;
    out << Styled(Printable(vocab.name), Style::kBold, color) << '\n';
    out << fmt::format("  size     {} rows: {} pieces and {} specials\n", FormatCount(content.rows),
                       FormatCount(content.pieces), content.specials);
    out << fmt::format("  pieces   {} begin a word, {} are one character\n",
                       FormatCount(content.word_starts), FormatCount(content.characters));
    std::vector<std::pair<std::int64_t, std::string>> scripts;
    for (const auto& [script, count] : content.by_script) scripts.emplace_back(-count, script);
    std::sort(scripts.begin(), scripts.end());
    std::vector<std::string> shares;
    for (const auto& [count, script] : scripts) {
      shares.push_back(fmt::format("{} {}", script, Share(-count, content.pieces)));
    }
    out << fmt::format("  scripts  {}\n", fmt::join(shares, ", "));
    std::vector<std::string> longest;
    for (const std::string& piece : content.longest) longest.push_back(Printable(piece));
    out << fmt::format("  longest  {}\n", fmt::join(longest, " "));
    if (vocab.files.pre_tokenization()) {
      out << "  text     cut into words first, by Moses' rules and ICU written anew: a stand-in "
             "for XLM's tools\n";
    }
    if (!measured.fits.empty()) PrintFits(context, measured.fits);
    out << Printable(Notes({measured}, source), true);
  }

  static void PrintFits(const CommandContext& context, const Fits& fits) {
    std::ostream& out = context.out;
    std::vector<TextTable::Column> columns = {{"language"}, {"sentences", true}, {"words", true}};
    for (const Measure& measure : kMeasures) columns.push_back({measure.title, true});
    TextTable table(std::move(columns));
    bool icu = false;
    for (const auto& [language, fit] : fits) {
      const VocabFit& counts = fit.counts;
      std::vector<TextTable::Cell> row = {
          language, FormatCount(counts.sentences),
          FormatCount(counts.words) + (counts.icu_words ? "*" : "")};
      for (const Measure& measure : kMeasures) row.push_back(Show(measure, fit));
      table.AddRow(std::move(row));
      icu = icu || counts.icu_words;
    }
    out << '\n';
    table.Print(out, context.options.color, TableWidth());
    if (icu) out << "* text without spaces: words as ICU finds them\n";
  }

  static Json CompareToJson(const std::vector<NamedVocab>& vocabs,
                            const std::vector<Measured>& measured, const std::string& source) {
    Json json = {{"vocabularies", Json::array()},
                 {"overlap", Json::array()},
                 {"no_text", measured.front().no_text},
                 {"source", SourceToJson(source)}};
    for (std::size_t i = 0; i < vocabs.size(); ++i) {
      Json vocab = ToJson(vocabs[i], DescribePieces(vocabs[i].files.model()));
      vocab["languages"] = ToJson(measured[i].fits);
      json["vocabularies"].push_back(std::move(vocab));
    }
    for (std::size_t a = 0; a < vocabs.size(); ++a) {
      for (std::size_t b = a + 1; b < vocabs.size(); ++b) {
        const std::int64_t shared = SharedPieces(vocabs[a].files.model(), vocabs[b].files.model());
        json["overlap"].push_back({{"a", a}, {"b", b}, {"shared", shared}});
      }
    }
    return json;
  }

  static void PrintSizes(const CommandContext& context, const std::vector<NamedVocab>& vocabs) {
    TextTable table({{""}, {"vocabulary"}, {"rows", true}, {"pieces", true}});
    for (std::size_t i = 0; i < vocabs.size(); ++i) {
      const VocabContent content = DescribePieces(vocabs[i].files.model());
      table.AddRow(
          {Letter(i), vocabs[i].name, FormatCount(content.rows), FormatCount(content.pieces)});
    }
    table.Print(context.out, context.options.color, TableWidth());
  }

  static void PrintOverlap(const CommandContext& context, const std::vector<NamedVocab>& vocabs) {
    TextTable table({{"pieces of"}, {"that are in"}, {"shared", true}, {"share", true}});
    const auto pieces = [&](std::size_t i) {
      return DescribePieces(vocabs[i].files.model()).pieces;
    };
    for (std::size_t a = 0; a < vocabs.size(); ++a) {
      for (std::size_t b = a + 1; b < vocabs.size(); ++b) {
        const std::int64_t shared = SharedPieces(vocabs[a].files.model(), vocabs[b].files.model());
        table.AddRow({Letter(a), Letter(b), FormatCount(shared), Share(shared, pieces(a))});
        table.AddRow({Letter(b), Letter(a), FormatCount(shared), Share(shared, pieces(b))});
      }
    }
    context.out << '\n';
    table.Print(context.out, context.options.color, TableWidth());
  }

  /// A table a measure, a row a language.
  static void PrintMeasures(const CommandContext& context, const std::vector<Measured>& measured) {
    if (measured.front().fits.empty()) return;
    for (const Measure& measure : kMeasures) {
      std::vector<TextTable::Column> columns = {{measure.title}};
      for (std::size_t i = 0; i < measured.size(); ++i) {
        columns.push_back({Letter(i), true});
        if (i > 0) columns.push_back({Letter(i) + " - A", true});
      }
      TextTable table(std::move(columns));
      for (const auto& [language, first] : measured.front().fits) {
        std::vector<TextTable::Cell> row = {language};
        for (std::size_t i = 0; i < measured.size(); ++i) {
          const Fit& fit = measured[i].fits.at(language);
          row.push_back(Show(measure, fit));
          if (i > 0) {
            row.push_back(
                ShowChange(measure, measure.value(fit.counts) - measure.value(first.counts)));
          }
        }
        table.AddRow(std::move(row));
      }
      context.out << '\n';
      table.Print(context.out, context.options.color, TableWidth());
    }
  }

  static std::string Letter(std::size_t i) { return std::string(1, static_cast<char>('A' + i)); }

  std::vector<std::string> names_, texts_;
  CLI::App* show_ = nullptr;
  CLI::App* compare_ = nullptr;
};

}  // namespace

std::unique_ptr<Command> MakeVocabCommand() {
  return std::make_unique<VocabCommand>();
}

}  // namespace repro
