#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "tests/scripts/sandbox.h"

namespace assay {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

// What every script below stands on: all packages there, all headers fetched, no CUDA but the one that a test
// makes.
class ScriptsTest : public ::testing::Test {
 protected:
  ScriptsTest() {
    sandbox_.FakeDpkgQuery({});
    sandbox_.Fake("apt-get", "");
    sandbox_.Fake("chromium", "");
    sandbox_.Fake("cmake", "echo '-- CUDA not found: building for the host device only'");
    sandbox_.Write(".deps/include/nvtx3/nvtx3.hpp", "");
    sandbox_.Write(".deps/include/cudnn_frontend.h", "");
  }
  Sandbox sandbox_;
};

TEST_F(ScriptsTest, AreValidBash) {
  int files = 0;
  for (const char* folder : {"scripts", ".ci"}) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(ASSAY_SOURCE_DIR) / folder)) {
      if (!entry.is_regular_file() || entry.path().extension() == ".txt") continue;
      const Outcome outcome = sandbox_.Run("bash -n '" + entry.path().string() + "'");
      EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
      ++files;
    }
  }
  EXPECT_GE(files, 9);
}

TEST_F(ScriptsTest, ExplainThemselves) {
  for (const std::string name : {"setup", "sweep", "test", "profile_ncu", "profile_nsys"}) {
    const Outcome outcome = sandbox_.Run("scripts/" + name + " --help");
    EXPECT_EQ(outcome.exit_code, 0) << name;
    EXPECT_THAT(outcome.output, AllOf(HasSubstr("scripts/" + name), Not(HasSubstr("set -euo")))) << name;
  }
  EXPECT_EQ(sandbox_.Calls(), "");
}

using SetupTest = ScriptsTest;

TEST_F(SetupTest, SaysAndDoesNothingIfAllIsThere) {
  const Outcome outcome = sandbox_.Run("scripts/setup --tests");
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.output, "");
  EXPECT_THAT(sandbox_.Calls(), AllOf(HasSubstr("dpkg-query"), Not(HasSubstr("apt-get"))));
}

TEST_F(SetupTest, WithoutRootPrintsTheLineToRun) {
  sandbox_.FakeDpkgQuery({"libfmt-dev", "ninja-build"});
  const Outcome outcome = sandbox_.Run("scripts/setup", /*as_nobody=*/true);
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.output,
              HasSubstr("\n  sudo apt-get update && sudo apt-get install --no-install-recommends -y "
                        "ninja-build libfmt-dev\n"));
  EXPECT_THAT(sandbox_.Calls(), Not(HasSubstr("apt-get")));
}

TEST_F(SetupTest, AsRootInstallsWhatIsMissingAndOnlyThat) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may install";
  sandbox_.FakeDpkgQuery({"libfmt-dev"});
  const Outcome outcome = sandbox_.Run("scripts/setup");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  const std::string calls = sandbox_.Calls();
  EXPECT_THAT(calls, MatchesRegex("(.|\n)* update\n(.|\n)*install --no-install-recommends libfmt-dev\n"));
}

TEST_F(SetupTest, SaysWhatIsMissingIfAptFails) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may install";
  sandbox_.FakeDpkgQuery({"libfmt-dev"});
  sandbox_.Fake("apt-get", "echo 'E: no route to the mirror'; exit 100");
  const Outcome outcome = sandbox_.Run("scripts/setup");
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.output, AllOf(HasSubstr("E: no route to the mirror"), HasSubstr("libfmt-dev"),
                                    HasSubstr("ASSAY_SKIP_SETUP=1")));
}

TEST_F(SetupTest, IsSkippedOnRequest) {
  sandbox_.FakeDpkgQuery({"libfmt-dev"});
  const Outcome outcome = sandbox_.Run("ASSAY_SKIP_SETUP=1 scripts/setup");
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(sandbox_.Calls(), "");
}

TEST_F(SetupTest, RefusesAnUnknownOption) {
  const Outcome outcome = sandbox_.Run("scripts/setup --everything");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.output, AllOf(HasSubstr("--everything"), HasSubstr("--tests")));
}

// A python3 that "downloads" a wheel and "unpacks" the headers that such a wheel holds.
const char* const kFakePython = R"(
case "$*" in
  *"pip --version"*) ;;
  *"pip download"*)
    while [[ $1 != --dest ]]; do shift; done
    cp "$2/wanted.txt" "$(dirname "$0")/wanted.txt"
    touch "$2/one.whl" ;;
  *zipfile*)
    mkdir -p "$5/include/cudnn_frontend"
    echo new >"$5/include/cudnn_frontend.h"
    echo new >"$5/include/cudnn_frontend/graph.h" ;;
