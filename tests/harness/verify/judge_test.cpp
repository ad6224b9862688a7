// What the judge says of kernels that are right, and of what it cannot hold against them.
#include "harness/verify/judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "fake_kernel.h"
#include "harness/device/case_buffers.h"
#include "harness/device/spikes.h"
#include "harness/simt/simt.h"
#include "harness/verify/reference_cache.h"
#include "harness/verify/tensor_io.h"
#include "reference/dtype.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kProblem = "n2c5k7h6w9r3p1-b-mid.relu6";

std::vector<Step> StepsOf(const Judgement& judgement) {
  std::vector<Step> steps;
  for (const StepResult& result : judgement.steps) steps.push_back(result.step);
  return steps;
}

StepResult ResultOf(const Judgement& judgement, Step step) {
  for (const StepResult& result : judgement.steps) {
    if (result.step == step) return result;
  }
  return {step, Outcome::kNotRun, "not reported"};
}

Judgement JudgeOnce(FakeKernel& kernel, std::size_t cache_bytes = 0, const VerifySettings& settings = {}) {
  const auto device = MakeHostDevice(1);
  Judge judge(*device, settings, cache_bytes);
  const auto plan = kernel.MakePlan(*device);
  return judge.JudgeCase(kernel.c(), kernel.variant(), *plan);
}

struct Order {
  assay_dtype dtype;
  assay_layout layout;
};

class JudgeRight : public ::testing::TestWithParam<Order> {};

TEST_P(JudgeRight, PassesEveryStep) {
  for (const char* problem : {kProblem, "n1c1k1h1w1r1", "n3c64k70h5w5r3s1p1x0st2d1-bpw-out.relu"}) {
    FakeKernel kernel(problem, GetParam().dtype, GetParam().layout);
    const Judgement judgement = JudgeOnce(kernel);
    EXPECT_EQ(judgement.verdict, Verdict::kRight) << judgement.reason;
    EXPECT_EQ(judgement.reason, "");
    EXPECT_FALSE(judgement.failure);
    EXPECT_THAT(StepsOf(judgement),
                ElementsAre(Step::kExact, Step::kBounded, Step::kPrecision, Step::kSpecialValues,
                            Step::kMemory, Step::kOrder, Step::kAfterTiming));
    for (Step step : {Step::kExact, Step::kBounded, Step::kPrecision, Step::kSpecialValues, Step::kMemory,
                      Step::kOrder}) {
      EXPECT_EQ(ResultOf(judgement, step).outcome, Outcome::kPassed) << ResultOf(judgement, step).detail;
    }
    EXPECT_EQ(ResultOf(judgement, Step::kAfterTiming).outcome, Outcome::kNotRun);
    EXPECT_LE(judgement.max_error_share, 1);
    EXPECT_GE(kernel.launches, 6 + 4 + 2 + 4) << "three seeds of two steps, and the probes";
  }
}

TEST_P(JudgeRight, PassesWithoutRoomForAReference) {
  FakeKernel kernel(kProblem, GetParam().dtype, GetParam().layout);
  const Judgement judgement = JudgeOnce(kernel, 1);
  EXPECT_EQ(judgement.verdict, Verdict::kRight) << judgement.reason;
  EXPECT_GT(judgement.max_error_share, 0);
}

INSTANTIATE_TEST_SUITE_P(Orders, JudgeRight,
                         ::testing::Values(Order{ASSAY_F32, ASSAY_NCHW}, Order{ASSAY_F32, ASSAY_NHWC},
                                           Order{ASSAY_F16, ASSAY_NCHW}, Order{ASSAY_F16, ASSAY_NHWC},
                                           Order{ASSAY_BF16, ASSAY_NCHW}, Order{ASSAY_BF16, ASSAY_NHWC}),
                         [](const auto& tested) {
                           return std::string(DTypeName(tested.param.dtype)) + "_" +
                                  std::string(LayoutName(tested.param.layout));
                         });

TEST(JudgeRightInWords, SaysWhatWasChecked) {
  FakeKernel kernel(kProblem);
  const Judgement judgement = JudgeOnce(kernel);
  EXPECT_EQ(ResultOf(judgement, Step::kExact).detail,
            "3 seeds: 756 elements of y equal to the reference bit for bit");
  EXPECT_THAT(ResultOf(judgement, Step::kBounded).detail,
              HasSubstr("3 seeds: 756 elements of y within the bound, the largest error is 0."));
  EXPECT_EQ(ResultOf(judgement, Step::kMemory).detail, "21 launches: guard zones intact, inputs unchanged");
  EXPECT_THAT(ResultOf(judgement, Step::kPrecision).detail,
              HasSubstr("5 launches of integers as wide as the promised formats: 756 elements of y equal"));
  EXPECT_THAT(ResultOf(judgement, Step::kSpecialValues).detail, HasSubstr("3 launches with NaN, infinities"));
  EXPECT_EQ(ResultOf(judgement, Step::kAfterTiming).detail, "not timed");
}

