#include "experiments/programs/export_command.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <ostream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "core/base/hash.h"
#include "core/base/text.h"
#include "core/base/units.h"
#include "core/cli/log_access.h"
#include "core/io/file.h"
#include "experiments/model/transformers_config.h"
#include "experiments/model/transformers_folder.h"
#include "experiments/programs/results_commands.h"
#include "experiments/programs/run_artifact.h"
#include "experiments/tasks/import/import_record.h"
#include "experiments/text/vocab_files.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

bool LeavesAModel(const TaskRow& task) {
  return task.kind == "pretrain" || task.kind == "finetune" || task.kind == "import";
}

std::string Choices(const std::vector<TaskRow>& tasks) {
  std::string list;
  for (const TaskRow& task : tasks) {
    if (!LeavesAModel(task)) continue;
    list += fmt::format("\n  {}  {}  {}", ShortKey(task.key), task.state, Printable(task.label));
  }
  return list;
}

/// Copies one file of an artifact and checks its SHA-256 on the way. Errors: kCorrupt, kIo.
Result<ArtifactFile> CopyChecked(const RunArtifact& artifact, const std::string& from,
                                 const fs::path& out, const std::string& to) {
  const auto& files = artifact.record.files;
  const auto known = std::find_if(files.begin(), files.end(),
                                  [&](const ArtifactFile& file) { return file.path == from; });
  const fs::path source = artifact.folder / from;
  if (known == files.end()) {
    return Fail(ErrorCode::kCorrupt, "{}: the artifact holds no such file", source.string());
  }
  std::ifstream in(source, std::ios::binary);
  if (!in) return FailErrno("open", source.string());
  std::ofstream copy(out / to, std::ios::binary | std::ios::trunc);
  if (!copy) return FailErrno("open", (out / to).string());
  Sha256 hash;
  std::vector<char> block(1 << 20);
  while (in) {
    in.read(block.data(), static_cast<std::streamsize>(block.size()));
    hash.Update({block.data(), static_cast<std::size_t>(in.gcount())});
    copy.write(block.data(), in.gcount());
  }
  if (in.bad()) return FailErrno("read", source.string());
  copy.close();
  if (!copy) return FailErrno("write", (out / to).string());
  if (hash.HexDigest() != known->sha256) {
    return Fail(
        ErrorCode::kCorrupt,
        "{}: not what the task wrote (its SHA-256 differs); `repro doctor --fix` removes the "
        "artifact, and the next `repro run` makes it again",
        source.string());
  }
  return ArtifactFile{to, known->bytes, known->sha256};
}

// The special tokens as XLM-R's own tokenizer has them: <mask> swallows the space before it.
Json SpecialTokens() {
  const Json mask = {{"content", "<mask>"},
                     {"lstrip", true},
                     {"normalized", false},
                     {"rstrip", false},
                     {"single_word", false}};
  return {{"bos_token", "<s>"},  {"cls_token", "<s>"},   {"eos_token", "</s>"},
          {"mask_token", mask},  {"pad_token", "<pad>"}, {"sep_token", "</s>"},
          {"unk_token", "<unk>"}};
}

Json TokenizerConfig(const ModelShape& shape) {
  Json config = SpecialTokens();
  config["mask_token"]["__type"] = "AddedToken";
  config["mask_token"]["special"] = true;
  config["tokenizer_class"] = "XLMRobertaTokenizer";
  config["model_max_length"] = shape.max_positions - 2;
  return config;
}

