#include "core/store/provenance.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>
#include <sstream>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <gnu/libc-version.h>
#include <poll.h>
#include <sched.h>
#include <spawn.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/hash.h"
#include "core/base/units.h"
#include "core/io/file.h"
#include "core/io/host.h"

namespace repro {

namespace fs = std::filesystem;

namespace {

constexpr double kGitSeconds = 5;

#ifdef __clang__
constexpr std::string_view kCompiler = "clang " __clang_version__;
#else
constexpr std::string_view kCompiler = "g++ " __VERSION__;
#endif

/// Standard output of a program; empty when it cannot be started, fails, or takes too long. No
/// shell is involved.
std::optional<std::string> Capture(const std::vector<std::string>& arguments) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  ::posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  std::vector<std::string> owned = arguments;
  std::vector<char*> argv;
  argv.reserve(owned.size() + 1);
  for (std::string& argument : owned) argv.push_back(argument.data());
  argv.push_back(nullptr);
  pid_t pid = -1;
  const int refused = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  std::string output;
  bool whole = false;
  const double end = SteadySeconds() + kGitSeconds;
  while (refused == 0) {
    pollfd waiting{ends[0], POLLIN, 0};
    const int left = static_cast<int>((end - SteadySeconds()) * 1000);
    const int ready = left > 0 ? ::poll(&waiting, 1, left) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) break;
    char block[1 << 16];
    const ssize_t size = ::read(ends[0], block, sizeof(block));
    if (size < 0 && errno == EINTR) continue;
    whole = size == 0;
    if (size <= 0) break;
    output.append(block, static_cast<std::size_t>(size));
  }
  ::close(ends[0]);
  if (refused != 0) return std::nullopt;
  if (!whole) ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!whole || !WIFEXITED(status) || WEXITSTATUS(status) != 0) return std::nullopt;
  return output;
}

std::string Trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

Json GitFacts(const fs::path& checkout) {
  // Optional locks and the file monitor are off: looking must not change the checkout or start a
  // daemon.
  const std::vector<std::string> git = {"git", "--no-optional-locks", "-c", "core.fsmonitor=false",
                                        "-C",  checkout.string()};
  const auto run = [&git](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), git.begin(), git.end());
    return Capture(arguments);
  };
  const auto commit = run({"rev-parse", "HEAD"});
  if (!commit) return nullptr;
  Json facts = {{"commit", Trimmed(*commit)}};
  if (const auto branch = run({"symbolic-ref", "--short", "-q", "HEAD"})) {
    facts["branch"] = Trimmed(*branch);
  }
  const auto diff =
      run({"diff", "HEAD", "--no-ext-diff", "--no-textconv", "--no-color", "--binary"});
  const auto status = run({"status", "--porcelain=v1", "--untracked-files=normal"});
  if (diff && status) {
    facts["dirty"] = !diff->empty();
    if (!diff->empty()) facts["diff_sha256"] = Sha256Hex(*diff);
    std::int64_t untracked = 0;
    std::istringstream lines(*status);
    for (std::string line; std::getline(lines, line);) untracked += line.starts_with("??") ? 1 : 0;
    facts["untracked"] = untracked;
  }
  return facts;
}

/// The value of "Name : value" in text of that form (/proc/cpuinfo, /proc/meminfo); empty when it
/// is not there.
std::string Field(const std::string& text, std::string_view name) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(':');
    if (colon == std::string::npos || !line.starts_with(name)) continue;
    if (line.find_first_not_of(" \t", name.size()) != colon) continue;
    const auto first = line.find_first_not_of(" \t", colon + 1);
    return first == std::string::npos ? std::string() : Trimmed(line.substr(first));
  }
  return {};
}

std::string TextOf(const fs::path& path) {
  return ReadFile(path).value_or(std::string());
}

Json GpuFacts() {
  Json facts = Json::object();
  const std::string version = TextOf("/proc/driver/nvidia/version");
  if (version.empty()) return nullptr;
  // "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  <date>": the first word that starts
  // with a digit and holds a point.
  std::istringstream words(version.substr(0, version.find('\n')));
  for (std::string word; words >> word;) {
    if (word.front() >= '0' && word.front() <= '9' && word.find('.') != std::string::npos) {
      facts["driver"] = word;
      break;
    }
  }
  Json devices = Json::array();
  std::error_code error;
  for (fs::directory_iterator it("/proc/driver/nvidia/gpus", error), end; !error && it != end;
       it.increment(error)) {
    const std::string model = Field(TextOf(it->path() / "information"), "Model");
    if (!model.empty()) devices.push_back(model);
  }
  facts["devices"] = std::move(devices);
  return facts;
}

Json HostFacts() {
  Json facts = {{"libc", std::string("glibc ") + ::gnu_get_libc_version()}};
  utsname name{};
  if (::uname(&name) == 0) {
    facts["name"] = name.nodename;
    facts["kernel"] = std::string(name.sysname) + " " + name.release;
    facts["machine"] = name.machine;
  }
  std::istringstream lines(TextOf("/etc/os-release"));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("PRETTY_NAME=")) continue;
    line = line.substr(12);
    std::erase(line, '"');
    facts["os"] = line;
  }
  const long pages = ::sysconf(_SC_PHYS_PAGES);
  const long page = ::sysconf(_SC_PAGESIZE);
  if (pages > 0 && page > 0) facts["memory_bytes"] = static_cast<std::int64_t>(pages) * page;
  return facts;
}

