// What step special values says of kernels that lose NaN, infinities or subnormal numbers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "fake_kernel.h"
#include "harness/verify/judge.h"
#include "reference/dtype.h"

namespace assay {
namespace {

using dsconv::Activation;

Judgement JudgeIt(FakeKernel& kernel) {
  const auto device = MakeHostDevice(1);
  Judge judge(*device, VerifySettings{});
  const auto plan = kernel.MakePlan(*device);
  return judge.JudgeCase(kernel.c(), kernel.variant(), *plan);
}

void ExpectFails(FakeKernel& kernel, const std::string& what) {
  const Judgement judgement = JudgeIt(kernel);
  EXPECT_EQ(judgement.verdict, Verdict::kWrong) << what;
  ASSERT_TRUE(judgement.failure) << what;
  EXPECT_EQ(judgement.failure->step, Step::kSpecialValues) << what << ": " << judgement.reason;
}

// From one pixel, where each seed has one special value, to an image with room for all of them.
constexpr const char* kProblems[] = {"n1c1k1h1w1r1", "n1c5k4h3w3r3p1", "n2c5k4h16w16r3p1",
                                     "n1c2k3h2w2r3p4-b"};

TEST(SpecialValues, NaNDroppedByRelu) {
  for (const char* start : kProblems) {
    for (const char* end : {"-mid.relu", "-out.relu", "-mid.relu6", "-out.relu6"}) {
      FakeKernel kernel(std::string(start) + end);
      kernel.activate = [](Activation activation, float z) {
        const bool clips = activation == Activation::kRelu || activation == Activation::kRelu6;
        return clips && std::isnan(z) ? 0.0F : static_cast<float>(dsconv::Activate(activation, z));
      };
      const Judgement judgement = JudgeIt(kernel);
      EXPECT_EQ(judgement.verdict, Verdict::kWrong) << start << end;
    }
  }
}

TEST(SpecialValues, InfinityTakenForTheLargestNumber) {
  for (const char* problem : kProblems) {
    FakeKernel kernel(problem, ASSAY_BF16);
    kernel.load = [](float x) { return std::isinf(x) ? std::copysign(3.0F, x) : x; };
    ExpectFails(kernel, problem);
  }
}

TEST(SpecialValues, SubnormalNumbersFlushed) {
  for (assay_dtype dtype : {ASSAY_F32, ASSAY_F16, ASSAY_BF16}) {
    for (const char* end : {"", "-mid.relu6", "-mid.silu", "-out.hardswish"}) {
      FakeKernel kernel(std::string("n2c5k4h6w5r3p1") + end, dtype);
      const float smallest_normal = dtype == ASSAY_F16 ? 0x1p-14F : 0x1p-126F;
      kernel.load = [=](float x) { return std::fabs(x) < smallest_normal ? 0.0F : x; };
      ExpectFails(kernel, end);
    }
  }
}

TEST(SpecialValues, NaNLeakingIntoANeighbour) {
  FakeKernel kernel("n1c3k2h16w16r3p1", ASSAY_F16, ASSAY_NHWC);
  kernel.after = [&](int, const assay_buffers& buffers) {
    for (std::int64_t i = 0; i + 1 < kernel.y().Count(); ++i) {
      if (!std::isnan(kernel.Get(buffers, i)) || std::isnan(kernel.Get(buffers, i + 1))) continue;
      kernel.Set(buffers, i + 1, std::nanf(""));
      return;
    }
  };
  ExpectFails(kernel, "a neighbour");
}

TEST(SpecialValues, AnOutputNeverWrittenWhereNaNIsRight) {
  FakeKernel kernel("n1c3k2h16w16r3p1");
  std::vector<std::byte> before;
  kernel.instead = [&](int, const assay_buffers& buffers) {
    before.assign(kernel.Output(buffers), kernel.Output(buffers) + kernel.OutputBytes());
    return false;
  };
  kernel.after = [&](int, const assay_buffers& buffers) {
    for (std::int64_t i = 0; i < kernel.y().Count(); ++i) {
      if (!std::isnan(kernel.Get(buffers, i))) continue;
      std::memcpy(kernel.Output(buffers) + 4 * i, before.data() + 4 * i, 4);
    }
  };
  ExpectFails(kernel, "never written");
}

// What IEEE arithmetic leaves open for the definition: 0 and NaN are both right.
TEST(SpecialValues, EitherActivationOfMinusInfinity) {
  for (const char* end : {"-mid.silu", "-out.silu", "-mid.hardswish", "-out.hardswish"}) {
    for (float value : {0.0F, std::nanf("")}) {
      FakeKernel kernel(std::string("n2c5k4h9w9r3p1") + end);
      kernel.activate = [value](Activation activation, float z) {
        const bool open = activation == Activation::kSilu || activation == Activation::kHardswish;
        return open && z == -INFINITY ? value : static_cast<float>(dsconv::Activate(activation, z));
      };
      const Judgement judgement = JudgeIt(kernel);
      EXPECT_EQ(judgement.verdict, Verdict::kRight) << end << value << judgement.reason;
    }
  }
}

// Padding read as zero and multiplied like any other value.
TEST(SpecialValues, MultiplyingThePaddingIsLegal) {
  FakeKernel kernel("n2c5k4h9w9r3p1");
  kernel.sum = [](float total) { return total + 0.0F * 3.0F; };
  EXPECT_EQ(JudgeIt(kernel).verdict, Verdict::kRight);
}

}  // namespace
}  // namespace assay
