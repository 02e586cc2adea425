#include "core/io/subprocess.h"

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/io/file.h"
#include "tests/core/temp_folder.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

class SubprocessTest : public testing::Test {
 protected:
  SubprocessOptions Shell(const std::string& script) const {
    SubprocessOptions options;
    options.program = "/bin/sh";
    options.arguments = {"-c", script};
    options.stdout_file = folder_ / "out";
    options.stderr_file = folder_ / "err";
    return options;
  }

  ExitStatus RunToEnd(const SubprocessOptions& options) {
    auto process = Subprocess::Start(options);
    EXPECT_TRUE(process) << process.error().message;
    const auto status = process->Wait();
    EXPECT_TRUE(status);
    return *status;
  }

  std::string Output() const { return ReadFile(folder_ / "out").value_or("(none)"); }

  const TempFolder temp_;
  const fs::path folder_ = temp_.path();
};

TEST_F(SubprocessTest, GivesOutputFolderEnvironmentAndExitCode) {
  SubprocessOptions options = Shell("pwd; echo $COLOUR; echo oops >&2; exit 7");
  options.working_folder = folder_;
  options.environment = {{"COLOUR", "a b;c"}};
  const ExitStatus status = RunToEnd(options);
  EXPECT_EQ(status.code, 7);
  EXPECT_EQ(status.signal, 0);
  EXPECT_GT(status.peak_rss, 0);
  EXPECT_EQ(Output(), fs::canonical(folder_).string() + "\na b;c\n");
  EXPECT_EQ(ReadFile(folder_ / "err").value(), "oops\n");
}

TEST_F(SubprocessTest, ArgumentsReachTheProgramUntouched) {
  SubprocessOptions options = Shell("");
  options.program = "/usr/bin/printf";
  options.arguments = {"%s|", "a b", "$(id)", "", "x'y\"z"};
  RunToEnd(options);
  EXPECT_EQ(Output(), "a b|$(id)||x'y\"z|");
}

TEST_F(SubprocessTest, WhatCannotStartIsAnErrorWithThePath) {
  SubprocessOptions options = Shell("true");
  options.program = folder_ / "none";
  auto process = Subprocess::Start(options);
  ASSERT_FALSE(process);
  EXPECT_THAT(process.error().message, testing::HasSubstr((folder_ / "none").string()));

  options = Shell("true");
  options.working_folder = folder_ / "no folder";
  process = Subprocess::Start(options);
  ASSERT_FALSE(process);
  EXPECT_THAT(process.error().message, testing::HasSubstr("no folder"));

  options = Shell("true");
  options.stdout_file = folder_ / "no folder" / "out";
  process = Subprocess::Start(options);
  ASSERT_FALSE(process);
  EXPECT_THAT(process.error().message, testing::HasSubstr("no folder/out"));
}

TEST_F(SubprocessTest, ASignalIsToldFromAnExit) {
  const ExitStatus status = RunToEnd(Shell("kill -9 $$"));
  EXPECT_EQ(status.signal, SIGKILL);
  EXPECT_EQ(status.code, 128 + SIGKILL);
}

TEST_F(SubprocessTest, PollSaysNothingWhileItRunsAndTheSameOnceItEnded) {
  auto process = Subprocess::Start(Shell("read line < fifo || sleep 60"));
  ASSERT_TRUE(process);
  EXPECT_FALSE(process->Poll().value().has_value());
  process->Signal(SIGTERM);
  EXPECT_EQ(process->Wait()->signal, SIGTERM);
  EXPECT_EQ(process->Poll().value()->signal, SIGTERM);
}

TEST_F(SubprocessTest, LeadsAGroupOfItsOwnThatASignalReachesWhole) {
  SubprocessOptions options = Shell("sleep 60 & echo $!; echo ready > flag; wait");
  options.working_folder = folder_;
  auto process = Subprocess::Start(options);
  ASSERT_TRUE(process);
  EXPECT_EQ(::getpgid(process->pid()), process->pid());
  while (!fs::exists(folder_ / "flag")) ::usleep(1000);
  const pid_t grandchild = std::stoi(Output());
  EXPECT_EQ(::getpgid(grandchild), process->pid());
  process->Signal(SIGKILL);
  ASSERT_TRUE(process->Wait());
  // Re-parented and then gone or a zombie of init: it cannot be running.
  for (int i = 0; i < 2000 && ::kill(grandchild, 0) == 0; ++i) {
    const auto stat = ReadFile(fmt::format("/proc/{}/stat", grandchild));
    if (!stat || stat->find(") Z ") != std::string::npos) break;
    ::usleep(1000);
    ASSERT_LT(i, 1999) << "the grandchild lives on";
  }
}

TEST_F(SubprocessTest, WhatAnEndedChildLeftBehindIsKilled) {
  SubprocessOptions options = Shell("sleep 60 & echo $!");
  auto process = Subprocess::Start(options);
  ASSERT_TRUE(process);
  ASSERT_EQ(process->Wait()->code, 0);
  const pid_t grandchild = std::stoi(Output());
  for (int i = 0; i < 2000; ++i) {
    const auto stat = ReadFile(fmt::format("/proc/{}/stat", grandchild));
    if (!stat || stat->find(") Z ") != std::string::npos) return;
    ::usleep(1000);
  }
  FAIL() << "the grandchild lives on";
}

TEST_F(SubprocessTest, RunsOnTheCoresItWasGiven) {
  const std::vector<int> cores = UsableCores();
  ASSERT_FALSE(cores.empty());
  SubprocessOptions options = Shell("grep Cpus_allowed_list /proc/self/status");
  options.cores = {cores.back()};
  RunToEnd(options);
  EXPECT_EQ(Output(), "Cpus_allowed_list:\t" + std::to_string(cores.back()) + "\n");
}

TEST_F(SubprocessTest, SignalsBlockedInTheParentReachTheChild) {
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &blocked, &before);
  auto process = Subprocess::Start(Shell("sleep 60"));
  ASSERT_TRUE(process);
  process->Signal(SIGTERM);
  EXPECT_EQ(process->Wait()->signal, SIGTERM);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace
}  // namespace repro
