#include "core/cli/doctor_command.h"

#include <algorithm>
#include <functional>
#include <map>
#include <ostream>
#include <set>
#include <system_error>

#include <CLI/CLI.hpp>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/cli/log_access.h"
#include "core/cli/text_table.h"
#include "core/io/file_lock.h"
#include "core/store/artifact_store.h"

namespace repro {

namespace fs = std::filesystem;

namespace {

/// Something that is not as it should be, with what mends it.
struct Finding {
  /// damage: a result is lost or cannot be trusted (exit 1). leftover: harmless, takes room or will
  /// be cleared up.
  enum class Severity { kDamage, kLeftover };
  Severity severity = Severity::kDamage;
  std::string what;               ///< stable word for --json: "artifact", "log", "staging", ...
  std::string detail;             ///< one sentence with the path
  std::string mend;               ///< what to do, as a command where there is one
  std::function<Status()> fix{};  ///< what --fix does; empty: nothing safe can be done for the user
  std::string then{};             ///< what is left to do when `fix` has been done
  bool mended = false;
};

Status RemoveAll(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) return Fail(ErrorCode::kIo, "{}: cannot remove: {}", path.string(), error.message());
  return {};
}

std::vector<fs::path> Children(const fs::path& folder) {
  std::vector<fs::path> children;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    children.push_back(it->path());
  }
  std::sort(children.begin(), children.end());
  return children;
}

/// Whether an attempt at the task is alive, by the locks below its work folder.
bool HasLivingAttempt(const ArtifactStore& store, const std::string& key) {
  for (const fs::path& attempt : Children(store.WorkFolder(key) / "attempts")) {
    if (IsLocked(attempt / "lock")) return true;
  }
  return false;
}

/// Renames a run log with what SQLite keeps beside it, under names that belong together: it stays
/// readable for whoever wants to try.
Status MoveLogAside(const fs::path& log, const fs::path& aside) {
  for (const char* suffix : {"-wal", "-shm", ""}) {
    std::error_code error;
    fs::rename(log.string() + suffix, aside.string() + suffix, error);
    if (error && error != std::errc::no_such_file_or_directory) {
      return Fail(ErrorCode::kIo, "{}{}: cannot move away: {}", log.string(), suffix,
                  error.message());
    }
  }
  return {};
}

/// The first of X.damaged, X.damaged.2, ... that is free.
fs::path NameAside(const fs::path& log) {
  const std::string stem = log.string() + ".damaged";
  std::error_code error;
  fs::path aside = stem;
  for (int i = 2; fs::exists(fs::symlink_status(aside, error)); ++i) {
    aside = fmt::format("{}.{}", stem, i);
  }
  return aside;
}

class DoctorCommand : public Command {
 public:
  void Define(CLI::App& app) override {
    app.add_flag("--quick", quick_, "Sizes only: do not read every file to check its SHA-256");
    app.add_flag("--fix", fix_, "Mend what can be mended without losing anything that is whole");
    app.footer("Example:\n  repro doctor\n  repro doctor --fix");
  }

  Result<int> Run(const CommandContext& context) override {
    const GlobalOptions& options = context.options;
    std::error_code error;
    if (!fs::exists(options.workspace, error)) {
      return Fail(ErrorCode::kNotFound,
                  "{}: no workspace here: nothing has run yet; start with `repro run fig2`",
                  options.workspace.string());
    }
    std::optional<Lease> lease;
    if (fix_) {
      REPRO_ASSIGN_OR_RETURN(lease, Lease::Acquire(options.workspace, CommandText(options)));
    }
    CheckLease(options);
    CheckLog(options);
    REPRO_RETURN_IF_ERROR(CheckArtifacts(options, context));
    CheckLeftovers(options);
    CheckRequests(options);
    if (fix_) Mend();
    if (options.json) {
      PrintJson(context.out, AsJson(options));
    } else {
      PrintText(context.out, options);
    }
    return Damaged() ? 1 : 0;
  }