class ExportCommand final : public Command {
 public:
  void Define(CLI::App& app) override {
    app.add_option("target", targets_,
                   "A run number, or the first digits of the key of a task that left a model; with "
                   "--results, manifests")
        ->required()
        ->type_name("RUN|MANIFEST");
    CLI::Option* const results =
        app.add_option(
               "--results", results_,
               "Write what is known of the manifests' finished tasks into one file: metrics, "
               "predictions, records, but no weights and no text")
            ->type_name("FILE");
    app.add_option("--scale", scale_, "With --results: at which scale")
        ->needs(results)
        ->capture_default_str();
    app.add_option("--set", sets_, "With --results: as it was given to `repro run`")
        ->type_name("KEY=VALUE")
        ->needs(results)
        ->allow_extra_args(false);
    app.add_option("--to", format_, "hf: a folder that transformers' from_pretrained loads")
        ->check(CLI::IsMember({"hf"}))
        ->excludes(results)
        ->capture_default_str();
    app.add_option(
           "--task", task_,
           "Which model of the run: pretrain (as without it), a fine-tuned task (xnli, topic, "
           "tags), or the first digits of a key")
        ->type_name("TASK");
    app.add_option("--seed", seed_, "Fine-tuning seed, where a run has several")->type_name("N");
    app.add_option("--language", language_,
                   "The model that was picked for this language (selection \"per-language-dev\")")
        ->type_name("CODE");
    app.add_option("--out", out_, "Folder to write (default: exports/KEY in the workspace)")
        ->type_name("DIR");
    app.add_flag("--force", force_, "Replace an earlier export in that folder")->excludes(results);
    app.footer(
        "Example: what two figures came to, to be kept beside the code; `repro import FILE` takes "
        "it "
        "as done\n"
        "  repro export lab-real lab-coded --scale lab --results lab.results\n"
        "Example: the encoder of run 12, then in Python\n"
        "  repro export 12 --to hf --out encoder\n"
        "  XLMRobertaForMaskedLM.from_pretrained(\"encoder\")\n"
        "  XLMRobertaTokenizer.from_pretrained(\"encoder\")\n"
        "Example: its fine-tuned XNLI classifier, labels included\n"
        "  repro export 12 --to hf --task xnli --seed 1 --out classifier");
  }

  Result<int> Run(const CommandContext& context) override {
    if (!results_.empty()) return RunResults(context);
    if (targets_.size() != 1) {
      return Fail(ErrorCode::kInvalidArgument,
                  "{} targets: one model an export; several manifests go with --results FILE",
                  targets_.size());
    }
    REPRO_ASSIGN_OR_RETURN(const RunLog log, OpenLogForReading(context.options));
    REPRO_ASSIGN_OR_RETURN(const TaskRow task, ChooseTask(log));
    const ArtifactStore store(context.options.workspace);
    REPRO_ASSIGN_OR_RETURN(const RunArtifact model, FindArtifact(store, task));
    REPRO_ASSIGN_OR_RETURN(const TaskRow vocabulary_task, FindVocabularyTask(log, task));
    REPRO_ASSIGN_OR_RETURN(const RunArtifact vocabulary, FindArtifact(store, vocabulary_task));
    REPRO_ASSIGN_OR_RETURN(const std::string folder, ModelFolder(task, model));
    std::string name = fmt::format("{}-{}", task.kind, ShortKey(task.key));
    if (!language_.empty()) name += "-" + language_;
    fs::path out = out_.empty() ? context.options.workspace / "exports" / name : fs::path(out_);
    std::error_code error;
    out = fs::absolute(out, error).lexically_normal();
    if (!out.has_filename()) out = out.parent_path();
    REPRO_RETURN_IF_ERROR(CheckOut(out));

    const fs::path staging = out.string() + fmt::format(".tmp.{}", ::getpid());
    fs::remove_all(staging, error);
    const auto written =
        Write(staging, folder, task, model, vocabulary_task, vocabulary, context.suite.build_id);
    const Status done = written ? Publish(staging, out) : tl::unexpected<Error>(written.error());
    if (!done) {
      fs::remove_all(staging, error);
      return tl::unexpected<Error>(done.error());
    }
    if (context.options.json) {
      Json json = *written;
      json["folder"] = out.string();
      PrintJson(context.out, json);
    } else {
      context.out << fmt::format("{}: {}\n", Printable(task.label), Printable(out.string()));
      context.out << fmt::format("In Python: {}.from_pretrained({})\n",
                                 written->at("architecture").get<std::string>(),
                                 Json(out.string()).dump());
      if (written->contains("pre_tokenization")) {
        context.out << fmt::format(
            "Its vocabulary takes text that is cut into words, as {} says; transformers' tokenizer "
            "does not cut.\n",
            kExportMark);
      }
    }
    return 0;
  }