esac)";

TEST_F(SetupTest, FetchesPinnedHeadersWhereThereIsCuda) {
  sandbox_.Write("cuda/bin/nvcc", "", true);
  sandbox_.Fake("python3", kFakePython);
  fs::remove(sandbox_.Root() / ".deps/include/cudnn_frontend.h");
  const Outcome outcome = sandbox_.Run("CUDACXX=$PWD/cuda/bin/nvcc scripts/setup");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_THAT(sandbox_.Calls(), HasSubstr("--require-hashes"));
  EXPECT_TRUE(fs::exists(sandbox_.Root() / ".deps/include/cudnn_frontend.h"));
  EXPECT_TRUE(fs::exists(sandbox_.Root() / ".deps/include/cudnn_frontend/graph.h"));
  EXPECT_TRUE(fs::exists(sandbox_.Root() / ".deps/include/nvtx3/nvtx3.hpp"));
  EXPECT_THAT(sandbox_.Run("cat fakes/wanted.txt").output,
              MatchesRegex("nvidia-cudnn-frontend==[0-9.]+ --hash=sha256:[0-9a-f]+\n"));
}

TEST_F(SetupTest, UsesAFilledDepsFolderAsItIs) {
  sandbox_.Write("cuda/bin/nvcc", "", true);
  sandbox_.Fake("python3", kFakePython);
  const Outcome outcome = sandbox_.Run("CUDACXX=$PWD/cuda/bin/nvcc scripts/setup");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_THAT(sandbox_.Calls(), Not(HasSubstr("python3")));
}

TEST_F(SetupTest, SaysWhichHeadersCouldNotBeFetched) {
  sandbox_.Write("cuda/bin/nvcc", "", true);
  sandbox_.Fake("python3", "case \"$*\" in *download*) echo 'no network'; exit 1 ;; esac");
  fs::remove(sandbox_.Root() / ".deps/include/cudnn_frontend.h");
  const Outcome outcome = sandbox_.Run("CUDACXX=$PWD/cuda/bin/nvcc scripts/setup");
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.output,
              AllOf(HasSubstr("no network"), HasSubstr("nvidia-cudnn-frontend"), HasSubstr(".deps/")));
  EXPECT_FALSE(fs::exists(sandbox_.Root() / ".deps/include/cudnn_frontend.h"));
}

// A program that says how it was called and ends with an exit code of its own.
const char* const kFakeAssay = "#!/bin/bash\necho \"ran: $*\"\nexit 7\n";

TEST_F(ScriptsTest, SweepRunsTheQuickConfigByDefault) {
  sandbox_.Write("build/assay", kFakeAssay, true);
  const Outcome outcome = sandbox_.Run("scripts/sweep --dtype fp16");
  EXPECT_EQ(outcome.exit_code, 7) << "the program's own exit code";
  EXPECT_THAT(outcome.output,
              HasSubstr("ran: run " + sandbox_.Root().string() + "/configs/quick.yaml --dtype fp16\n"));
  EXPECT_THAT(outcome.output, HasSubstr("CUDA not found"));
  EXPECT_THAT(sandbox_.Calls(), HasSubstr("--target assay"));
}

TEST_F(ScriptsTest, SweepTakesAConfigAndOptions) {
  sandbox_.Write("build/assay", kFakeAssay, true);
  const Outcome outcome = sandbox_.Run("scripts/sweep my.yaml --filter 'a b'");
  EXPECT_THAT(outcome.output, HasSubstr("ran: run my.yaml --filter a b\n"));
}

TEST_F(ScriptsTest, SweepOfAProblemNeedsNoConfig) {
  sandbox_.Write("build/assay", kFakeAssay, true);
  EXPECT_THAT(sandbox_.Run("scripts/sweep --problem=n1c2").output, HasSubstr("ran: run --problem=n1c2\n"));
}

TEST_F(ScriptsTest, SweepStopsIfTheBuildFails) {
  sandbox_.Write("build/assay", kFakeAssay, true);
  sandbox_.Fake("cmake", "case \"$*\" in --build*) echo 'error: no'; exit 1 ;; esac");
  const Outcome outcome = sandbox_.Run("scripts/sweep");
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.output, AllOf(HasSubstr("error: no"), Not(HasSubstr("ran:"))));
}

