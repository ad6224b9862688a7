// Kernels that are wrong in one way each: the judge must say so, with the right step and the right place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <map>

#include "fake_kernel.h"
#include "harness/verify/judge.h"
#include "harness/verify/tensor_io.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

constexpr const char* kProblem = "n2c5k7h6w9r3p1-b-mid.relu6";
constexpr std::int64_t kElements = 2 * 7 * 6 * 9;
constexpr std::int64_t kSome = (7 + 3) * 54 + 2 * 9 + 5;  // n=1 k=3 p=2 q=5

bool IsBoundedLaunch(int launch) { return launch % 2 == 1; }

class JudgeWrong : public ::testing::TestWithParam<assay_layout> {
 protected:
  Judgement JudgeIt(std::size_t cache_bytes = 0) {
    kernel_.launches = 0;
    const auto device = MakeHostDevice(1);
    Judge judge(*device, VerifySettings{}, cache_bytes);
    const auto plan = kernel_.MakePlan(*device);
    return judge.JudgeCase(kernel_.c(), kernel_.variant(), *plan);
  }

  // The failure of a case that must be wrong in this step.
  Failure ExpectWrong(Step step, std::uint64_t seed = 1) {
    const Judgement judgement = JudgeIt();
    EXPECT_EQ(judgement.verdict, Verdict::kWrong);
    for (const StepResult& result : judgement.steps) {
      if (result.step == step) {
        EXPECT_EQ(result.outcome, Outcome::kFailed) << result.detail;
        EXPECT_EQ(result.detail, judgement.reason);
      } else {
        EXPECT_NE(result.outcome, Outcome::kFailed) << result.detail;
      }
    }
    if (!judgement.failure) {
      ADD_FAILURE() << "no failure is described";
      return {};
    }
    EXPECT_EQ(judgement.failure->step, step);
    EXPECT_EQ(judgement.failure->seed, seed);
    EXPECT_EQ(judgement.failure->detail, judgement.reason);
    return *judgement.failure;
  }

  // Of an element of the output, in bytes.
  std::int64_t DeviceOffset(std::int64_t index) const {
    return 2 * DeviceIndex(kernel_.y(), kernel_.c().layout, index);
  }

