#include "core/cli/logs_command.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <fstream>
#include <ostream>
#include <thread>

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

constexpr auto kPollInterval = std::chrono::milliseconds(200);
constexpr std::size_t kFollowTail = 10;  ///< lines of each file before following starts
/// A file is read from at most this far before its end, however large it is.
constexpr std::int64_t kTailBytes = 8 << 20;

/// One of the files that an attempt writes, read line by line as it grows.
class Stream {
 public:
  Stream(std::string name, fs::path path) : name_(std::move(name)), path_(std::move(path)) {}

  const std::string& name() const { return name_; }
  const fs::path& path() const { return path_; }
  bool skipped() const { return skipped_; }

  /// Whole lines that came since the last call; with `rest` also an unfinished last one.
  std::vector<std::string> Read(bool rest) {
    std::vector<std::string> lines;
    std::ifstream in(path_, std::ios::binary | std::ios::ate);
    if (!in) return lines;
    const auto size = static_cast<std::int64_t>(in.tellg());
    if (size < 0) return lines;
    if (size < offset_) offset_ = 0;
    if (size - offset_ > kTailBytes) {
      offset_ = size - kTailBytes;
      skipped_ = true;
    }
    in.seekg(offset_);
    std::string text(static_cast<std::size_t>(size - offset_), '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    std::size_t start = 0;
    for (std::size_t end = text.find('\n'); end != std::string::npos;
         end = text.find('\n', start)) {
      lines.push_back(text.substr(start, end - start));
      start = end + 1;
    }
    if (rest && start < text.size()) {
      lines.push_back(text.substr(start));
      start = text.size();
    }
    offset_ += static_cast<std::int64_t>(start);
    return lines;
  }

 private:
  std::string name_;
  fs::path path_;
  std::int64_t offset_ = 0;
  bool skipped_ = false;
};

/// The newest attempt folder of a task, or number 0. The folders, not the log, are asked: they are
/// there first.
int NewestAttempt(const fs::path& attempts) {
  int newest = 0;
  std::error_code error;
  for (fs::directory_iterator it(attempts, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    int number = 0;
    const auto [rest, bad] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (bad == std::errc() && rest == name.data() + name.size()) newest = std::max(newest, number);
  }
  return newest;
}

/// "12:30:05 warning: text" of a message or state event; empty for what belongs to bars and tables.
std::string DescribeEvent(const Json& event) {
  if (!event.is_object()) return {};
  const std::string type = TextField(event, "type");
  std::string line;
  if (type == "message") {
    line = TextField(event, "level") + ": " + TextField(event, "text");
  } else if (type == "state") {
    line = TextField(event, "state");
    const auto info = event.find("info");
    if (info != event.end() && info->is_object() && !info->empty())
      line += " " + CanonicalJson(*info);
  } else {
    return {};
  }
  const auto time = event.find("time_ms");
  if (time != event.end() && time->is_number_integer()) {
    line = FormatTime(time->get<std::int64_t>()) + " " + line;
  }
  return line;
}

class LogsCommand : public Command {
 public:
  void Define(CLI::App& app) override {
    app.add_option("task", task_, "The first digits of a task's key")->required();
    app.add_flag("-f,--follow", follow_, "Go on as the task writes, until it ends");
    app.add_option("-n,--lines", lines_, "Only the last lines of each file")
        ->check(CLI::PositiveNumber);
    app.add_option("--attempt", attempt_, "An earlier attempt; default: the newest")
        ->check(CLI::PositiveNumber);
    app.add_option("--stream", stream_, "Only one of: stdout, stderr, events")
        ->check(CLI::IsMember({"stdout", "stderr", "events"}));
    app.footer("Example:\n  repro logs 3fa9c1 -f");
  }

  Result<int> Run(const CommandContext& context) override {
    const GlobalOptions& options = context.options;
    TaskRow task;
    {
      REPRO_ASSIGN_OR_RETURN(const RunLog log, OpenLogForReading(options));
      REPRO_ASSIGN_OR_RETURN(task, FindTaskTarget(log, task_));
    }
    const ArtifactStore store(options.workspace);
    const fs::path attempts = store.WorkFolder(task.key) / "attempts";
    int number = attempt_ > 0 ? attempt_ : NewestAttempt(attempts);
    std::error_code error;
    if (number == 0 || !fs::exists(store.AttemptFolder(task.key, number), error)) {
      return Fail(ErrorCode::kNotFound, "{} ({}) is {} and has no {} in {}", ShortKey(task.key),
                  Printable(task.label), task.state,
                  number == 0 ? "attempt" : fmt::format("attempt {}", number), attempts.string());
    }
    std::size_t tail = lines_ > 0 ? static_cast<std::size_t>(lines_) : follow_ ? kFollowTail : 0;
    for (;;) {
      const fs::path folder = store.AttemptFolder(task.key, number);
      if (!options.json) {
        context.out << Styled(fmt::format("{}, attempt {}: {}", Printable(task.label), number,
                                          Printable(folder.string())),
                              Style::kBold, options.color)
                    << '\n';
      }
      PrintAttempt(folder, tail, context);
      const int newest = NewestAttempt(attempts);
      if (!follow_ || attempt_ > 0 || newest <= number) break;
      number = newest;  // it was started again: follow that one, from its first line
      tail = 0;
    }
    return 0;
  }

 private:
  /// Prints what the attempt has written; with --follow until its process has ended.
  void PrintAttempt(const fs::path& folder, std::size_t tail, const CommandContext& context) const {
    std::vector<Stream> streams;
    for (const char* name : {"events", "stdout", "stderr"}) {
      if (!stream_.empty() && stream_ != name) continue;
      streams.emplace_back(name, folder / (std::string(name) == "events" ? "events.jsonl" : name));
    }
    // Asked before reading: what is written between the two is read, not missed.
    bool alive = follow_ && IsLocked(folder / "lock");
    for (Stream& stream : streams) PrintLines(stream, stream.Read(!alive), tail, context);
    while (alive) {
      context.out.flush();
      std::this_thread::sleep_for(kPollInterval);
      alive = IsLocked(folder / "lock");
      for (Stream& stream : streams) PrintLines(stream, stream.Read(!alive), 0, context);
    }
  }

  void PrintLines(const Stream& stream, std::vector<std::string> lines, std::size_t tail,
                  const CommandContext& context) const {
    const GlobalOptions& options = context.options;
    const bool events = stream.name() == "events";
    std::vector<std::string> printed;
    for (const std::string& line : lines) {
      if (!events) {
        printed.push_back(line);
        continue;
      }
      const Json event = Json::parse(line, nullptr, /*allow_exceptions=*/false);
      std::string text = event.is_discarded() ? "damaged line: " + line : DescribeEvent(event);
      if (!text.empty()) printed.push_back(std::move(text));
    }
    const std::size_t first = tail != 0 && printed.size() > tail ? printed.size() - tail : 0;
    if (stream.skipped() && first == 0 && !printed.empty() && !options.json) {
      context.out << Styled(
                         "(the beginning is left out: " + Printable(stream.path().string()) + ")",
                         Style::kDim, options.color)
                  << '\n';
    }
    for (std::size_t i = first; i < printed.size(); ++i) {
      if (options.json) {
        context.out << CanonicalJson({{"stream", stream.name()}, {"line", printed[i]}}) << '\n';
      } else {
        // A carriage return is how progress bars overwrite themselves: the last state of the line
        // is what counts.
        std::string line = printed[i];
        if (line.ends_with('\r')) line.pop_back();
        if (const auto back = line.rfind('\r'); back != std::string::npos) line.erase(0, back + 1);
        context.out << Styled(fmt::format("{:<6} ", stream.name()),
                              stream.name() == "stderr" ? Style::kYellow : Style::kDim,
                              options.color)
                    << Printable(line, /*keep_lines=*/true) << '\n';
      }
    }
  }

  std::string task_, stream_;
  bool follow_ = false;
  int lines_ = 0;
  int attempt_ = 0;
};

}  // namespace

std::unique_ptr<Command> MakeLogsCommand() {
  return std::make_unique<LogsCommand>();
}

}  // namespace repro
