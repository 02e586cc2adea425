#include "core/store/apply_request.h"

namespace repro {
namespace {

Result<std::string> Apply(RunLog& log, const Request& request) {
  switch (request.kind) {
    case Request::Kind::kStop:
      return std::string();
    case Request::Kind::kTag:
      REPRO_RETURN_IF_ERROR(log.Tag(request.run, request.tag, request.remove));
      return fmt::format("run {}: tag '{}' {}", request.run, request.tag,
                         request.remove ? "removed" : "set");
    case Request::Kind::kRetry:
      break;
  }
  if (!request.failed) {
    REPRO_RETURN_IF_ERROR(log.RetryTask(request.task_key));
    return fmt::format("task {} will be tried again", request.task_key.substr(0, 12));
  }
  std::size_t count = 0;
  const Status status = log.InTransaction([&]() -> Status {
    REPRO_ASSIGN_OR_RETURN(const std::vector<TaskRow> tasks, log.TasksInState("failed"));
    for (const TaskRow& task : tasks) REPRO_RETURN_IF_ERROR(log.RetryTask(task.key));
    count = tasks.size();
    return {};
  });
  REPRO_RETURN_IF_ERROR(status);
  if (count == 0) return std::string("no task has failed");
  return fmt::format("{} failed {} will be tried again", count, count == 1 ? "task" : "tasks");
}

}  // namespace

Result<std::string> ApplyToLog(RunLog& log, const Request& request) {
  std::string done;
  const Status status = log.Durably([&]() -> Status {
    REPRO_ASSIGN_OR_RETURN(done, Apply(log, request));
    return {};
  });
  REPRO_RETURN_IF_ERROR(status);
  return done;
}

}  // namespace repro