TEST_F(ScriptsTest, SweepLooksForCudaAgainWhereCMakeFoundNone) {
  sandbox_.Write("build/assay", kFakeAssay, true);
  sandbox_.Write("cuda/bin/nvcc", "", true);
  sandbox_.Write("build/CMakeCache.txt", "CMAKE_CUDA_COMPILER:FILEPATH=CMAKE_CUDA_COMPILER-NOTFOUND\n");
  sandbox_.Run("CUDACXX=$PWD/cuda/bin/nvcc scripts/sweep");
  EXPECT_THAT(sandbox_.Calls(), HasSubstr("cmake --preset release --fresh"));
}

TEST_F(ScriptsTest, TestRunsCtestWithThePreset) {
  sandbox_.Fake("ctest", "exit 8");
  const Outcome outcome = sandbox_.Run("scripts/test --preset asan -R config");
  EXPECT_EQ(outcome.exit_code, 8) << "ctest's own exit code";
  EXPECT_THAT(sandbox_.Calls(), MatchesRegex("(.|\n)*ctest --preset asan .*--no-tests=error -R config\n"));
}

TEST_F(ScriptsTest, TestRefusesAnUnknownPreset) {
  const Outcome outcome = sandbox_.Run("scripts/test --preset msan");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.output, AllOf(HasSubstr("msan"), HasSubstr("release, asan")));
}

TEST_F(ScriptsTest, ProfileNcuCollectsOnlyTheMeasuredLaunches) {
  sandbox_.Fake("ncu", "");
  const Outcome outcome =
      sandbox_.Run("scripts/profile_ncu c.yaml dsconv/n1c8/fp16/nhwc/tiled --launch-count 3");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  const std::string root = sandbox_.Root().string();
  EXPECT_THAT(
      sandbox_.Calls(),
      HasSubstr(
          "ncu --clock-control none --profile-from-start off --target-processes all --nvtx --nvtx-include "
          "assay@measure/ --set full --force-overwrite --export " +
          root + "/reports/profile/dsconv-n1c8-fp16-nhwc-tiled --launch-count 3 " + root +
          "/build/assay profile c.yaml --case dsconv/n1c8/fp16/nhwc/tiled\n"));
}

TEST_F(ScriptsTest, ProfileNcuLeavesThePersonsChoiceOfMetricsAlone) {
  sandbox_.Fake("ncu", "");
  sandbox_.Run("scripts/profile_ncu c.yaml case --metrics=gpu__time_duration.sum -o mine");
  EXPECT_THAT(sandbox_.Calls(), AllOf(Not(HasSubstr("--set full")), Not(HasSubstr("--export")),
                                      HasSubstr("--metrics=gpu__time_duration.sum -o mine")));
}

TEST_F(ScriptsTest, ProfileNsysTracesBetweenProfilerStartAndStop) {
  sandbox_.Fake("nsys", "");
  const Outcome outcome = sandbox_.Run("scripts/profile_nsys c.yaml dsconv/n1c8");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  const std::string root = sandbox_.Root().string();
  EXPECT_THAT(
      sandbox_.Calls(),
      HasSubstr("nsys profile --capture-range cudaProfilerApi --capture-range-end stop --trace cuda,nvtx "
                "--force-overwrite true --output " +
                root + "/reports/profile/dsconv-n1c8 " + root +
                "/build/assay profile c.yaml --case dsconv/n1c8\n"));
}

TEST_F(ScriptsTest, ProfilersThatAreMissingAreNamed) {
  if (fs::exists("/usr/local/cuda/bin/ncu") || fs::exists("/opt/nvidia/nsight-compute") ||
      fs::exists("/usr/bin/ncu")) {
    GTEST_SKIP() << "ncu is here";
  }
  const Outcome outcome = sandbox_.Run("scripts/profile_ncu c.yaml case");
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.output, AllOf(HasSubstr("ncu (Nsight Compute)"), HasSubstr("CUDA toolkit")));
  EXPECT_THAT(sandbox_.Calls(), Not(HasSubstr("cmake")))
      << "nothing is built for a profiler that is not there";
}

TEST_F(ScriptsTest, ProfilersNeedACase) {
  for (const char* name : {"scripts/profile_ncu c.yaml", "scripts/profile_nsys"}) {
    const Outcome outcome = sandbox_.Run(name);
    EXPECT_EQ(outcome.exit_code, 2);
    EXPECT_THAT(outcome.output, HasSubstr("CONFIG CASE"));
  }
}

}  // namespace
}  // namespace assay
