#include "core/io/file_lock.h"

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/io/subprocess.h"
#include "tests/core/temp_folder.h"

namespace repro {
namespace {

namespace fs = std::filesystem;

class FileLockTest : public testing::Test {
 protected:
  const TempFolder temp_;
  const fs::path folder_ = temp_.path();
};

TEST_F(FileLockTest, IsHeldUntilItsOwnerGoes) {
  const fs::path path = folder_ / "lock";
  EXPECT_FALSE(IsLocked(path)) << "a file that is not there";
  {
    const auto lock = FileLock::TryLock(path);
    ASSERT_TRUE(lock);
    EXPECT_TRUE(IsLocked(path));
    const auto second = FileLock::TryLock(path);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::kBusy);
    EXPECT_THAT(second.error().message, testing::HasSubstr(path.string()));
  }
  EXPECT_FALSE(IsLocked(path));
  EXPECT_TRUE(FileLock::TryLock(path));
}

TEST_F(FileLockTest, AFolderThatIsNotThereIsAnErrorWithThePath) {
  const auto lock = FileLock::TryLock(folder_ / "none" / "lock");
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().code, ErrorCode::kIo);
  EXPECT_THAT(lock.error().message, testing::HasSubstr((folder_ / "none" / "lock").string()));
}

// What the scheduler does: it takes the lock, hands it down, lets go of its own descriptor.
TEST_F(FileLockTest, HandedToAChildItIsHeldForExactlyAsLongAsTheChildLives) {
  const fs::path path = folder_ / "lock";
  auto child = [&]() -> Result<Subprocess> {
    const auto lock = FileLock::TryLock(path);
    SubprocessOptions options;
    options.program = "/bin/sleep";
    options.arguments = {"60"};
    options.inherited_fds = {lock->fd()};
    return Subprocess::Start(options);
  }();
  ASSERT_TRUE(child) << child.error().message;
  EXPECT_TRUE(IsLocked(path));
  EXPECT_THAT(ProcessesHolding(path), testing::ElementsAre(child->pid()));
  child->Signal(SIGKILL);
  ASSERT_TRUE(child->Wait());
  EXPECT_FALSE(IsLocked(path));
  EXPECT_THAT(ProcessesHolding(path), testing::IsEmpty());
}

TEST_F(FileLockTest, LookingAtAnOpenFileIsNotHoldingItsLock) {
  const fs::path path = folder_ / "lock";
  ASSERT_TRUE(FileLock::TryLock(path));
  const auto child = [&] {
    SubprocessOptions options;
    options.program = "/bin/sleep";
    options.arguments = {"60"};
    options.stdout_file = path;  // has it open, without a lock
    return Subprocess::Start(options);
  }();
  ASSERT_TRUE(child);
  EXPECT_THAT(ProcessesHolding(path), testing::IsEmpty());
  child->Signal(SIGKILL);
  Subprocess copy = *child;
  ASSERT_TRUE(copy.Wait());
}

TEST_F(FileLockTest, ATaskTakesOverTheDescriptorItWasHanded) {
  const fs::path path = folder_ / "lock";
  auto parent = FileLock::TryLock(path);
  ASSERT_TRUE(parent);
  const std::string variable(kInheritedLockVariable);
  const int copy = ::dup(parent->fd());  // the same open file, as after fork and exec
  ::setenv(variable.c_str(), std::to_string(copy).c_str(), 1);
  {
    const auto inherited = FileLock::InheritOrLock(path);
    ASSERT_TRUE(inherited) << inherited.error().message;
    EXPECT_EQ(inherited->fd(), copy);
    EXPECT_EQ(::getenv(variable.c_str()), nullptr)
        << "its own children must not take it for theirs";
    { const FileLock dropped = std::move(*parent); }
    EXPECT_TRUE(IsLocked(path));
  }
  EXPECT_FALSE(IsLocked(path));
}

TEST_F(FileLockTest, ADescriptorOfAnotherFileIsNotTakenOver) {
  auto other = FileLock::TryLock(folder_ / "other");
  ASSERT_TRUE(other);
  const std::string variable(kInheritedLockVariable);
  ::setenv(variable.c_str(), std::to_string(other->fd()).c_str(), 1);
  const auto lock = FileLock::InheritOrLock(folder_ / "lock");
  ASSERT_TRUE(lock);
  EXPECT_NE(lock->fd(), other->fd());
  EXPECT_TRUE(IsLocked(folder_ / "lock"));
  ::unsetenv(variable.c_str());
}

}  // namespace
}  // namespace repro