 private:
  Result<int> RunResults(const CommandContext& context) const {
    if (!task_.empty() || seed_ >= 0 || !language_.empty() || !out_.empty()) {
      return Fail(ErrorCode::kInvalidArgument,
                  "--task, --seed, --language and --out choose a model; --results takes manifests, "
                  "--scale and --set");
    }
    std::vector<ExperimentArguments> experiments;
    for (const std::string& manifest : targets_) {
      experiments.push_back({.manifest = manifest, .scale = scale_, .sets = sets_});
    }
    return ExportResults(context, experiments, results_);
  }

  Result<TaskRow> ChooseTask(const RunLog& log) const {
    REPRO_ASSIGN_OR_RETURN(Target target, FindTarget(log, targets_.front()));
    if (target.task) {
      if (!task_.empty() || seed_ >= 0) {
        return Fail(ErrorCode::kInvalidArgument,
                    "{} is a task; --task and --seed choose one of a run's",
                    ShortKey(targets_.front()));
      }
      if (LeavesAModel(*target.task)) return std::move(*target.task);
      return Fail(ErrorCode::kInvalidArgument,
                  "'{}' leaves no model: a pretrain, finetune or import task does",
                  target.task->label);
    }
    REPRO_ASSIGN_OR_RETURN(const std::vector<std::string> keys, log.RunTaskKeys(target.run->id));
    REPRO_ASSIGN_OR_RETURN(const std::vector<TaskRow> tasks, log.Tasks(keys));
    std::vector<TaskRow> found;
    for (const TaskRow& task : tasks) {
      if (LeavesAModel(task) && Asked(task)) found.push_back(task);
    }
    // The run "no pretraining" of an imported model has both; its own model is what it started
    // from.
    if (task_.empty() || task_ == "pretrain") {
      const auto own = std::find_if(found.begin(), found.end(),
                                    [](const TaskRow& task) { return task.kind == "pretrain"; });
      if (own != found.end()) found = {*own};
    }
    if (found.size() == 1) return std::move(found.front());
    return Fail(ErrorCode::kInvalidArgument, "run {}: {} --task {}{}; its models are:{}",
                target.run->id, found.empty() ? "no model fits" : "several models fit",
                task_.empty() ? "pretrain" : Printable(task_),
                seed_ >= 0 ? fmt::format(" --seed {}", seed_) : "", Choices(tasks));
  }

  bool Asked(const TaskRow& task) const {
    if (task.kind != "finetune") {
      const bool base = task_.empty() || task_ == "pretrain";
      return (base && seed_ < 0) || (!base && task.key.starts_with(task_));
    }
    if (task_.empty()) return false;
    if (seed_ >= 0 && task.spec.value("seed", std::int64_t{-1}) != seed_) return false;
    return TextField(task.spec, "task") == task_ || task.key.starts_with(task_);
  }

  // Folder inside the artifact, "" or "update-N/".
  Result<std::string> ModelFolder(const TaskRow& task, const RunArtifact& model) const {
    if (language_.empty()) return std::string();
    const fs::path path = model.folder / "selection.json";
    if (task.kind != "finetune") {
      return Fail(ErrorCode::kInvalidArgument,
                  "--language chooses among the models of a fine-tuned task (--task xnli, say)");
    }
    REPRO_ASSIGN_OR_RETURN(const Json selection, LoadJson(path));
    const Json folders =
        selection.is_object() ? selection.value("folders", Json::object()) : Json();
    const std::string folder = TextField(folders, language_.c_str());
    if (folder.empty()) {
      std::string known;
      for (const auto& [code, unused] : folders.items()) known += " " + code;
      return Fail(ErrorCode::kInvalidArgument, "no model was picked for '{}', but for{}",
                  Printable(language_), known);
    }
    return folder == "." ? std::string() : folder + "/";
  }

