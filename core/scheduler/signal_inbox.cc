#include "core/scheduler/signal_inbox.h"

#include <cmath>
#include <ctime>

#include "core/base/units.h"

namespace repro {

SignalInbox::SignalInbox() {
  sigemptyset(&watched_);
  for (const int signal : {SIGINT, SIGTERM, SIGCHLD, SIGWINCH}) sigaddset(&watched_, signal);
  // Under nohup it is ignored, but a signal that is blocked would come in all the same.
  struct sigaction hangup = {};
  if (::sigaction(SIGHUP, nullptr, &hangup) == 0 && hangup.sa_handler != SIG_IGN) {
    sigaddset(&watched_, SIGHUP);
  }
  ::sigprocmask(SIG_BLOCK, &watched_, &before_);
}

SignalInbox::~SignalInbox() {
  // A Ctrl-C that came when all was over has nothing left to stop; it must not change the exit
  // code.
  const struct timespec at_once = {};
  while (::sigtimedwait(&watched_, nullptr, &at_once) > 0) {
  }
  ::sigprocmask(SIG_SETMASK, &before_, nullptr);
}

std::optional<int> SignalInbox::Wait(double seconds) {
  const double whole = std::floor(seconds);
  struct timespec timeout = {};
  timeout.tv_sec = static_cast<std::time_t>(whole);
  timeout.tv_nsec = static_cast<long>((seconds - whole) * 1e9);
  const int signal = ::sigtimedwait(&watched_, nullptr, &timeout);
  if (signal == SIGINT || signal == SIGTERM || signal == SIGHUP) return signal;
  return std::nullopt;
}

std::int64_t SignalInbox::NowMs() {
  return WallTimeMs();
}

}  // namespace repro