TEST(JudgeExact, IsNotHeldWhereNoInputsAreExact) {
  FakeKernel kernel("n1c4k3h5w5r3p1-mid.silu");
  const Judgement judgement = JudgeOnce(kernel);
  EXPECT_EQ(judgement.verdict, Verdict::kRight) << judgement.reason;
  EXPECT_EQ(ResultOf(judgement, Step::kExact).outcome, Outcome::kNotApplicable);
  EXPECT_THAT(ResultOf(judgement, Step::kExact).detail, HasSubstr("act_mid = silu"));
  EXPECT_EQ(ResultOf(judgement, Step::kBounded).outcome, Outcome::kPassed);
}

TEST(JudgeSeeds, DrawsFreshInputsBehindTheSamePointers) {
  FakeKernel kernel(kProblem);
  std::vector<const void*> pointers;
  std::vector<TensorVector<float>> inputs;
  kernel.after = [&](int, const assay_buffers& buffers) {
    pointers.push_back(buffers.inputs[0]);
    const auto* x = static_cast<const float*>(buffers.inputs[0]);
    inputs.emplace_back(x, x + 540);
  };
  VerifySettings settings;
  settings.seeds = 2;
  settings.first_seed = 40;
  EXPECT_EQ(JudgeOnce(kernel, 0, settings).verdict, Verdict::kRight);
  ASSERT_GE(inputs.size(), 4u);
  for (std::size_t i = 1; i < 4; ++i) {
    EXPECT_EQ(pointers[i], pointers[0]);
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(inputs[i], inputs[j]);
  }
}

TEST(JudgeSeeds, ThrowsIfThereIsNone) {
  const auto device = MakeHostDevice(1);
  VerifySettings settings;
  settings.seeds = 0;
  EXPECT_THROW(Judge(*device, settings, 0), std::invalid_argument);
}

