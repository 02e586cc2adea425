#pragma once
/// How a running experiment looks: redrawn in place on a terminal, plain lines elsewhere, JSON
/// lines with --json.

#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "core/cli/command.h"
#include "core/cli/terminal.h"
#include "core/scheduler/observer.h"

namespace repro {

/// "[#####     ]", `width` columns with the brackets. Block characters where `unicode`.
std::string DrawBar(double fraction, std::size_t width, bool unicode);

/// The lines that a terminal shows: the overall line, then one for each running task as far as they
/// fit. Every line is at most `size.columns` wide; on a narrow terminal the less important parts go
/// first.
std::vector<std::string> DrawProgress(const std::string& title, const Snapshot& snapshot,
                                      TerminalSize size, bool color, bool unicode);

/// Block at the bottom of the terminal; what happened scrolls above it.
class TerminalProgress : public Observer {
 public:
  /// `size` is asked again for each drawing: the window may change.
  TerminalProgress(std::string title, std::ostream& out, bool color, bool unicode,
                   std::function<TerminalSize()> size);
  ~TerminalProgress() override;

  void OnStarted(const Task& task, int attempt, bool adopted) override;
  void OnEnded(const TaskEnded& ended) override;
  void OnMessage(std::string_view level, std::string_view label, std::string_view text) override;
  void OnTick(const Snapshot& snapshot) override;

 private:
  void Erase();
  void Print(const std::string& line);

  std::string title_;
  std::ostream& out_;
  bool color_, unicode_;
  std::function<TerminalSize()> size_;
  std::vector<std::string> drawn_;
};

/// A line for each start, end and message; every half minute one for each running task.
class PlainProgress : public Observer {
 public:
  PlainProgress(std::string title, std::ostream& out) : title_(std::move(title)), out_(out) {}

  void OnStarted(const Task& task, int attempt, bool adopted) override;
  void OnEnded(const TaskEnded& ended) override;
  void OnMessage(std::string_view level, std::string_view label, std::string_view text) override;
  void OnTick(const Snapshot& snapshot) override;

 private:
  std::string title_;
  std::ostream& out_;
  double last_status_ = 0;
};

/// One JSON object a line: "started", "ended", "message", and "progress" once a second.
class JsonProgress : public Observer {
 public:
  explicit JsonProgress(std::ostream& out) : out_(out) {}

  void OnStarted(const Task& task, int attempt, bool adopted) override;
  void OnEnded(const TaskEnded& ended) override;
  void OnMessage(std::string_view level, std::string_view label, std::string_view text) override;
  void OnTick(const Snapshot& snapshot) override;

 private:
  std::ostream& out_;
  double last_progress_ = -1;
};

/// The one that fits the options.
std::unique_ptr<Observer> MakeProgress(const std::string& title, const CommandContext& context);

}  // namespace repro