  FakeKernel kernel_{kProblem, ASSAY_F16, GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Layouts, JudgeWrong, ::testing::Values(ASSAY_NCHW, ASSAY_NHWC),
                         [](const auto& tested) { return std::string(LayoutName(tested.param)); });

TEST_P(JudgeWrong, EmptyKernel) {
  kernel_.instead = [](int, const assay_buffers&) { return true; };
  const Failure failure = ExpectWrong(Step::kExact);
  EXPECT_EQ(failure.count, kElements);
  EXPECT_EQ(failure.total, kElements);
  EXPECT_EQ(failure.coordinates, "n=0 k=0 p=0 q=0");
  EXPECT_THAT(failure.detail, HasSubstr("756 of 756 elements of y are wrong (756 of them never written)"));
}

TEST_P(JudgeWrong, Zeros) {
  kernel_.instead = [this](int, const assay_buffers& buffers) {
    std::memset(kernel_.Output(buffers), 0, kernel_.OutputBytes());
    return true;
  };
  EXPECT_EQ(ExpectWrong(Step::kExact).got, 0);
}

TEST_P(JudgeWrong, OneNaN) {
  kernel_.after = [this](int launch, const assay_buffers& buffers) {
    if (IsBoundedLaunch(launch)) kernel_.Set(buffers, kSome, std::numeric_limits<float>::quiet_NaN());
  };
  const Failure failure = ExpectWrong(Step::kBounded);
  EXPECT_EQ(failure.count, 1);
  EXPECT_EQ(failure.tensor, "y");
  EXPECT_EQ(failure.coordinates, "n=1 k=3 p=2 q=5");
  EXPECT_TRUE(std::isnan(failure.got));
  EXPECT_THAT(failure.detail, HasSubstr("got nan"));
}

TEST_P(JudgeWrong, OneElementNeverWritten) {
  kernel_.after = [this](int, const assay_buffers& buffers) {
    const std::int64_t at = DeviceOffset(kSome);
    std::memset(kernel_.Output(buffers) + at, 0xFF, 2);
  };
  const Failure failure = ExpectWrong(Step::kExact);
  EXPECT_EQ(failure.coordinates, "n=1 k=3 p=2 q=5");
  EXPECT_THAT(failure.detail,
              HasSubstr("1 of 756 elements of y is wrong (1 of them never written), first at "));
  EXPECT_THAT(failure.detail, HasSubstr(", never written"));
}

TEST_P(JudgeWrong, OneElementOffByItsLastBit) {
  kernel_.after = [this](int launch, const assay_buffers& buffers) {
    if (IsBoundedLaunch(launch)) return;
    kernel_.Output(buffers)[DeviceOffset(kSome)] ^= std::byte{1};
  };
  const Failure failure = ExpectWrong(Step::kExact);
  EXPECT_EQ(failure.count, 1);
  EXPECT_EQ(failure.coordinates, "n=1 k=3 p=2 q=5");
  EXPECT_NE(failure.got, failure.expected);
}

// The bound itself, from both sides.
TEST_P(JudgeWrong, OneElementJustBeyondItsBoundAndNotJustWithin) {
  float value = std::numeric_limits<float>::infinity();
  kernel_.after = [&](int launch, const assay_buffers& buffers) {
    if (launch == 1) kernel_.Set(buffers, kSome, value);
  };
  const Failure measured = ExpectWrong(Step::kBounded);
  ASSERT_GT(measured.bound, 0);
  ASSERT_NE(measured.expected, 0);
  const double u = UnitRoundoff(ASSAY_F16);
  // The step to the next fp16 number, which the value is rounded by.
  const double step = 2 * u * (std::fabs(measured.expected) + measured.bound);
  value = static_cast<float>(measured.expected + measured.bound - step);
  EXPECT_EQ(JudgeIt().verdict, Verdict::kRight);
  value = static_cast<float>(measured.expected + measured.bound + step);
  const Failure beyond = ExpectWrong(Step::kBounded);
  EXPECT_EQ(beyond.coordinates, "n=1 k=3 p=2 q=5");
  EXPECT_GT(std::fabs(beyond.got - beyond.expected), beyond.bound);
  EXPECT_THAT(beyond.detail, HasSubstr("is allowed"));
}

TEST_P(JudgeWrong, OnlyTheFirstImageWritten) {
  kernel_.after = [this](int, const assay_buffers& buffers) {
    std::memset(kernel_.Output(buffers) + kernel_.OutputBytes() / 2, 0xFF, kernel_.OutputBytes() / 2);
  };
  const Failure failure = ExpectWrong(Step::kExact);
  EXPECT_EQ(failure.coordinates, "n=1 k=0 p=0 q=0");
  EXPECT_EQ(failure.count, kElements / 2);
}

TEST_P(JudgeWrong, LastElementLeftOut) {
  kernel_.after = [this](int, const assay_buffers& buffers) {
    std::memset(kernel_.Output(buffers) + kernel_.OutputBytes() - 2, 0xFF, 2);
  };
  EXPECT_EQ(ExpectWrong(Step::kExact).coordinates, "n=1 k=6 p=5 q=8");
}

TEST_P(JudgeWrong, WritesOneElementPastTheEnd) {
  kernel_.after = [this](int, const assay_buffers& buffers) {
    std::memset(kernel_.Output(buffers) + kernel_.OutputBytes(), 0, 2);
  };
  EXPECT_THAT(
      ExpectWrong(Step::kMemory).detail,
      HasSubstr(
          "step memory, seed 1: output y of 1512 bytes was written out of bounds: 2 guard bytes changed, "
          "the first 0 bytes (0 elements) behind its end"));
}

TEST_P(JudgeWrong, WritesOneElementBeforeTheStart) {
  kernel_.after = [this](int, const assay_buffers& buffers) {
    std::memset(kernel_.Output(buffers) - 2, 0, 2);
  };
  EXPECT_THAT(ExpectWrong(Step::kMemory).detail,
              HasSubstr("the first 2 bytes (1 elements) before its start"));
}

TEST_P(JudgeWrong, WritesPastItsWorkspace) {
  kernel_.workspace_bytes = 10;
  kernel_.after = [](int, const assay_buffers& buffers) { static_cast<char*>(buffers.workspace)[10] = 0; };
  EXPECT_THAT(ExpectWrong(Step::kMemory).detail,
              HasSubstr("the workspace of 10 bytes was written out of bounds"));
}

TEST_P(JudgeWrong, OverwritesAnInput) {
  kernel_.after = [](int, const assay_buffers& buffers) {
    const_cast<std::byte*>(static_cast<const std::byte*>(buffers.inputs[0]))[100] ^= std::byte{1};
  };
  EXPECT_THAT(ExpectWrong(Step::kMemory).detail, HasSubstr("input x was changed"));
}

TEST_P(JudgeWrong, OverwritesAWeightInPrepare) {
  kernel_.prepare = [](const assay_buffers& buffers) {
    const_cast<std::byte*>(static_cast<const std::byte*>(buffers.inputs[3]))[0] ^= std::byte{1};
  };
  // The right kernel then computes with the wrong weight: values and memory are both at fault.
  const Judgement judgement = JudgeIt();
  EXPECT_EQ(judgement.verdict, Verdict::kWrong);
  for (const StepResult& result : judgement.steps) {
    if (result.step == Step::kMemory) {
      EXPECT_THAT(result.detail, HasSubstr("input w_pw was changed"));
    }
  }
}

TEST_P(JudgeWrong, MemoryFaultOfALaterSeed) {
  kernel_.after = [this](int launch, const assay_buffers& buffers) {
    if (launch == 3) std::memset(kernel_.Output(buffers) + kernel_.OutputBytes(), 0, 1);
  };
  ExpectWrong(Step::kMemory, 2);
}

TEST_P(JudgeWrong, ReplaysItsFirstResult) {
  std::vector<std::byte> first;
  kernel_.after = [&](int launch, const assay_buffers& buffers) {
    if (launch == 0) first.assign(kernel_.Output(buffers), kernel_.Output(buffers) + kernel_.OutputBytes());
    std::memcpy(kernel_.Output(buffers), first.data(), first.size());
  };
  ExpectWrong(Step::kBounded);
}

TEST_P(JudgeWrong, ReplaysTheResultOfTheSeedBefore) {
  std::map<bool, std::vector<std::byte>> last;
  kernel_.after = [&](int launch, const assay_buffers& buffers) {
    std::vector<std::byte>& kept = last[IsBoundedLaunch(launch)];
    if (kept.empty()) kept.assign(kernel_.Output(buffers), kernel_.Output(buffers) + kernel_.OutputBytes());
    std::memcpy(kernel_.Output(buffers), kept.data(), kept.size());
  };
  ExpectWrong(Step::kExact, 2);
}

TEST_P(JudgeWrong, RightOnlyAtTheFirstCalls) {
  kernel_.after = [this](int launch, const assay_buffers& buffers) {
    if (launch >= 5) kernel_.Set(buffers, kSome, 2 * kernel_.Get(buffers, kSome) + 100);
  };
  EXPECT_EQ(ExpectWrong(Step::kBounded, 3).coordinates, "n=1 k=3 p=2 q=5");
}

TEST_P(JudgeWrong, RightForIntegersOnly) {
  // As a kernel whose depthwise result is truncated: exact inputs cannot show it.
  kernel_.after = [this](int, const assay_buffers& buffers) {
    for (std::int64_t i = 0; i < kElements; ++i) kernel_.Set(buffers, i, std::trunc(kernel_.Get(buffers, i)));
  };
  ExpectWrong(Step::kBounded);
}

TEST_P(JudgeWrong, DoesItsWorkInPrepare) {
  kernel_.prepare = [this](const assay_buffers& buffers) { kernel_.Compute(buffers); };
  kernel_.instead = [](int, const assay_buffers&) { return true; };
  EXPECT_THAT(ExpectWrong(Step::kExact).detail, HasSubstr("(756 of them never written)"));
}

TEST_P(JudgeWrong, KeepsThePreparedResultInItsWorkspace) {
  kernel_.workspace_bytes = kernel_.OutputBytes();
  kernel_.prepare = [this](const assay_buffers& buffers) {
    kernel_.Compute(buffers);
    std::memcpy(buffers.workspace, buffers.outputs[0], kernel_.OutputBytes());
  };
  kernel_.instead = [this](int, const assay_buffers& buffers) {
    std::memcpy(buffers.outputs[0], buffers.workspace, kernel_.OutputBytes());
    return true;
  };
  ExpectWrong(Step::kExact);
}

TEST_P(JudgeWrong, SwapsTwoChannels) {
  kernel_.after = [this](int, const assay_buffers& buffers) {
    for (std::int64_t pixel = 0; pixel < 54; ++pixel) {
      const float one = kernel_.Get(buffers, 54 + pixel), two = kernel_.Get(buffers, 2 * 54 + pixel);
      kernel_.Set(buffers, 54 + pixel, two);
      kernel_.Set(buffers, 2 * 54 + pixel, one);
    }
  };
  EXPECT_THAT(ExpectWrong(Step::kExact).coordinates, HasSubstr("n=0 k=1 "));
}

TEST_P(JudgeWrong, IsFoundWithoutRoomForAReference) {
  kernel_.after = [this](int launch, const assay_buffers& buffers) {
    kernel_.Set(buffers, kSome, kernel_.Get(buffers, kSome) + (IsBoundedLaunch(launch) ? 50.0F : 0.0F));
  };
  const Judgement stored = JudgeIt();
  const Judgement streamed = JudgeIt(1);
  ASSERT_TRUE(stored.failure && streamed.failure);
  EXPECT_EQ(streamed.verdict, Verdict::kWrong);
  EXPECT_EQ(streamed.failure->coordinates, "n=1 k=3 p=2 q=5");
  EXPECT_EQ(streamed.failure->expected, stored.failure->expected);
  EXPECT_EQ(streamed.failure->got, stored.failure->got);
  EXPECT_NEAR(streamed.failure->bound, stored.failure->bound, 1e-6 * stored.failure->bound);
}

TEST_P(JudgeWrong, EndsAtTheFirstFaultAndSaysHowFarItCame) {
  kernel_.after = [this](int launch, const assay_buffers& buffers) {
    if (launch == 2) kernel_.Set(buffers, 0, kernel_.Get(buffers, 0) + 1);
  };
  const Judgement judgement = JudgeIt();
  EXPECT_EQ(kernel_.launches, 3);
  ASSERT_EQ(judgement.steps.size(), 7u);
  EXPECT_EQ(judgement.steps[1].outcome, Outcome::kNotRun);
  EXPECT_EQ(judgement.steps[1].detail, "stopped after 1 seed without fault: step exact failed");
  EXPECT_EQ(judgement.steps[2].detail, "not run: step exact failed");
  EXPECT_EQ(judgement.steps[4].step, Step::kMemory);
  EXPECT_EQ(judgement.steps[4].outcome, Outcome::kNotRun);
  EXPECT_EQ(judgement.steps[4].detail, "stopped after 3 launches without fault: step exact failed");
}

}  // namespace
}  // namespace assay
