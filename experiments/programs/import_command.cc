#include "experiments/programs/import_command.h"

#include <algorithm>
#include <filesystem>
#include <ostream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/ranges.h>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/cli/log_access.h"
#include "core/cli/text_table.h"
#include "core/graph/results_file.h"
#include "experiments/programs/results_commands.h"
#include "experiments/tasks/import/import_record.h"

namespace repro {
namespace {

const char* StandingWord(const ImportRecord& record) {
  switch (CheckImport(record)) {
    case ImportStanding::kSame:
      return "there";
    case ImportStanding::kChanged:
      return "changed";
    case ImportStanding::kMissing:
      return "gone";
  }
  return "";
}

bool SameContent(const ImportRecord& a, const ImportRecord& b) {
  return std::equal(a.files.begin(), a.files.end(), b.files.begin(), b.files.end(),
                    [](const ImportedFile& x, const ImportedFile& y) {
                      return x.name == y.name && x.sha256 == y.sha256;
                    });
}

void PrintRecord(const ImportRecord& record, const CommandContext& context) {
  const ModelShape& shape = record.shape;
  const ModelSettings& settings = shape.settings;
  std::ostream& out = context.out;
  out << fmt::format("imported as {}: {}\n", record.name, Printable(record.folder.string()));
  out << fmt::format("  model       {} of {}, {}, feed-forward {}: {} parameters{}; {}\n",
                     Plural(static_cast<std::size_t>(settings.layers), "layer"), settings.hidden,
                     Plural(static_cast<std::size_t>(settings.heads), "head"), shape.FeedForward(),
                     FormatCount(EncoderParameters(shape)),
                     record.has_lm_head ? " and an LM head" : ", no LM head", record.dtype);
  out << fmt::format("  vocabulary  {} rows; sequences of up to {} tokens\n",
                     FormatCount(shape.vocab_size), FormatCount(shape.max_positions - 2));
  out << fmt::format("  files       {}, {}, checked and hashed\n",
                     Plural(record.files.size(), "file"), FormatBytes(record.TotalBytes()));
  if (!record.left_out.empty()) {
    out << "  left out    " << Printable(fmt::format("{}", fmt::join(record.left_out, ", ")))
        << "\n";
  }
  out << fmt::format("Fine-tune from it with `from = \"{}{}\"` in [pretrain] of a manifest.\n",
                     kImportPrefix, record.name);
}

class ImportCommand final : public Command {
 public:
  void Define(CLI::App& app) override {
    app.add_option(
           "folder", folder_,
           "A folder with config.json, model.safetensors (or its shards and their index) and "
           "sentencepiece.bpe.model; or a file of `repro export --results`")
        ->type_name("DIR|FILE");
    app.add_option("--as", name_, "Name to register it under")->type_name("NAME");
    app.add_flag("--force", force_, "Let the name mean other files than before");
    app.add_flag("--list", list_, "Show what is registered");
    app.add_option("--remove", remove_, "Forget a name; its files stay")->type_name("NAME");
    app.footer(
        "Checks everything and remembers where it is; the files stay there. Only safetensors are "
        "read, nothing is ever unpickled.\n\n"
        "Example: fine-tune from published weights\n"
        "  repro import ~/models/xlm-roberta-base --as xlmr-base\n"
        "  repro run my-manifest.toml     # it has [pretrain] from = \"import:xlmr-base\"\n"
        "Example: what there is\n"
        "  repro import --list\n"
        "Example: results from elsewhere, taken as complete; then the report, and only what is new "
        "runs\n"
        "  repro import lab.results\n"
        "  repro report lab-real --scale lab");
  }

  Result<int> Run(const CommandContext& context) override {
    std::error_code error;
    const bool alone = name_.empty() && !list_ && remove_.empty();
    if (!folder_.empty() && alone && !std::filesystem::exists(folder_, error)) {
      return Fail(
          ErrorCode::kNotFound,
          "{}: no such file or folder; expected a folder and its name (repro import DIR --as "
          "NAME), or a file of results (repro import FILE)",
          Printable(folder_));
    }
    if (!folder_.empty() && std::filesystem::is_regular_file(folder_, error)) {
      REPRO_ASSIGN_OR_RETURN(const bool results, IsResultsFile(folder_));
      if (results) return ImportFile(context);
      if (name_.empty()) {
        return Fail(ErrorCode::kInvalidArgument,
                    "{}: no file of results (`repro export --results` writes one); a model is "
                    "imported by its folder, with --as NAME",
                    Printable(folder_));
      }
    }
    const int asked =
        (folder_.empty() && name_.empty() ? 0 : 1) + (list_ ? 1 : 0) + (remove_.empty() ? 0 : 1);
    if (asked != 1 ||
        (asked == 1 && !list_ && remove_.empty() && (folder_.empty() || name_.empty()))) {
      return Fail(
          ErrorCode::kInvalidArgument,
          "expected a folder and its name (repro import DIR --as NAME), a file of results (repro "
          "import FILE), --list, or --remove NAME");
    }
    if (list_) return List(context);
    const std::string& name = remove_.empty() ? name_ : remove_;
    if (!IsImportName(name)) {
      return Fail(ErrorCode::kInvalidArgument,
                  "'{}': a name is 1 to 64 letters, digits, '.', '_' and '-', the first no '.'",
                  Printable(name));
    }
    return remove_.empty() ? Import(context) : Remove(context);
  }

