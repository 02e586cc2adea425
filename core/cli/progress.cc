#include "core/cli/progress.h"

#include <algorithm>
#include <cmath>
#include <ostream>

#include "core/base/text.h"
#include "core/base/units.h"
#include "core/cli/text_table.h"
#include "core/io/json_io.h"

namespace repro {
namespace {

constexpr double kPlainStatusSeconds = 30;
constexpr double kJsonStatusSeconds = 1;
constexpr std::size_t kWidestBar = 30;
constexpr std::size_t kNarrowestBar = 7;

std::string Percent(double fraction) {
  return fmt::format("{:3.0f} %", std::floor(100 * fraction));
}

/// `parts` joined by two blanks, as many as fit into `columns`; the first are the most important.
std::string JoinFitting(const std::vector<std::string>& parts, std::size_t columns) {
  std::string joined;
  for (const std::string& part : parts) {
    if (part.empty()) continue;
    const std::string next = joined.empty() ? part : joined + "  " + part;
    if (DisplayWidth(next) > columns) continue;
    joined = next;
  }
  return joined;
}

/// "465/1,500 updates".
std::string Counts(const TaskView& task) {
  if (task.total <= 0) return {};
  return fmt::format("{}/{} {}", FormatCount(task.done), FormatCount(task.total),
                     Printable(task.unit));
}

std::string Rate(const TaskView& task) {
  if (!task.rate) return {};
  std::string rate = FormatRate(*task.rate);
  rate.insert(rate.size() - 2, " tokens");
  return rate;
}

std::string Loss(const TaskView& task) {
  return task.loss ? fmt::format("loss {:.3f}", *task.loss) : "";
}

std::string Left(const std::optional<double>& seconds) {
  return seconds ? FormatDuration(*seconds) + " left" : "";
}

std::string Totals(const Snapshot& snapshot) {
  std::string text = fmt::format("{}/{} tasks", snapshot.done, snapshot.total);
  if (snapshot.failed > 0) text += fmt::format(", {} failed", snapshot.failed);
  if (snapshot.blocked > 0) text += fmt::format(", {} blocked", snapshot.blocked);
  return text;
}

std::string EndLine(const TaskEnded& ended) {
  std::string line = fmt::format("{:<11} {}", ended.outcome, Printable(ended.task.label));
  if (ended.attempt > 1) line += fmt::format(" (attempt {})", ended.attempt);
  line += ", " + FormatDuration(ended.seconds);
  const std::string brief = Brief(ended.reason);
  if (!brief.empty()) line += ": " + Printable(brief);
  if (brief != ended.reason) {
    line += fmt::format(" (whole in work/{}/attempts/{}/stderr)", ended.task.key, ended.attempt);
  }
  return line;
}

std::string MessageLine(std::string_view level, std::string_view label, std::string_view text) {
  return fmt::format("{:<11} {}{}{}", level, Printable(label), label.empty() ? "" : ": ",
                     Printable(Brief(text)));
}

std::string Clock() {
  return FormatTime(WallTimeMs()).substr(11, 8);
}

Style EndStyle(std::string_view outcome) {
  if (outcome == "done") return Style::kGreen;
  return outcome == "failed" || outcome == "diverged" ? Style::kRed : Style::kYellow;
}

Style LevelStyle(std::string_view level) {
  return level == "error" ? Style::kRed : level == "warning" ? Style::kYellow : Style::kDim;
}

Json OptionalJson(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}

}  // namespace

std::string DrawBar(double fraction, std::size_t width, bool unicode) {
  const std::size_t inner = width > 2 ? width - 2 : 0;
  const auto full = static_cast<std::size_t>(
      std::floor(std::clamp(fraction, 0.0, 1.0) * static_cast<double>(inner)));
  std::string bar = "[";
  for (std::size_t i = 0; i < inner; ++i) {
    bar += i < full ? (unicode ? "█" : "#") : (unicode ? "░" : "-");
  }
  return bar + "]";
}

std::vector<std::string> DrawProgress(const std::string& title, const Snapshot& snapshot,
                                      TerminalSize size, bool color, bool unicode) {
  std::vector<std::string> lines;
  const std::size_t columns = std::max<std::size_t>(size.columns, 10);
  const std::size_t bar = std::clamp(columns / 5, kNarrowestBar, kWidestBar);

  const std::vector<std::string> overall = {
      CutToColumns(title, columns / 2),
      Percent(snapshot.fraction),
      columns >= 40 ? DrawBar(snapshot.fraction, bar, unicode) : "",
      Totals(snapshot),
      Left(snapshot.eta_seconds),
      FormatDuration(snapshot.elapsed_seconds) + " gone",
      snapshot.stopping ? "stopping" : ""};
  // The bar stands before the figures; what does not fit was dropped from the end.
  lines.push_back(Styled(JoinFitting(overall, columns), Style::kBold, color));

  std::size_t label_width = 0;
  for (const TaskView& task : snapshot.tasks)
    label_width = std::max(label_width, DisplayWidth(Printable(task.label)));
  label_width = std::min(label_width, columns / 3);
  const std::size_t room = size.rows > 4 ? size.rows - 3 : 1;
  for (std::size_t i = 0; i < snapshot.tasks.size(); ++i) {
    if (i + 1 >= room && snapshot.tasks.size() > room) {
      lines.push_back(
          CutToColumns(fmt::format("  and {} more", snapshot.tasks.size() - i), columns));
      break;
    }
    const TaskView& task = snapshot.tasks[i];
    const std::string label = Padded(CutToColumns(Printable(task.label), label_width), label_width);
    const bool known = task.total > 0 || task.eta_seconds;
    const std::vector<std::string> parts = {
        label,
        known ? Percent(task.fraction) : "  ... ",
        known && columns >= 60 ? DrawBar(task.fraction, bar, unicode) : "",
        Left(task.eta_seconds),
        Loss(task),
        Rate(task),
        Counts(task),
        known ? "" : FormatDuration(task.elapsed_seconds)};
    lines.push_back("  " + JoinFitting(parts, columns - 2));
  }
  return lines;
}

TerminalProgress::TerminalProgress(std::string title, std::ostream& out, bool color, bool unicode,
                                   std::function<TerminalSize()> size)
    : title_(std::move(title)),
      out_(out),
      color_(color),
      unicode_(unicode),
      size_(std::move(size)) {}

TerminalProgress::~TerminalProgress() {
  Erase();
  out_.flush();
}

void TerminalProgress::Erase() {
  if (drawn_.empty()) return;
  // After a resize a drawn line may take several rows now.
  const std::size_t columns = std::max<std::size_t>(size_().columns, 1);
  std::size_t rows = 0;
  for (const std::string& line : drawn_)
    rows += std::max<std::size_t>(1, (DisplayWidth(line) + columns - 1) / columns);
  out_ << "\x1b[" << rows << "A\r\x1b[J";
  drawn_.clear();
}

void TerminalProgress::Print(const std::string& line) {
  Erase();
  out_ << line << '\n';
  out_.flush();
}

void TerminalProgress::OnStarted(const Task&, int, bool) {}

void TerminalProgress::OnEnded(const TaskEnded& ended) {
  Print(Styled(EndLine(ended), EndStyle(ended.outcome), color_));
}

void TerminalProgress::OnMessage(std::string_view level, std::string_view label,
                                 std::string_view text) {
  Print(Styled(MessageLine(level, label, text), LevelStyle(level), color_));
}

void TerminalProgress::OnTick(const Snapshot& snapshot) {
  std::vector<std::string> lines = DrawProgress(title_, snapshot, size_(), color_, unicode_);
  Erase();
  for (const std::string& line : lines) out_ << line << '\n';
  out_.flush();
  // Widths count without escapes; only the first line has some.
  if (color_) lines = DrawProgress(title_, snapshot, size_(), false, unicode_);
  drawn_ = std::move(lines);
}

void PlainProgress::OnStarted(const Task& task, int attempt, bool adopted) {
  out_ << Clock() << "  "
       << fmt::format("{:<11} {}", adopted ? "taken over" : "started", Printable(task.label));
  if (attempt > 1) out_ << " (attempt " << attempt << ")";
  out_ << std::endl;
}

void PlainProgress::OnEnded(const TaskEnded& ended) {
  out_ << Clock() << "  " << EndLine(ended) << std::endl;
}

void PlainProgress::OnMessage(std::string_view level, std::string_view label,
                              std::string_view text) {
  out_ << Clock() << "  " << MessageLine(level, label, text) << std::endl;
}

void PlainProgress::OnTick(const Snapshot& snapshot) {
  if (snapshot.elapsed_seconds - last_status_ < kPlainStatusSeconds) return;
  last_status_ = snapshot.elapsed_seconds;
  constexpr std::size_t kNoLimit = 1000;
  for (const TaskView& task : snapshot.tasks) {
    const std::string detail =
        JoinFitting({Counts(task), Loss(task), Rate(task), Left(task.eta_seconds)}, kNoLimit);
    out_ << Clock() << "  "
         << fmt::format("{:<11} {}{}{}", task.total > 0 ? Percent(task.fraction) : "running",
                        Printable(task.label), detail.empty() ? "" : "  ", detail)
         << '\n';
  }
  out_ << Clock() << "  "
       << JoinFitting(
              {title_, Percent(snapshot.fraction), Totals(snapshot), Left(snapshot.eta_seconds)},
              kNoLimit)
       << std::endl;
}

void JsonProgress::OnStarted(const Task& task, int attempt, bool adopted) {
  out_ << CanonicalJson({{"event", "started"},
                         {"task", task.key},
                         {"kind", task.kind},
                         {"label", task.label},
                         {"attempt", attempt},
                         {"adopted", adopted},
                         {"time_ms", WallTimeMs()}})
       << std::endl;
}

void JsonProgress::OnEnded(const TaskEnded& ended) {
  out_ << CanonicalJson({{"event", "ended"},
                         {"task", ended.task.key},
                         {"kind", ended.task.kind},
                         {"label", ended.task.label},
                         {"attempt", ended.attempt},
                         {"outcome", ended.outcome},
                         {"reason", ended.reason},
                         {"seconds", ended.seconds},
                         {"time_ms", WallTimeMs()}})
       << std::endl;
}

void JsonProgress::OnMessage(std::string_view level, std::string_view label,
                             std::string_view text) {
  out_ << CanonicalJson({{"event", "message"},
                         {"level", level},
                         {"label", label},
                         {"text", text},
                         {"time_ms", WallTimeMs()}})
       << std::endl;
}

void JsonProgress::OnTick(const Snapshot& snapshot) {
  if (last_progress_ >= 0 && snapshot.elapsed_seconds - last_progress_ < kJsonStatusSeconds) return;
  last_progress_ = snapshot.elapsed_seconds;
  Json tasks = Json::array();
  for (const TaskView& task : snapshot.tasks) {
    tasks.push_back({{"task", task.key},
                     {"label", task.label},
                     {"done", task.done},
                     {"total", task.total},
                     {"unit", task.unit},
                     {"fraction", task.fraction},
                     {"tokens_per_second", OptionalJson(task.rate)},
                     {"loss", OptionalJson(task.loss)},
                     {"eta_seconds", OptionalJson(task.eta_seconds)}});
  }
  out_ << CanonicalJson({{"event", "progress"},
                         {"done", snapshot.done},
                         {"total", snapshot.total},
                         {"failed", snapshot.failed},
                         {"blocked", snapshot.blocked},
                         {"fraction", snapshot.fraction},
                         {"eta_seconds", OptionalJson(snapshot.eta_seconds)},
                         {"running", tasks},
                         {"time_ms", WallTimeMs()}})
       << std::endl;
}

std::unique_ptr<Observer> MakeProgress(const std::string& title, const CommandContext& context) {
  if (context.options.json) return std::make_unique<JsonProgress>(context.out);
  if (!context.options.terminal) return std::make_unique<PlainProgress>(title, context.out);
  return std::make_unique<TerminalProgress>(title, context.out, context.options.color,
                                            LocaleIsUtf8(), [] { return CurrentTerminalSize(); });
}

}  // namespace repro
