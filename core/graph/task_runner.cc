#include "core/graph/task_runner.h"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <set>
#include <system_error>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/io/file.h"
#include "core/io/file_lock.h"
#include "core/io/host.h"
#include "core/store/artifact_store.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

TaskExit ExitOf(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInterrupted:
      return TaskExit::kContinue;
    case ErrorCode::kDiverged:
      return TaskExit::kDiverged;
    case ErrorCode::kInvalidArgument:
      return TaskExit::kBadSpec;
    case ErrorCode::kCorrupt:
      return TaskExit::kDamaged;
    default:
      return TaskExit::kFailed;
  }
}

Status ResetFolder(const fs::path& folder) {
  std::error_code error;
  fs::remove_all(folder, error);
  if (error) {
    return Fail(ErrorCode::kIo, "{}: cannot clear: {}", folder.string(), error.message());
  }
  return MakeDirectories(folder);
}

/// Reads every input once before any work: what `repro run` saw of it are the sizes only, and a
/// result made from a flipped byte would look like any other.
Status VerifyInputs(const AttemptDescription& attempt, const ArtifactStore& store) {
  std::set<fs::path> seen;  // one artifact may be several inputs
  for (const auto& [role, folder] : attempt.inputs) {
    if (!seen.insert(folder).second) continue;
    const std::string kind = folder.parent_path().filename().string();
    const Status whole = store.Verify(kind, folder.filename().string());
    if (whole) continue;
    const ErrorCode code = whole.error().code;
    if (code == ErrorCode::kIo) return Context("input '" + role + "'", whole.error());
    return Fail(
        ErrorCode::kCorrupt,
        "input '{}' is damaged: {}; `repro doctor --fix --workspace {}` removes it, and the "
        "next `repro run` makes it again",
        role, whole.error().message, ShellWord(attempt.workspace.string()));
  }
  return {};
}

Status CallKind(TaskContext& context, std::span<const TaskKind> kinds) {
  const std::string& name = context.task.kind;
  const auto kind =
      std::find_if(kinds.begin(), kinds.end(), [&](const TaskKind& k) { return k.name == name; });
  if (kind == kinds.end()) {
    return Fail(ErrorCode::kInvalidArgument, "no task kind '{}' in this build", name);
  }
  try {
    return kind->run(context);
  } catch (const std::exception& error) {  // c10::Error and std::bad_alloc among them
    return Fail(ErrorCode::kFailed, "{}", error.what());
  }
}

Result<Json> Run(const fs::path& folder, const AttemptDescription& attempt,
                 std::span<const TaskKind> kinds, const std::string& build_id, EventWriter& events,
                 const StopFlag& stop) {
  const Task& task = attempt.task;
  const ArtifactStore store(attempt.workspace);
  if (const auto found = store.Find(task.kind, task.key); found && found->has_value()) {
    return Json{{"already_complete", true}};
  }
  REPRO_RETURN_IF_ERROR(VerifyInputs(attempt, store));
  REPRO_RETURN_IF_ERROR(ResetFolder(attempt.staging));
  REPRO_RETURN_IF_ERROR(MakeDirectories(attempt.scratch));

  const double began = SteadySeconds();
  TaskContext context{.task = task,
                      .attempt = folder,
                      .inputs = attempt.inputs,
                      .out = attempt.staging,
                      .scratch = attempt.scratch,
                      .events = events,
                      .stop = stop};
  REPRO_RETURN_IF_ERROR(CallKind(context, kinds));
  REPRO_RETURN_IF_ERROR(events.Sync());

  CompletionRecord record;
  record.task = DescribeTask(task);
  record.build = build_id;
  record.wall_seconds = SteadySeconds() - began;
  record.peak_rss_bytes = PeakResidentBytes();
  REPRO_ASSIGN_OR_RETURN(const CompletionRecord published, store.Publish(attempt.staging, record));
  // The artifact stands; a scratch folder left behind is what `doctor` reports.
  std::error_code ignored;
  fs::remove_all(attempt.scratch, ignored);
  return Json{{"wall_seconds", published.wall_seconds},
              {"peak_rss_bytes", published.peak_rss_bytes},
              {"artifact_bytes", published.TotalBytes()}};
}

TaskExit Report(const Error& error, TaskExit exit, std::string_view label, EventWriter* events) {
  std::fprintf(stderr, "repro-task: %.*s: %s\n", static_cast<int>(label.size()), label.data(),
               error.message.c_str());
  if (events != nullptr) {
    const bool failed = exit != TaskExit::kContinue;
    events->Message(failed ? "error" : "info", error.message);
    events->State(exit == TaskExit::kContinue   ? "interrupted"
                  : exit == TaskExit::kDiverged ? "diverged"
                                                : "failed");
  }
  return exit;
}

}  // namespace