TEST(JudgePrepare, ComesBeforeEveryLaunchWithPoisonedWorkspace) {
  FakeKernel kernel(kProblem);
  kernel.workspace_bytes = 8;
  int prepared = 0;
  std::vector<int> prepared_before_launch;
  kernel.prepare = [&](const assay_buffers& buffers) {
    ++prepared;
    const auto* workspace = static_cast<const unsigned char*>(buffers.workspace);
    for (int i = 0; i < 8; ++i) EXPECT_EQ(workspace[i], 0xFF);
    static_cast<unsigned char*>(buffers.workspace)[0] = 1;
  };
  kernel.after = [&](int, const assay_buffers& buffers) {
    prepared_before_launch.push_back(prepared);
    EXPECT_EQ(static_cast<const unsigned char*>(buffers.workspace)[0], 1)
        << "prepared data must reach the launch";
  };
  EXPECT_EQ(JudgeOnce(kernel).verdict, Verdict::kRight);
  prepared_before_launch.resize(6);
  EXPECT_THAT(prepared_before_launch, ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(JudgePrepare, SeesTheWeightsAndNoActivations) {
  FakeKernel kernel(kProblem);
  kernel.prepare = [&](const assay_buffers& buffers) {
    for (int i = 0; i < 540; ++i) EXPECT_TRUE(std::isnan(static_cast<const float*>(buffers.inputs[0])[i]));
    for (int i = 0; i < 45; ++i) EXPECT_FALSE(std::isnan(static_cast<const float*>(buffers.inputs[1])[i]));
  };
  EXPECT_EQ(JudgeOnce(kernel).verdict, Verdict::kRight);
}

TEST(JudgeLaneOrder, TakesAnotherOrderForEachSeed) {
  FakeKernel kernel(kProblem);
  std::vector<simt::LaneOrder> orders;
  kernel.after = [&](int, const assay_buffers&) { orders.push_back(simt::GetOptions().order); };
  JudgeOnce(kernel);
  orders.resize(6);  // those of the steps for each seed
  using enum simt::LaneOrder;
  EXPECT_THAT(orders, ElementsAre(kForward, kForward, kReversed, kReversed, kShuffled, kShuffled));
  EXPECT_EQ(simt::GetOptions().order, kForward) << "later launches must not inherit an order";
}

class JudgeAfterTimingTest : public ::testing::Test {
 protected:
  JudgeAfterTimingTest() { judgement_ = judge_.JudgeCase(kernel_.c(), kernel_.variant(), *plan_); }

  // The output of a launch on random inputs with spikes put into them in device memory, as timing does.
  TensorVector<std::byte> OutputOf(const TimedInputs& inputs) {
    const Case& c = kernel_.c();
    const std::vector<TensorSpec> specs = c.problem.op->Inputs(c.problem);
    const auto values = FillInputs(c.problem, c.dtype, FillKind::kRandom, inputs.seed);
    TensorBits bits;
    for (std::size_t t = 0; t < specs.size(); ++t)
      bits.push_back(ToDeviceBits(specs[t], values[t], c.dtype, c.layout));
    Spikes spikes(*device_);
    spikes.Put(bits[0].data(), bits[0].size(), c.dtype, SpikeSeed(inputs.spikes, 0));
    CaseBuffers buffers(*device_, c.problem, c.dtype, 0);
    buffers.UploadInputs(bits);
    plan_->Launch(buffers.Pointers(), nullptr);
    return buffers.DownloadOutput(0);
  }
  void JudgeTimed(const TimedInputs& inputs, const TensorVector<std::byte>& bits) {
    judge_.JudgeAfterTiming(kernel_.c(), kernel_.variant(), inputs, {&bits, 1}, judgement_);
  }

  std::unique_ptr<Device> device_ = MakeHostDevice(1);
  Judge judge_{*device_, VerifySettings{}};
  FakeKernel kernel_{kProblem, ASSAY_F16, ASSAY_NHWC};
  std::unique_ptr<Plan> plan_ = kernel_.MakePlan(*device_);
  Judgement judgement_;
};

TEST_F(JudgeAfterTimingTest, PassesARightOutput) {
  JudgeTimed({2, 7}, OutputOf({2, 7}));
  EXPECT_EQ(judgement_.verdict, Verdict::kRight);
  EXPECT_THAT(StepsOf(judgement_),
              ElementsAre(Step::kExact, Step::kBounded, Step::kPrecision, Step::kSpecialValues, Step::kMemory,
                          Step::kOrder, Step::kAfterTiming));
  EXPECT_EQ(ResultOf(judgement_, Step::kAfterTiming).outcome, Outcome::kPassed);
  EXPECT_THAT(ResultOf(judgement_, Step::kAfterTiming).detail,
              HasSubstr("seed 2 with spikes: 756 elements of y within the bound"));
}

TEST_F(JudgeAfterTimingTest, TurnsTheVerdictOnAnOutputOfOtherInputs) {
  JudgeTimed({2, 7}, OutputOf({1, 7}));
  EXPECT_EQ(judgement_.verdict, Verdict::kWrong);
  ASSERT_TRUE(judgement_.failure);
  EXPECT_EQ(judgement_.failure->step, Step::kAfterTiming);
  EXPECT_EQ(judgement_.failure->seed, 2u);
  EXPECT_THAT(judgement_.reason, HasSubstr("step after timing, seed 2: "));
  EXPECT_EQ(ResultOf(judgement_, Step::kAfterTiming).outcome, Outcome::kFailed);
}

TEST_F(JudgeAfterTimingTest, TurnsTheVerdictOnAResultKeptFromBeforeTheSpikes) {
  JudgeTimed({2, 7}, OutputOf({2, 8}));
  EXPECT_EQ(judgement_.verdict, Verdict::kWrong);
}

TEST_F(JudgeAfterTimingTest, SeesThatNothingWasWritten) {
  const TensorVector<std::byte> poison(kernel_.OutputBytes(), std::byte{0xFF});
  JudgeTimed({3, 7}, poison);
  EXPECT_THAT(judgement_.reason, HasSubstr("756 of 756 elements of y are wrong (756 of them never written)"));
}

TEST_F(JudgeAfterTimingTest, ALaterRightOutputDoesNotUndoAWrongOne) {
  JudgeTimed({2, 7}, OutputOf({1, 7}));
  JudgeTimed({2, 7}, OutputOf({2, 7}));
  EXPECT_EQ(judgement_.verdict, Verdict::kWrong);
  EXPECT_EQ(ResultOf(judgement_, Step::kAfterTiming).outcome, Outcome::kFailed);
}

}  // namespace
}  // namespace assay
