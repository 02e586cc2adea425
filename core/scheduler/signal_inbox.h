#pragma once
/// Time and signals as the scheduler's loop sees them: it waits at one place, and what wakes it
/// comes from there.

#include <cstdint>
#include <optional>

#include <signal.h>

namespace repro {

/// Seam for tests.
class Pulse {
 public:
  virtual ~Pulse() = default;
  /// Sleeps at most `seconds`. Returns SIGINT, SIGTERM or SIGHUP (the terminal was closed) when a
  /// person or the system asked to stop;
  /// returns early and empty when something happened that is worth a look (a child ended, the
  /// terminal changed its size).
  virtual std::optional<int> Wait(double seconds) = 0;
  virtual std::int64_t NowMs() = 0;
};

/// Blocks SIGINT, SIGTERM, SIGHUP (unless `nohup` had it ignored), SIGCHLD and SIGWINCH for its
/// life and takes them with sigtimedwait: no handler, no global. One at a time, on the main thread.
/// Children get an empty mask back (Subprocess).
class SignalInbox : public Pulse {
 public:
  SignalInbox();
  ~SignalInbox() override;
  SignalInbox(const SignalInbox&) = delete;
  SignalInbox& operator=(const SignalInbox&) = delete;

  std::optional<int> Wait(double seconds) override;
  std::int64_t NowMs() override;

 private:
  sigset_t watched_ = {};
  sigset_t before_ = {};
};

}  // namespace repro
