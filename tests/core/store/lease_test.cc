#include "core/store/lease.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/core/store/workspace_fixture.h"

namespace repro {
namespace {

using ::testing::HasSubstr;

class LeaseTest : public testing::WorkspaceTest {
 protected:
  /// A second process that holds the lease until it is killed. Returns when it does.
  pid_t StartHolder() const {
    int ready[2];
    REPRO_CHECK(::pipe(ready) == 0);
    const pid_t child = ::fork();
    REPRO_CHECK(child >= 0);
    if (child == 0) {
      const auto lease = Lease::Acquire(workspace_, "repro run fig2");
      const char answer = lease ? 'y' : 'n';
      if (::write(ready[1], &answer, 1) != 1) ::_exit(1);
      for (;;) ::pause();
    }
    char answer = 0;
    REPRO_CHECK(::read(ready[0], &answer, 1) == 1 && answer == 'y');
    ::close(ready[0]);
    ::close(ready[1]);
    return child;
  }
};

TEST_F(LeaseTest, TheSecondComerLearnsWhoHoldsItAndSinceWhen) {
  const pid_t holder = StartHolder();
  const auto lease = Lease::Acquire(workspace_, "repro run fig3");
  ASSERT_FALSE(lease.has_value());
  EXPECT_EQ(lease.error().code, ErrorCode::kBusy);
  EXPECT_THAT(lease.error().message, HasSubstr("repro run fig2"));
  EXPECT_THAT(lease.error().message, HasSubstr(fmt::format("pid {}", holder)));
  EXPECT_THAT(lease.error().message, HasSubstr("since 2"));
  EXPECT_TRUE(InspectLease(workspace_).held);

  ::kill(holder, SIGKILL);
  ::waitpid(holder, nullptr, 0);
  // The kernel has let go; the text stays and tells that nobody ended in order.
  const LeaseState left = InspectLease(workspace_);
  EXPECT_FALSE(left.held);
  ASSERT_TRUE(left.holder.has_value());
  EXPECT_EQ(left.holder->pid, holder);
  ASSERT_OK(Lease::Acquire(workspace_, "repro run fig3"));
}

TEST_F(LeaseTest, AnOrderlyEndLeavesNoTrace) {
  { ASSERT_OK(Lease::Acquire(workspace_, "repro run fig2")); }
  const LeaseState state = InspectLease(workspace_);
  EXPECT_FALSE(state.held);
  EXPECT_FALSE(state.holder.has_value());
}

TEST_F(LeaseTest, AMovedLeaseIsHeldOnce) {
  auto lease = Lease::Acquire(workspace_, "one").value();
  const Lease moved = std::move(lease);
  EXPECT_TRUE(InspectLease(workspace_).held);
  EXPECT_EQ(InspectLease(workspace_).holder->command, "one");
}

TEST_F(LeaseTest, NoWorkspaceIsNotHeldAndIsNotMade) {
  const auto elsewhere = workspace_ / "not" / "there";
  EXPECT_FALSE(InspectLease(elsewhere).held);
  EXPECT_FALSE(std::filesystem::exists(elsewhere));
}

TEST_F(LeaseTest, RequestsAreTakenOnceInOrder) {
  Request tag;
  tag.kind = Request::Kind::kTag;
  tag.run = 7;
  tag.tag = "best";
  ASSERT_OK(DropRequest(workspace_, tag));
  Request retry;
  retry.kind = Request::Kind::kRetry;
  retry.failed = true;
  ASSERT_OK(DropRequest(workspace_, retry));
  std::vector<Request> seen;
  const auto apply = [&seen](const Request& request) -> Status {
    seen.push_back(request);
    if (request.kind == Request::Kind::kTag) return Fail(ErrorCode::kNotFound, "no run 7");
    return {};
  };
  const auto taken = TakeRequests(workspace_, apply).value();
  ASSERT_EQ(taken.size(), 2u);
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0].kind, Request::Kind::kTag);
  EXPECT_EQ(seen[0].run, 7);
  EXPECT_EQ(seen[0].tag, "best");
  EXPECT_FALSE(seen[0].by.empty());
  EXPECT_TRUE(seen[1].failed);
  EXPECT_EQ(taken[0].outcome.error().message, "no run 7");
  EXPECT_TRUE(taken[1].outcome.has_value());
  EXPECT_TRUE(TakeRequests(workspace_, apply).value().empty());
}

TEST_F(LeaseTest, AnUnreadableRequestIsSetAsideAndSaid) {
  WriteText(workspace_ / "requests" / "000.json", "{\"format\":1,\"kind\":\"explode\"}");
  const auto taken = TakeRequests(workspace_, [](const Request&) -> Status { return {}; }).value();
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0].outcome.error().code, ErrorCode::kCorrupt);
  EXPECT_TRUE(std::filesystem::exists(workspace_ / "requests" / "bad" / "000.json"));
}

TEST_F(LeaseTest, ARequestThatCannotBeSetAsideIsAnErrorWithBothReasons) {
  WriteText(workspace_ / "requests" / "000.json", "torn");
  WriteText(workspace_ / "requests" / "bad" / "000.json" / "in the way", "");
  const auto taken = TakeRequests(workspace_, [](const Request&) -> Status { return {}; });
  ASSERT_FALSE(taken.has_value());
  EXPECT_THAT(taken.error().message, HasSubstr("000.json: cannot set it aside"));
  EXPECT_THAT(taken.error().message, HasSubstr("not valid JSON"));
}

}  // namespace
}  // namespace repro
