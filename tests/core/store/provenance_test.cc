#include "core/store/provenance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "core/io/subprocess.h"
#include "tests/core/store/workspace_fixture.h"

namespace repro {
namespace {

using ::testing::ElementsAre;

constexpr const char* kGit = "/usr/bin/git";

class ProvenanceTest : public testing::WorkspaceTest {
 protected:
  void Git(std::vector<std::string> arguments) const {
    SubprocessOptions options;
    options.program = kGit;
    options.arguments = {"-C", workspace_.string(), "-c", "user.name=T", "-c", "user.email=t@t"};
    options.arguments.insert(options.arguments.end(), arguments.begin(), arguments.end());
    options.stdout_file = workspace_ / ".git-out";
    auto git = Subprocess::Start(options);
    ASSERT_OK(git);
    ASSERT_EQ(git->Wait().value().code, 0);
  }

  Json Facts() const {
    ProvenanceRequest request;
    request.checkout = workspace_;
    return CollectProvenance(request)["git"];
  }
};

TEST_F(ProvenanceTest, GitFactsFollowTheCheckout) {
  if (!std::filesystem::exists(kGit)) GTEST_SKIP() << "no git here";
  WriteText(workspace_ / "code.cc", "one\n");
  WriteText(workspace_ / ".gitignore", ".git-out\n");
  Git({"init", "-q", "-b", "main"});
  Git({"add", "."});
  Git({"commit", "-q", "-m", "first"});
  const Json clean = Facts();
  EXPECT_EQ(clean["commit"].get<std::string>().size(), 40u);
  EXPECT_EQ(clean["branch"], "main");
  EXPECT_EQ(clean["dirty"], false);
  EXPECT_EQ(clean["untracked"], 0);
  WriteText(workspace_ / "code.cc", "two\n");
  WriteText(workspace_ / "new.cc", "new\n");
  const Json dirty = Facts();
  EXPECT_EQ(dirty["commit"], clean["commit"]);
  EXPECT_EQ(dirty["dirty"], true);
  EXPECT_EQ(dirty["untracked"], 1);
  WriteText(workspace_ / "code.cc", "three\n");
  EXPECT_NE(Facts()["diff_sha256"], dirty["diff_sha256"]);
  WriteText(workspace_ / "code.cc", "two\n");
  EXPECT_EQ(Facts()["diff_sha256"], dirty["diff_sha256"]);
}

TEST_F(ProvenanceTest, WithoutACheckoutThereIsNoGitAndNoFailure) {
  EXPECT_TRUE(Facts().is_null());
  ProvenanceRequest request;
  request.command_line = {"repro", "run", "fig2"};
  request.build_id = "b1";
  const Json facts = CollectProvenance(request);
  EXPECT_FALSE(facts.contains("git"));
  EXPECT_THAT(facts["command_line"], ElementsAre("repro", "run", "fig2"));
  EXPECT_EQ(facts["build"]["id"], "b1");
  EXPECT_GT(facts["cpu"]["allowed_cores"], 0);
  EXPECT_FALSE(facts["host"]["kernel"].get<std::string>().empty());
}

TEST_F(ProvenanceTest, OnlyVariablesThatMatterAreKept) {
  ::setenv("OMP_NUM_THREADS", "3", 1);
  ::setenv("MY_PASSWORD", "hunter2", 1);
  ::setenv("OMP_SECRET", "hunter2", 1);
  const Json facts = CollectProvenance({});
  ::unsetenv("OMP_NUM_THREADS");
  ::unsetenv("MY_PASSWORD");
  ::unsetenv("OMP_SECRET");
  EXPECT_EQ(facts["environment"]["OMP_NUM_THREADS"], "3");
  EXPECT_EQ(facts.dump().find("hunter2"), std::string::npos);
}

TEST(CpuInfoTest, CapabilityFollowsTheFlags) {
  const auto cpu = [](const std::string& flags) {
    return ParseCpuInfo("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nflags\t\t: " + flags +
                        "\n\nprocessor\t: 1\nmodel name\t: Some CPU @ 2 GHz\n");
  };
  const Json wide = cpu("fpu fma avx avx2 avx512f avx512dq avx512bw avx512vl avx512_bf16");
  EXPECT_EQ(wide["model"], "Some CPU @ 2 GHz");
  EXPECT_EQ(wide["cores"], 2);
  EXPECT_EQ(wide["capability"], "AVX512");
  EXPECT_THAT(wide["flags"], ::testing::Contains("avx512_bf16"));
  EXPECT_EQ(cpu("fpu fma avx avx2")["capability"], "AVX2");
  EXPECT_EQ(cpu("fpu avx")["capability"], "DEFAULT");
  EXPECT_EQ(ParseCpuInfo("")["capability"], "DEFAULT");
}

}  // namespace
}  // namespace repro
