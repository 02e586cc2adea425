#include "core/store/lease.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include <unistd.h>

#include "core/base/units.h"
#include "core/io/file.h"
#include "core/io/host.h"
#include "core/io/json_io.h"

namespace repro {

namespace fs = std::filesystem;

namespace {

/// What the lease file says; empty when it says nothing readable (nobody, or a holder that has just
/// come).
std::optional<LeaseHolder> ReadHolder(const fs::path& path) {
  const Json json = Json::parse(ReadFile(path).value_or(std::string()), nullptr,
                                /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  try {
    LeaseHolder holder;
    holder.pid = json.at("pid").get<std::int64_t>();
    holder.host = json.at("host").get<std::string>();
    holder.user = json.at("user").get<std::string>();
    holder.command = json.at("command").get<std::string>();
    holder.since_ms = json.at("since_ms").get<std::int64_t>();
    return holder;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

Status WriteHolder(int fd, const LeaseHolder& holder, const std::string& path) {
  const std::string text = CanonicalJson({{"pid", holder.pid},
                                          {"host", holder.host},
                                          {"user", holder.user},
                                          {"command", holder.command.substr(0, 1000)},
                                          {"since_ms", holder.since_ms}}) +
                           "\n";
  if (::ftruncate(fd, 0) != 0 ||
      ::pwrite(fd, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    return FailErrno("write", path);
  }
  return {};
}

constexpr std::string_view kKindNames[] = {"stop", "retry", "tag"};

Json RequestToJson(const Request& request) {
  return {{"format", 1},
          {"kind", kKindNames[static_cast<int>(request.kind)]},
          {"run", request.run},
          {"task", request.task_key},
          {"failed", request.failed},
          {"tag", request.tag},
          {"remove", request.remove},
          {"time_ms", request.time_ms},
          {"by", request.by}};
}

Result<Request> RequestFromJson(const Json& json, const std::string& where) {
  try {
    Request request;
    const std::string kind = json.at("kind").get<std::string>();
    const auto* const found = std::find(std::begin(kKindNames), std::end(kKindNames), kind);
    if (json.at("format").get<int>() != 1 || found == std::end(kKindNames)) {
      return Fail(ErrorCode::kCorrupt, "{}: not a request that this build knows", where);
    }
    request.kind = static_cast<Request::Kind>(found - std::begin(kKindNames));
    request.run = json.at("run").get<std::int64_t>();
    request.task_key = json.at("task").get<std::string>();
    request.failed = json.at("failed").get<bool>();
    request.tag = json.at("tag").get<std::string>();
    request.remove = json.at("remove").get<bool>();
    request.time_ms = json.at("time_ms").get<std::int64_t>();
    request.by = json.at("by").get<std::string>();
    return request;
  } catch (const Json::exception& error) {
    return Fail(ErrorCode::kCorrupt, "{}: not a request: {}", where, JsonProblem(error));
  }
}

}  // namespace

std::string LeaseHolder::Describe() const {
  const double seconds = (static_cast<double>(WallTimeMs()) - static_cast<double>(since_ms)) / 1000;
  return fmt::format("{} (pid {} of {} on {}) since {}, {} ago", command, pid, user, host,
                     FormatTime(since_ms), FormatDuration(std::max(0.0, seconds)));
}

Lease::~Lease() {
  // An empty file tells an orderly end from a killed holder. Best effort: the lock is what counts.
  if (lock_.fd() >= 0) [[maybe_unused]]
    const int ignored = ::ftruncate(lock_.fd(), 0);
}

Result<Lease> Lease::Acquire(const fs::path& workspace, const std::string& command) {
  const auto refused = [](const Error& error) {
    return Fail(error.code, "{}; a workspace that can be written is named by --workspace",
                error.message);
  };
  if (const Status made = MakeDirectories(workspace); !made) return refused(made.error());
  const fs::path path = workspace / "lease";
  auto lock = FileLock::TryLock(path);
  if (!lock) {
    if (lock.error().code != ErrorCode::kBusy) return refused(lock.error());
    const auto holder = ReadHolder(path);
    return Fail(ErrorCode::kBusy,
                "{}: the workspace is in use by {}; wait for it, stop it with `repro stop`, or "
                "name another --workspace",
                workspace.string(), holder ? holder->Describe() : "another process");
  }
  REPRO_RETURN_IF_ERROR(WriteHolder(
      lock->fd(), {::getpid(), HostName(), UserName(), command, WallTimeMs()}, path.string()));
  return Lease(std::move(*lock));
}

LeaseState InspectLease(const fs::path& workspace) {
  const fs::path path = workspace / "lease";
  LeaseState state;
  state.held = IsLocked(path);
  state.holder = ReadHolder(path);
  return state;
}

Result<fs::path> DropRequest(const fs::path& workspace, Request request) {
  request.time_ms = WallTimeMs();
  request.by = UserName() + "@" + HostName();
  // Time, process and a number: names sort by age and never meet.
  fs::path path;
  std::error_code error;
  int number = 0;
  do {
    path = workspace / "requests" /
           fmt::format("{:015}-{}-{}.json", request.time_ms, ::getpid(), number++);
  } while (fs::exists(path, error));
  REPRO_RETURN_IF_ERROR(MakeDirectory(path.parent_path()));
  REPRO_RETURN_IF_ERROR(WriteFileAtomic(path, CanonicalJson(RequestToJson(request)) + "\n"));
  return path;
}

Result<std::vector<TakenRequest>> TakeRequests(const fs::path& workspace,
                                               const std::function<Status(const Request&)>& apply) {
  std::vector<TakenRequest> taken;
  const fs::path folder = workspace / "requests";
  std::error_code error;
  if (!fs::exists(folder, error)) return taken;
  std::vector<fs::path> files;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".json") files.push_back(it->path());
  }
  if (error) return Fail(ErrorCode::kIo, "{}: cannot list: {}", folder.string(), error.message());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    const auto json = LoadJson(file);
    const auto request = json ? RequestFromJson(*json, file.string())
                              : Result<Request>(tl::unexpected<Error>(json.error()));
    if (!request) {
      REPRO_RETURN_IF_ERROR(MakeDirectories(folder / "bad"));
      fs::rename(file, folder / "bad" / file.filename(), error);
      if (error) {
        return Fail(ErrorCode::kIo, "{}: cannot set it aside: {} ({})", file.string(),
                    error.message(), request.error().message);
      }
      taken.push_back({{}, tl::unexpected<Error>(request.error())});
      continue;
    }
    taken.push_back({*request, apply(*request)});
    fs::remove(file, error);
    if (error) return Fail(ErrorCode::kIo, "{}: cannot remove: {}", file.string(), error.message());
  }
  return taken;
}

}  // namespace repro