 private:
  Result<int> ImportFile(const CommandContext& context) const {
    if (!name_.empty() || force_ || list_ || !remove_.empty()) {
      return Fail(ErrorCode::kInvalidArgument,
                  "{}: a file of results goes with no other flag: what is in it has its own names, "
                  "and nothing is ever replaced",
                  Printable(folder_));
    }
    return ImportResultsFile(context, folder_);
  }

  Result<int> Import(const CommandContext& context) const {
    const auto& workspace = context.options.workspace;
    const auto before = LoadImport(workspace, name_);
    if (!before && before.error().code != ErrorCode::kNotFound && !force_) {
      return Fail(before.error().code, "{}; --force replaces it", before.error().message);
    }
    auto read = ReadImport(folder_);
    if (!read) {
      // Whatever is wrong with a folder that a person named, nothing of the suite's is: a bad
      // command, as it is a bad manifest where `from` names the folder.
      return Fail(ErrorCode::kInvalidArgument, "{}", read.error().message);
    }
    ImportRecord record = std::move(*read);
    if (before && !force_ && !SameContent(*before, record)) {
      return Fail(
          ErrorCode::kInvalidArgument,
          "'{}' is {} since {}, and what is in {} differs: take another name, or --force to "
          "let the name mean the new files (tasks that were made from the old ones stay "
          "what they are)",
          name_, before->folder.string(), FormatTime(before->imported_ms), record.folder.string());
    }
    record.name = name_;
    record.imported_ms = WallTimeMs();
    record.build = context.suite.build_id;
    REPRO_RETURN_IF_ERROR(SaveImport(workspace, record));
    if (context.options.json) {
      PrintJson(context.out, Described(record));
    } else {
      PrintRecord(record, context);
    }
    return 0;
  }

  Result<int> List(const CommandContext& context) const {
    REPRO_ASSIGN_OR_RETURN(const std::vector<ImportRecord> records,
                           ListImports(context.options.workspace));
    if (context.options.json) {
      Json list = Json::array();
      for (const ImportRecord& record : records) list.push_back(Described(record));
      PrintJson(context.out, {{"imports", std::move(list)}});
      return 0;
    }
    if (records.empty()) {
      context.out << "nothing is imported here; repro import DIR --as NAME does it\n";
      return 0;
    }
    TextTable table({{"name"},
                     {"parameters", true},
                     {"type"},
                     {"LM head"},
                     {"rows", true},
                     {"size", true},
                     {"imported"},
                     {"files"},
                     {"folder"}});
    for (const ImportRecord& record : records) {
      const std::string standing = StandingWord(record);
      table.AddRow({record.name,
                    FormatCount(EncoderParameters(record.shape)),
                    record.dtype,
                    record.has_lm_head ? "yes" : "no",
                    FormatCount(record.shape.vocab_size),
                    FormatBytes(record.TotalBytes()),
                    FormatTime(record.imported_ms),
                    {standing, standing == "there" ? Style::kPlain : Style::kYellow},
                    record.folder.string()});
    }
    table.Print(context.out, context.options.color);
    return 0;
  }

  Result<int> Remove(const CommandContext& context) const {
    REPRO_RETURN_IF_ERROR(RemoveImport(context.options.workspace, remove_));
    if (context.options.json) {
      PrintJson(context.out, {{"removed", remove_}});
    } else {
      context.out << remove_ << " is forgotten; its files are where they were\n";
    }
    return 0;
  }

  static Json Described(const ImportRecord& record) {
    Json json = record.ToJson();
    json["standing"] = StandingWord(record);
    return json;
  }

  std::string folder_, name_, remove_;
  bool force_ = false;
  bool list_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeImportCommand() {
  return std::make_unique<ImportCommand>();
}

}  // namespace repro