 private:
  void Damage(std::string what, std::string detail, std::string mend,
              std::function<Status()> fix = {}) {
    findings_.push_back({Finding::Severity::kDamage, std::move(what), std::move(detail),
                         std::move(mend), std::move(fix)});
  }
  void Leftover(std::string what, std::string detail, std::string mend,
                std::function<Status()> fix = {}) {
    findings_.push_back({Finding::Severity::kLeftover, std::move(what), std::move(detail),
                         std::move(mend), std::move(fix)});
  }

  static std::string FixRemovesIt(const GlobalOptions& options) {
    return fmt::format("repro doctor --fix{} removes it", options.workspace_flag);
  }

  void CheckLease(const GlobalOptions& options) {
    if (fix_) return;  // we hold it ourselves, and its text was rewritten
    const LeaseState lease = InspectLease(options.workspace);
    if (lease.held || !lease.holder) return;
    Leftover("lease",
             fmt::format("the last holder did not end in order: {}", lease.holder->Describe()),
             "nothing to do: the lock is free, and the next `repro run` goes on from the last "
             "checkpoints");
  }

  void CheckLog(const GlobalOptions& options) {
    const fs::path path = LogPath(options);
    std::error_code error;
    if (!fs::exists(path, error)) {
      Leftover("log", path.string() + ": there is no run log",
               "the next `repro run` makes one and finds the artifacts that are there");
      return;
    }
    auto log = RunLog::Open(path, fix_ ? RunLog::Mode::kWrite : RunLog::Mode::kRead);
    if (!log) {
      // Made, but cut off before anything was in it: by a full disk, say.
      if (log.error().code == ErrorCode::kNotFound) {
        Leftover("log", log.error().message, "nothing to do: the next `repro run` fills it");
        return;
      }
      if (log.error().code == ErrorCode::kCorrupt) {
        DamagedLog(options, log.error().message);
      } else {
        Damage("log", log.error().message, "see the message");
      }
      return;
    }
    const auto integrity = log->CheckIntegrity();
    if (!integrity) {
      DamagedLog(options, integrity.error().message);
      return;
    }
    if (!integrity->empty()) {
      const std::size_t more = integrity->size() - 1;
      DamagedLog(options, fmt::format("{}: {}{}", path.string(), integrity->front(),
                                      more > 0 ? fmt::format("; and {} more", more) : ""));
      return;
    }
    if (fix_) {
      if (const Status closed = log->CloseKilledInvocations(); !closed) {
        Damage("log", closed.error().message, "see the message");
        return;
      }
    }
    ReadLog(*log, options);
  }

  /// The log is derived, so it is never repaired in place: it is kept under another name and made
  /// anew.
  void DamagedLog(const GlobalOptions& options, const std::string& detail) {
    const fs::path path = LogPath(options);
    const fs::path aside = NameAside(path);
    const std::string then = fmt::format(
        "each experiment's next `repro run`{} brings its runs and metrics back from artifacts and "
        "events, without doing their tasks again; lost are tags, run numbers, retries asked for by "
        "hand, and what the log said of earlier `repro run`s",
        options.workspace_flag.empty() ? "" : " (with" + options.workspace_flag + ")");
    Damage("log", detail,
           fmt::format("repro doctor --fix{} moves it to {}; then {}", options.workspace_flag,
                       aside.string(), then),
           [options, path, aside]() -> Status {
             // Its task is not in the new log: the next run would start it a second time.
             for (const fs::path& work : Children(options.workspace / "work")) {
               if (HasLivingAttempt(ArtifactStore(options.workspace), work.filename().string())) {
                 return Fail(ErrorCode::kBusy,
                             "{}: a task is still running there; the log is moved away when it has "
                             "ended",
                             work.string());
               }
             }
             return MoveLogAside(path, aside);
           });
    findings_.back().then = fmt::format("moved to {}; {}", aside.string(), then);
  }