/// Variables that steer numbers or speed. A list, not everything: the rest of an environment may
/// hold secrets.
Json EnvironmentFacts() {
  constexpr std::string_view kPrefixes[] = {"OMP_",
                                            "KMP_",
                                            "GOMP_",
                                            "MKL_",
                                            "OPENBLAS_",
                                            "CUBLAS_",
                                            "NCCL_",
                                            "CUDA_VISIBLE_DEVICES=",
                                            "CUDA_LAUNCH_BLOCKING=",
                                            "ATEN_CPU_CAPABILITY=",
                                            "REPRO_WORKSPACE=",
                                            "MALLOC_",
                                            "LD_PRELOAD=",
                                            "LC_ALL=",
                                            "LANG=",
                                            "TZ="};
  constexpr std::string_view kNever[] = {"TOKEN", "SECRET", "PASSWORD", "CREDENTIAL", "_KEY="};
  Json facts = Json::object();
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    const auto starts = [text](std::string_view prefix) { return text.starts_with(prefix); };
    const std::string_view name = text.substr(0, equals + 1);
    const auto holds = [name](std::string_view word) { return name.find(word) != name.npos; };
    if (std::any_of(std::begin(kPrefixes), std::end(kPrefixes), starts) &&
        std::none_of(std::begin(kNever), std::end(kNever), holds)) {
      facts[std::string(text.substr(0, equals))] = std::string(text.substr(equals + 1));
    }
  }
  return facts;
}

}  // namespace

Json ParseCpuInfo(const std::string& cpuinfo) {
  // What changes the code path of a numeric library, in the order of its appearance in processors.
  constexpr std::string_view kFlags[] = {"sse4_2",   "avx",         "f16c",        "fma",
                                         "avx2",     "avx512f",     "avx512bw",    "avx512dq",
                                         "avx512vl", "avx512_vnni", "avx512_bf16", "avx512_fp16",
                                         "amx_tile", "amx_bf16",    "amx_int8"};
  std::istringstream words(Field(cpuinfo, "flags"));
  std::vector<std::string> present;
  for (std::string word; words >> word;) present.push_back(word);
  const auto has = [&present](std::string_view flag) {
    return std::find(present.begin(), present.end(), flag) != present.end();
  };
  Json flags = Json::array();
  for (const std::string_view flag : kFlags) {
    if (has(flag)) flags.push_back(std::string(flag));
  }
  const bool avx512 =
      has("avx512f") && has("avx512vl") && has("avx512bw") && has("avx512dq") && has("fma");
  std::int64_t cores = 0;
  std::istringstream lines(cpuinfo);
  for (std::string line; std::getline(lines, line);) cores += line.starts_with("processor") ? 1 : 0;
  return {{"model", Field(cpuinfo, "model name")},
          {"cores", cores},
          {"flags", std::move(flags)},
          {"capability", avx512                      ? "AVX512"
                         : has("avx2") && has("fma") ? "AVX2"
                                                     : "DEFAULT"}};
}

Json CollectProvenance(const ProvenanceRequest& request) {
  Json provenance = {{"build",
                      {{"id", request.build_id},
                       {"version", request.version},
                       {"compiler", std::string(kCompiler)}}},
                     {"host", HostFacts()},
                     {"cpu", ParseCpuInfo(TextOf("/proc/cpuinfo"))},
                     {"environment", EnvironmentFacts()},
                     {"command_line", request.command_line},
                     {"user", UserName()}};
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (::sched_getaffinity(0, sizeof(allowed), &allowed) == 0) {
    provenance["cpu"]["allowed_cores"] = CPU_COUNT(&allowed);
  }
  if (Json gpu = GpuFacts(); !gpu.is_null()) provenance["gpu"] = std::move(gpu);
  if (!request.checkout.empty()) {
    if (Json git = GitFacts(request.checkout); !git.is_null()) provenance["git"] = std::move(git);
  }
  return provenance;
}

std::string TextAt(const Json& provenance, const char* pointer) {
  const Json::json_pointer at{pointer};
  if (!provenance.contains(at) || !provenance.at(at).is_string()) return {};
  return provenance.at(at).get<std::string>();
}

std::string DescribeMachine(const Json& provenance) {
  std::string machine;
  const auto add = [&machine](const std::string& part) {
    if (!part.empty()) machine += (machine.empty() ? "" : ", ") + part;
  };
  for (const char* pointer : {"/host/name", "/cpu/model", "/host/os"}) {
    add(TextAt(provenance, pointer));
  }
  const Json::json_pointer cores("/cpu/cores");
  if (provenance.contains(cores) && provenance.at(cores).is_number_integer()) {
    add(fmt::format("{} cores", provenance.at(cores).get<std::int64_t>()));
  }
  return machine;
}

std::string DescribeProvenance(const Json& provenance) {
  const auto text = [&provenance](const char* pointer) { return TextAt(provenance, pointer); };
  std::string line;
  if (!text("/build/id").empty()) line = "build " + text("/build/id").substr(0, 12) + ", ";
  line += text("/git/commit").empty() ? "no commit known"
                                      : "checkout at commit " + text("/git/commit").substr(0, 12);
  const Json::json_pointer dirty{"/git/dirty"};
  if (provenance.contains(dirty) && provenance.at(dirty) == true) {
    line += " with changes " + text("/git/diff_sha256").substr(0, 12);
  }
  if (!text("/host/name").empty()) line += ", on " + text("/host/name");
  if (!text("/cpu/model").empty()) line += ", " + text("/cpu/model");
  return line;
}

}  // namespace repro