  Status CheckOut(const fs::path& out) const {
    std::error_code error;
    if (!fs::exists(fs::symlink_status(out, error))) return {};
    if (!fs::is_directory(out, error)) {
      return Fail(ErrorCode::kInvalidArgument, "{}: a file is there, expected a folder or nothing",
                  out.string());
    }
    if (fs::is_empty(out, error)) return {};
    if (!fs::exists(out / kExportMark, error)) {
      return Fail(
          ErrorCode::kInvalidArgument,
          "{}: the folder holds other things and no earlier export, so it is never replaced: "
          "name another",
          out.string());
    }
    if (force_) return {};
    return Fail(ErrorCode::kInvalidArgument,
                "{}: an earlier export is there; --force replaces it, --out names another folder",
                out.string());
  }

  static Result<Json> Write(const fs::path& staging, const std::string& folder, const TaskRow& task,
                            const RunArtifact& model, const TaskRow& vocabulary_task,
                            const RunArtifact& vocabulary, const std::string& build) {
    REPRO_RETURN_IF_ERROR(MakeDirectories(staging));
    Json files = Json::array();
    const auto add = [&](const RunArtifact& artifact, const std::string& from,
                         const std::string& to) -> Status {
      REPRO_ASSIGN_OR_RETURN(const ArtifactFile file, CopyChecked(artifact, from, staging, to));
      files.push_back({{"path", file.path}, {"bytes", file.bytes}, {"sha256", file.sha256}});
      return {};
    };
    REPRO_RETURN_IF_ERROR(add(model, folder + "model.safetensors", "model.safetensors"));
    REPRO_RETURN_IF_ERROR(add(model, folder + "config.json", "config.json"));
    REPRO_RETURN_IF_ERROR(add(vocabulary, "sp.model", kTransformersVocabulary));
    REPRO_ASSIGN_OR_RETURN(const ModelShape shape, LoadTransformersShape(staging / "config.json"));
    REPRO_ASSIGN_OR_RETURN(const Json config, LoadJson(staging / "config.json"));
    REPRO_RETURN_IF_ERROR(
        WriteFileAtomic(staging / "tokenizer_config.json", TokenizerConfig(shape).dump(2) + "\n"));
    REPRO_RETURN_IF_ERROR(
        WriteFileAtomic(staging / "special_tokens_map.json", SpecialTokens().dump(2) + "\n"));
    REPRO_ASSIGN_OR_RETURN(const VocabFiles text, VocabFiles::Load(vocabulary.folder));
    Json mark = {{"format", 1},
                 {"architecture", config.at("architectures").at(0)},
                 {"task", {{"key", task.key}, {"kind", task.kind}, {"label", task.label}}},
                 {"vocabulary", {{"key", vocabulary_task.key}, {"label", vocabulary_task.label}}},
                 {"made_by", model.record.build},
                 {"files", std::move(files)},
                 {"build", build},
                 {"exported_ms", WallTimeMs()}};
    if (text.pre_tokenization()) mark["pre_tokenization"] = text.pre_tokenization()->ToJson();
    REPRO_RETURN_IF_ERROR(WriteFileAtomic(staging / kExportMark, mark.dump(1) + "\n"));
    REPRO_RETURN_IF_ERROR(SyncTree(staging));
    return mark;
  }

  // The folder appears whole; an earlier export is away only between two renames.
  static Status Publish(const fs::path& staging, const fs::path& out) {
    const fs::path old = out.string() + fmt::format(".old.{}", ::getpid());
    std::error_code error;
    const bool replace = fs::exists(out, error) && !fs::is_empty(out, error);
    if (replace && ::rename(out.c_str(), old.c_str()) != 0) {
      return FailErrno("rename", out.string());
    }
    if (::rename(staging.c_str(), out.c_str()) != 0) {
      const auto failed = FailErrno("rename", out.string());
      if (replace) (void)::rename(old.c_str(), out.c_str());
      return failed;
    }
    fs::remove_all(old, error);
    return SyncDirectory(out.parent_path());
  }

  std::vector<std::string> targets_, sets_;
  std::string results_, scale_ = "desk";
  std::string format_ = "hf", task_, language_, out_;
  std::int64_t seed_ = -1;
  bool force_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeExportCommand() {
  return std::make_unique<ExportCommand>();
}

}  // namespace repro