  /// What the log says that the folders may contradict.
  void ReadLog(const RunLog& log, const GlobalOptions& options) {
    const auto done = log.TasksInState("done");
    const auto running = log.RunningAttempts();
    if (!done || !running) {
      Damage("log", done ? running.error().message : done.error().message, "see the message");
      return;
    }
    for (const TaskRow& task : *done) done_[task.key] = task.kind + " '" + task.label + "'";
    if (InspectLease(options.workspace).held && !fix_) return;
    for (const AttemptRow& attempt : *running) {
      if (IsAlive(options, attempt)) continue;
      Leftover("attempt",
               fmt::format("attempt {} of task {} is running in the log, but no process lives",
                           attempt.number, ShortKey(attempt.task_key)),
               "the next `repro run` goes on from its last checkpoint");
    }
  }

  Status CheckArtifacts(const GlobalOptions& options, const CommandContext& context) {
    const ArtifactStore store(options.workspace);
    REPRO_ASSIGN_OR_RETURN(const std::vector<StoredArtifact> artifacts, store.List());
    for (std::size_t i = 0; i < artifacts.size(); ++i) {
      const StoredArtifact& artifact = artifacts[i];
      if (options.terminal && !options.json) {
        context.out << fmt::format("\rchecking {}/{} ", i + 1, artifacts.size()) << std::flush;
      }
      std::string problem = artifact.problem;
      if (artifact.record) {
        ++artifacts_;
        bytes_ += artifact.record->TotalBytes();
        whole_.insert(artifact.key);
        if (!quick_) {
          if (const Status status = store.Verify(artifact.kind, artifact.key); !status) {
            problem = status.error().message;
          }
        }
      }
      if (problem.empty()) continue;
      Damage("artifact", problem,
             fmt::format("repro doctor --fix{} removes {}; the next `repro run` makes it again",
                         options.workspace_flag, artifact.folder.string()),
             [store, artifact] { return store.Remove(artifact.kind, artifact.key); });
    }
    if (options.terminal && !options.json && !artifacts.empty()) context.out << "\r\x1b[K";
    REPRO_RETURN_IF_ERROR(CheckResults(options, store));
    for (const auto& [key, name] : done_) {
      if (whole_.contains(key) || results_only_.contains(key)) continue;
      const bool damaged =
          std::any_of(artifacts.begin(), artifacts.end(),
                      [&key = key](const StoredArtifact& artifact) { return artifact.key == key; });
      if (!damaged) {
        Damage("artifact",
               fmt::format("the artifact of {} ({}) is gone, the log says it is done", name,
                           ShortKey(key)),
               "the next `repro run` makes it again when something needs it");
      }
    }
    return {};
  }

  /// Records of tasks of which only results were imported.
  Status CheckResults(const GlobalOptions& options, const ArtifactStore& store) {
    REPRO_ASSIGN_OR_RETURN(const std::vector<StoredArtifact> records, store.ListResults());
    for (const StoredArtifact& results : records) {
      std::string problem = results.problem;
      if (results.record) {
        if (!whole_.contains(results.key)) results_only_.insert(results.key);
        if (!quick_) {
          const Status status = store.VerifyResults(results.kind, results.key);
          if (!status) problem = status.error().message;
        }
      }
      if (problem.empty()) continue;
      Damage("results", problem,
             fmt::format("repro doctor --fix{} removes {}; then import the results again",
                         options.workspace_flag, results.folder.string()),
             [store, results] { return store.RemoveResults(results.kind, results.key); });
    }
    return {};
  }

  void CheckLeftovers(const GlobalOptions& options) {
    const ArtifactStore store(options.workspace);
    for (const fs::path& folder : Children(options.workspace / "staging")) {
      const std::string key = folder.filename().string().substr(0, 64);
      if (HasLivingAttempt(store, key)) continue;
      Leftover("staging", folder.string() + ": left by an attempt that did not finish",
               FixRemovesIt(options), [folder] { return RemoveAll(folder); });
    }
    for (const fs::path& folder : Children(options.workspace / "work")) {
      const std::string key = folder.filename().string();
      const fs::path scratch = folder / "scratch";
      std::error_code error;
      if (!whole_.contains(key) || !fs::exists(scratch, error) || fs::is_empty(scratch, error) ||
          HasLivingAttempt(store, key)) {
        continue;
      }
      Leftover("scratch", scratch.string() + ": checkpoints of a task that is done",
               FixRemovesIt(options), [scratch] { return RemoveAll(scratch); });
    }
  }

