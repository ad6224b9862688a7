// What the judge does when a launch, the device or its memory fails.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_device.h"
#include "fake_kernel.h"
#include "harness/verify/judge.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

class JudgeFailure : public ::testing::Test {
 protected:
  Judgement JudgeIt() {
    Judge judge(device_, VerifySettings{});
    const auto plan = kernel_.MakePlan(device_);
    return judge.JudgeCase(kernel_.c(), kernel_.variant(), *plan);
  }

  FakeDevice device_;
  FakeKernel kernel_{"n2c5k7h6w9r3p1"};
};

TEST_F(JudgeFailure, IsRightWithoutFaults) { EXPECT_EQ(JudgeIt().verdict, Verdict::kRight); }

TEST_F(JudgeFailure, ARefusedLaunchFailsTheCase) {
  kernel_.launch_error = "too much shared memory";
  const Judgement judgement = JudgeIt();
  EXPECT_EQ(judgement.verdict, Verdict::kFailed);
  EXPECT_EQ(judgement.reason, "launch of fake failed: too much shared memory");
  EXPECT_FALSE(judgement.failure);
  EXPECT_EQ(kernel_.launches, 1);
  ASSERT_EQ(judgement.steps.size(), 7u);
  EXPECT_EQ(judgement.steps[0].outcome, Outcome::kFailed);
  EXPECT_EQ(judgement.steps[1].outcome, Outcome::kNotRun);
  EXPECT_EQ(judgement.steps[2].outcome, Outcome::kNotRun);
}

TEST_F(JudgeFailure, ALaterLaunchIsHeldAgainstItsStep) {
  kernel_.after = [this](int launch, const assay_buffers&) {
    if (launch == 0) kernel_.launch_error = "only once";
  };
  const Judgement judgement = JudgeIt();
  EXPECT_EQ(judgement.verdict, Verdict::kFailed);
  EXPECT_EQ(judgement.steps[0].outcome, Outcome::kNotRun);
  EXPECT_EQ(judgement.steps[0].detail, "stopped after 1 seed without fault: a launch failed");
  EXPECT_EQ(judgement.steps[1].outcome, Outcome::kFailed);
}

TEST_F(JudgeFailure, PassesOnWhatTheDeviceKnowsOfAFault) {
  kernel_.launch_error = "unspecified launch failure";
  device_.last_fault = [] { return "block (3,0,0): divergent barrier\nlane 0 waits at tiled.cu:12"; };
  const Judgement judgement = JudgeIt();
  EXPECT_EQ(judgement.reason,
            "launch of fake failed: unspecified launch failure: block (3,0,0): divergent barrier");
  EXPECT_THAT(judgement.steps[0].detail, HasSubstr("lane 0 waits at tiled.cu:12"));
}

TEST_F(JudgeFailure, AFaultThatTheVariantHidesIsFound) {
  device_.last_fault = [this] { return kernel_.launches == 2 ? "block (0,0,0): deadlock" : ""; };
  const Judgement judgement = JudgeIt();
  EXPECT_EQ(judgement.verdict, Verdict::kFailed);
  EXPECT_EQ(judgement.reason,
            "a kernel of fake ended in a fault that its launch did not report: block (0,0,0): deadlock");
  EXPECT_EQ(judgement.steps[1].outcome, Outcome::kFailed);
}

TEST_F(JudgeFailure, AnErrorOfAsynchronousWorkFailsTheCase) {
  device_.on_synchronize = [this] {
    if (kernel_.launches == 1) throw MakeError("cudaErrorLaunchOutOfResources", false);
  };
  const Judgement judgement = JudgeIt();
  EXPECT_EQ(judgement.verdict, Verdict::kFailed);
  EXPECT_THAT(judgement.reason, HasSubstr("cudaErrorLaunchOutOfResources"));
}

TEST_F(JudgeFailure, APoisonedDeviceIsThrown) {
  device_.on_synchronize = [this] {
    if (kernel_.launches == 1) throw MakeError("cudaErrorIllegalAddress", true);
  };
  try {
    JudgeIt();
    FAIL() << "the device is lost and the judge goes on";
  } catch (const DeviceError& error) {
    EXPECT_TRUE(error.sticky);
    EXPECT_THAT(error.what(), HasSubstr("cudaErrorIllegalAddress"));
  }
}

TEST_F(JudgeFailure, ALaunchErrorThatPoisonedTheDeviceIsThrownWithBothTexts) {
  kernel_.launch_error = "it crashed";
  device_.on_synchronize = [this] {
    if (kernel_.launches == 1) throw MakeError("cudaErrorIllegalAddress", true);
  };
  try {
    JudgeIt();
    FAIL() << "the device is lost and the judge goes on";
  } catch (const DeviceError& error) {
    EXPECT_TRUE(error.sticky);
    EXPECT_THAT(error.what(), HasSubstr("launch of fake failed: it crashed; cudaErrorIllegalAddress"));
  }
}

TEST_F(JudgeFailure, SaysWhatDoesNotFitIntoMemory) {
  kernel_.workspace_bytes = std::uint64_t{3} << 30;
  device_.free_bytes = std::size_t{1} << 30;
  const Judgement judgement = JudgeIt();
  EXPECT_EQ(judgement.verdict, Verdict::kFailed);
  EXPECT_EQ(judgement.reason,
            "it needs 3 GiB of device memory (x 2.11 KiB, w_dw 180 bytes, w_pw 140 bytes, y 2.95 KiB, "
            "workspace 3 GiB), "
            "1 GiB are free");
  EXPECT_EQ(kernel_.launches, 0);
  ASSERT_EQ(judgement.steps.size(), 7u);
  for (const StepResult& result : judgement.steps) EXPECT_EQ(result.outcome, Outcome::kNotRun);
}

TEST_F(JudgeFailure, AnAllocationThatFailsFailsTheCase) {
  device_.on_allocate = [] { throw MakeError("cudaErrorMemoryAllocation: out of memory", false); };
  const Judgement judgement = JudgeIt();
  EXPECT_EQ(judgement.verdict, Verdict::kFailed);
  EXPECT_THAT(judgement.reason, HasSubstr("it needs "));
  EXPECT_THAT(judgement.reason, HasSubstr("cudaErrorMemoryAllocation: out of memory"));
}

TEST_F(JudgeFailure, TooLittleHostMemoryFailsTheCase) {
  device_.on_allocate = [] { throw std::bad_alloc(); };
  const Judgement judgement = JudgeIt();
  EXPECT_EQ(judgement.verdict, Verdict::kFailed);
  EXPECT_THAT(judgement.reason, HasSubstr("more host memory than there is"));
}

TEST_F(JudgeFailure, TheNextCaseIsJudgedAsIfNothingHadHappened) {
  Judge judge(device_, VerifySettings{});
  const auto plan = kernel_.MakePlan(device_);
  kernel_.launch_error = "not yet";
  EXPECT_EQ(judge.JudgeCase(kernel_.c(), kernel_.variant(), *plan).verdict, Verdict::kFailed);
  kernel_.launch_error.clear();
  EXPECT_EQ(judge.JudgeCase(kernel_.c(), kernel_.variant(), *plan).verdict, Verdict::kRight);
}

}  // namespace
}  // namespace assay