Json ToJson(const AttemptDescription& attempt) {
  const Task& task = attempt.task;
  Json inputs = Json::object();
  for (const auto& [role, folder] : attempt.inputs) inputs[role] = folder.string();
  Json described = DescribeTask(task);
  described["work"] = task.work;
  described["work_unit"] = task.work_unit;
  described["info"] = task.info;
  described["resources"] = {{"threads", task.resources.threads},
                            {"gpus", task.resources.gpus},
                            {"memory_bytes", task.resources.memory_bytes},
                            {"disk_bytes", task.resources.disk_bytes}};
  return {{"task", std::move(described)},
          {"inputs", inputs},
          {"staging", attempt.staging.string()},
          {"scratch", attempt.scratch.string()},
          {"workspace", attempt.workspace.string()}};
}

Result<AttemptDescription> ParseAttemptDescription(const Json& json, std::string_view where) {
  AttemptDescription attempt;
  try {
    const Json& task = json.at("task");
    attempt.task.kind = task.at("kind");
    attempt.task.version = task.at("version");
    attempt.task.spec = task.at("spec");
    attempt.task.inputs = task.at("inputs").get<std::map<std::string, std::string>>();
    attempt.task.key = task.at("key");
    attempt.task.label = task.at("label");
    attempt.task.work = task.value("work", 0.0);
    attempt.task.work_unit = task.value("work_unit", "");
    attempt.task.info = task.value("info", Json::object());
    const Json& resources = task.at("resources");
    attempt.task.resources = {.threads = resources.at("threads"),
                              .gpus = resources.at("gpus"),
                              .memory_bytes = resources.at("memory_bytes"),
                              .disk_bytes = resources.at("disk_bytes")};
    for (const auto& [role, folder] : json.at("inputs").items()) {
      attempt.inputs[role] = folder.get<std::string>();
    }
    attempt.staging = json.at("staging").get<std::string>();
    attempt.scratch = json.at("scratch").get<std::string>();
    attempt.workspace = json.at("workspace").get<std::string>();
  } catch (const Json::exception& error) {
    return Fail(ErrorCode::kCorrupt, "{}: not a task description: {}", where, JsonProblem(error));
  }
  if (ComputeTaskKey(attempt.task) != attempt.task.key) {
    return Fail(ErrorCode::kCorrupt,
                "{}: the key does not fit the task: the file was edited or damaged", where);
  }
  return attempt;
}

TaskExit RunWorker(const fs::path& attempt_folder, std::int64_t rank,
                   std::span<const TaskKind> kinds, const StopFlag& stop) {
  const auto run = [&]() -> Status {
    const fs::path description_file = attempt_folder / "task.json";
    REPRO_ASSIGN_OR_RETURN(const Json json, LoadJson(description_file));
    REPRO_ASSIGN_OR_RETURN(const AttemptDescription attempt,
                           ParseAttemptDescription(json, description_file.string()));
    REPRO_ASSIGN_OR_RETURN(
        EventWriter events,
        EventWriter::Open(attempt_folder / fmt::format("worker-{}.jsonl", rank)));
    TaskContext context{.task = attempt.task,
                        .attempt = attempt_folder,
                        .inputs = attempt.inputs,
                        .out = {},
                        .scratch = attempt.scratch,
                        .events = events,
                        .stop = stop};
    return CallKind(context, kinds);
  };
  const Status status = run();
  if (status) return TaskExit::kDone;
  return Report(status.error(), ExitOf(status.error()), fmt::format("rank {}", rank), nullptr);
}

TaskExit RunAttempt(const fs::path& attempt_folder, std::span<const TaskKind> kinds,
                    const std::string& build_id, const StopFlag& stop) {
  // The next attempt gets a folder and a description of its own: worth trying.
  const auto unread = [&](const Error& error) {
    return Report(error, TaskExit::kFailed, attempt_folder.string(), nullptr);
  };
  const auto lock = FileLock::InheritOrLock(attempt_folder / "lock");
  if (!lock) return unread(lock.error());
  const fs::path description_file = attempt_folder / "task.json";
  const auto json = LoadJson(description_file);
  if (!json) return unread(json.error());
  const auto attempt = ParseAttemptDescription(*json, description_file.string());
  if (!attempt) return unread(attempt.error());
  auto events = EventWriter::Open(attempt_folder / "events.jsonl");
  if (!events) return Report(events.error(), TaskExit::kFailed, attempt->task.label, nullptr);

  events->State("started", {{"kind", attempt->task.kind}, {"build", build_id}});
  const auto outcome = Run(attempt_folder, *attempt, kinds, build_id, *events, stop);
  if (!outcome) {
    return Report(outcome.error(), ExitOf(outcome.error()), attempt->task.label, &*events);
  }
  events->State("finished", *outcome);
  return TaskExit::kDone;
}

}  // namespace repro