  void CheckRequests(const GlobalOptions& options) {
    const fs::path folder = options.workspace / "requests";
    for (const fs::path& file : Children(folder / "bad")) {
      Leftover("request", file.string() + ": a request that could not be read",
               FixRemovesIt(options), [file] { return RemoveAll(file); });
    }
    if (fix_ || InspectLease(options.workspace).held) return;
    for (const fs::path& file : Children(folder)) {
      if (file.extension() != ".json") continue;
      Leftover("request", file.string() + ": a request that nobody has taken yet",
               "the next `repro run` takes it");
    }
  }

  void Mend() {
    for (Finding& finding : findings_) {
      if (!finding.fix) continue;
      if (const Status status = finding.fix(); status) {
        finding.mended = true;
        if (!finding.then.empty()) finding.mend = finding.then;
      } else {
        finding.mend = "could not be mended: " + status.error().message;
      }
    }
  }

  bool Damaged() const {
    return std::any_of(findings_.begin(), findings_.end(), [](const Finding& finding) {
      return finding.severity == Finding::Severity::kDamage && !finding.mended;
    });
  }

  static const char* Name(Finding::Severity severity) {
    return severity == Finding::Severity::kDamage ? "damage" : "leftover";
  }

  Json AsJson(const GlobalOptions& options) const {
    Json json = {{"workspace", options.workspace.string()},
                 {"ok", !Damaged()},
                 {"artifacts", artifacts_},
                 {"bytes", bytes_},
                 {"results_only", results_only_.size()},
                 {"hashes_checked", !quick_},
                 {"findings", Json::array()}};
    for (const Finding& finding : findings_) {
      json["findings"].push_back({{"severity", Name(finding.severity)},
                                  {"what", finding.what},
                                  {"detail", finding.detail},
                                  {"mend", finding.mend},
                                  {"mended", finding.mended}});
    }
    return json;
  }

  void PrintText(std::ostream& out, const GlobalOptions& options) const {
    for (const Finding& finding : findings_) {
      const bool damage = finding.severity == Finding::Severity::kDamage;
      out << Styled(finding.mended ? "mended" : Name(finding.severity),
                    finding.mended ? Style::kGreen
                    : damage       ? Style::kRed
                                   : Style::kYellow,
                    options.color)
          << "  " << Printable(finding.detail) << '\n';
      if (!finding.mended || !finding.then.empty())
        out << "      -> " << Printable(finding.mend) << '\n';
    }
    out << fmt::format("{} whole artifacts, {}, {}; the run log and its references were checked\n",
                       FormatCount(artifacts_), FormatBytes(bytes_),
                       quick_ ? "sizes checked (no --quick: hashes too)" : "hashes checked");
    if (!results_only_.empty()) {
      out << fmt::format("{} of which only results were imported\n",
                         Plural(results_only_.size(), "task"));
    }
    if (findings_.empty()) {
      out << Styled("all is well", Style::kGreen, options.color) << '\n';
    } else if (!Damaged()) {
      out << "no damage\n";
    }
  }

  bool quick_ = false;
  bool fix_ = false;
  std::vector<Finding> findings_;
  std::map<std::string, std::string> done_;  ///< key -> name of the tasks that the log calls done
  std::set<std::string> whole_;         ///< keys of the artifacts with a valid completion record
  std::set<std::string> results_only_;  ///< keys of imported tasks without their files
  std::int64_t artifacts_ = 0, bytes_ = 0;
};

}  // namespace

std::unique_ptr<Command> MakeDoctorCommand() {
  return std::make_unique<DoctorCommand>();
}

}  // namespace repro
