// What step order says of kernels whose result depends on more than what their inputs hold; and the verdict
// on outputs that show too little.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>

#include "fake_kernel.h"
#include "harness/verify/judge.h"
#include "reference/dtype.h"

namespace assay {
namespace {

using ::testing::HasSubstr;

Judgement JudgeIt(FakeKernel& kernel) {
  const auto device = MakeHostDevice(1);
  Judge judge(*device, VerifySettings{});
  const auto plan = kernel.MakePlan(*device);
  return judge.JudgeCase(kernel.c(), kernel.variant(), *plan);
}

void ExpectFails(FakeKernel& kernel, const std::string& words) {
  const Judgement judgement = JudgeIt(kernel);
  EXPECT_EQ(judgement.verdict, Verdict::kWrong);
  ASSERT_TRUE(judgement.failure);
  EXPECT_EQ(judgement.failure->step, Step::kOrder) << judgement.reason;
  EXPECT_THAT(judgement.reason, HasSubstr(words));
}

// With exact inputs and without; fp32, so that elements can be read in place.
constexpr const char* kProblems[] = {"n2c5k7h6w9r3p1-b-mid.relu6", "n1c4k3h8w8r3p1-mid.silu", "n1c1k1h1w1r1"};

std::vector<std::byte> OutputOf(const FakeKernel& kernel, const assay_buffers& buffers) {
  return {kernel.Output(buffers), kernel.Output(buffers) + kernel.OutputBytes()};
}

TEST(Order, ResultsKeptByAFewElementsOfX) {
  for (const char* problem : {"n2c5k7h6w9r3p1-b-mid.relu6", "n1c4k3h8w8r3p1-mid.silu"}) {
    FakeKernel kernel(problem);
    std::map<std::vector<float>, std::vector<std::byte>> kept;
    // The first and the last row's worth of x, and all of the weights' first elements.
    const auto key = [&](const assay_buffers& buffers) {
      const auto* x = static_cast<const float*>(buffers.inputs[0]);
      std::vector<float> sample(x, x + 3);
      for (int i : {1, 3}) sample.push_back(*static_cast<const float*>(buffers.inputs[i]));
      for (float& value : sample) value = std::isnan(value) ? 1234.5F : value;
      return sample;
    };
    kernel.instead = [&](int, const assay_buffers& buffers) {
      const auto found = kept.find(key(buffers));
      if (found == kept.end()) return false;
      std::memcpy(kernel.Output(buffers), found->second.data(), found->second.size());
      return true;
    };
    kernel.after = [&](int, const assay_buffers& buffers) { kept[key(buffers)] = OutputOf(kernel, buffers); };
    ExpectFails(kernel, "one activation changed behind the same pointers");
  }
}

TEST(Order, WeightsPackedOnceForAPlan) {
  for (const char* problem : kProblems) {
    FakeKernel kernel(problem);
    // Packs again only if the first weight is another, as a check for changed weights by a sample would.
    float first = NAN;
    std::vector<float> packed;
    const auto count = kernel.c().problem.op->Inputs(kernel.c().problem)[3].Count();
    kernel.prepare = [&](const assay_buffers& buffers) {
      const auto* w_dw = static_cast<const float*>(buffers.inputs[1]);
      const auto* w_pw = static_cast<const float*>(buffers.inputs[3]);
      if (w_dw[0] == first) return;
      first = w_dw[0];
      packed.assign(w_pw, w_pw + count);
    };
    kernel.instead = [&](int, const assay_buffers& buffers) {
      kernel.ComputeWithInput(buffers, 3, packed.data());
      return true;
    };
    const Judgement judgement = JudgeIt(kernel);
    EXPECT_EQ(judgement.verdict, Verdict::kWrong) << problem;
  }
}

// Packed anew by each prepare(), but for the plan and not for the buffers.
TEST(Order, WeightsPackedIntoThePlan) {
  for (const char* problem : kProblems) {
    FakeKernel kernel(problem);
    std::vector<float> packed;
    const auto count = kernel.c().problem.op->Inputs(kernel.c().problem)[3].Count();
    kernel.prepare = [&](const assay_buffers& buffers) {
      const auto* w_pw = static_cast<const float*>(buffers.inputs[3]);
      packed.assign(w_pw, w_pw + count);
    };
    kernel.instead = [&](int, const assay_buffers& buffers) {
      kernel.ComputeWithInput(buffers, 3, packed.data());
      return true;
    };
    ExpectFails(kernel, "two sets prepared before either was launched");
  }
}

TEST(Order, PointersKeptFromTheFirstLaunch) {
  for (const char* problem : kProblems) {
    FakeKernel kernel(problem);
    void* first = nullptr;
    kernel.instead = [&](int, const assay_buffers& buffers) {
      if (first == nullptr) first = buffers.outputs[0];
      assay_buffers with_first = buffers;
      with_first.outputs = &first;
      kernel.Compute(with_first);
      return true;
    };
    ExpectFails(kernel, "other pointers");
  }
}

TEST(Order, MoreAlignmentTakenForGrantedThanPromised) {
  for (const int taken : {4, 8, 16, 64, 256}) {
    FakeKernel kernel("n1c4k3h8w8r3p1-mid.silu");
    kernel.promise.alignment = 16;
    kernel.instead = [&](int, const assay_buffers& buffers) {
      bool aligned = reinterpret_cast<std::uintptr_t>(buffers.outputs[0]) % taken == 0;
      for (int i = 0; i < buffers.num_inputs; ++i) {
        aligned = aligned && reinterpret_cast<std::uintptr_t>(buffers.inputs[i]) % taken == 0;
      }
      return !aligned;
    };
    if (taken > 16) {
      ExpectFails(kernel, "other pointers, aligned as promised");
    } else {
      EXPECT_EQ(JudgeIt(kernel).verdict, Verdict::kRight) << taken;
    }
  }
}

TEST(Order, OtherBitsAtEachLaunchAgainstThePromise) {
  FakeKernel kernel("n1c4k3h8w8r3p1-mid.silu");
  kernel.after = [&](int launch, const assay_buffers& buffers) {
    if (launch % 2 == 0) kernel.Set(buffers, 5, std::nextafter(kernel.Get(buffers, 5), INFINITY));
  };
  ExpectFails(kernel, "the same inputs gave other bits");
  kernel.launches = 0;
  kernel.promise.repeatable = 0;
  const Judgement judgement = JudgeIt(kernel);
  EXPECT_EQ(judgement.verdict, Verdict::kRight) << judgement.reason;
}

TEST(Order, SaysWhatWasChecked) {
  FakeKernel kernel(kProblems[0]);
  const Judgement judgement = JudgeIt(kernel);
  ASSERT_EQ(judgement.verdict, Verdict::kRight) << judgement.reason;
  for (const StepResult& result : judgement.steps) {
    if (result.step != Step::kOrder) continue;
    EXPECT_EQ(result.outcome, Outcome::kPassed);
    EXPECT_THAT(result.detail,
                HasSubstr("one activation changed behind the same pointers; one weight changed"));
    EXPECT_THAT(result.detail, HasSubstr("the same bits each time, as promised"));
    EXPECT_THAT(result.detail, HasSubstr("beyond the host device"));
  }
}

TEST(Untrusted, AllOutputsZero) {
  // Every window lies in the padding, and there is no bias.
  FakeKernel all_zero("n1c3k4h2w2r1p1st3");
  const Judgement judgement = JudgeIt(all_zero);
  EXPECT_EQ(judgement.verdict, Verdict::kUntrusted) << judgement.reason;
  EXPECT_THAT(judgement.reason, HasSubstr("are neither zero nor saturated"));
}

// Zeros of the padding are no design: a kernel that does nothing would give most of them.
TEST(Untrusted, MostOutputsZeroBecauseOfPadding) {
  const Operator& op = *FindOperator("dsconv");
  EXPECT_DOUBLE_EQ(op.InformativeShare(op.ParseProblemId("n1c1k1h1w1r1p2")), 1.0);
  EXPECT_DOUBLE_EQ(op.InformativeShare(op.ParseProblemId("n1c2k3h2w2r3p4-out.relu")), 0.5);
  for (const char* problem : {"n1c1k1h1w1r1p2", "n1c2k3h2w2r3p4", "n1c2k3h2w2r3p4-out.relu"}) {
    for (assay_dtype dtype : {ASSAY_F32, ASSAY_F16, ASSAY_BF16}) {
      FakeKernel kernel(problem, dtype);
      const Judgement judgement = JudgeIt(kernel);
      EXPECT_EQ(judgement.verdict, Verdict::kUntrusted) << problem << judgement.reason;
    }
  }
  // With biases the padding shows something.
  for (const char* problem : {"n1c2k3h2w2r3p4-b", "n1c2k3h2w2r3p4-b-out.relu"}) {
    FakeKernel kernel(problem);
    const Judgement judgement = JudgeIt(kernel);
    EXPECT_EQ(judgement.verdict, Verdict::kRight) << problem << judgement.reason;
  }
}

TEST(Untrusted, IsNotWhatClippingDoesByDesign) {
  for (const char* problem : {"n1c6k5h7w6r3p1-out.relu", "n1c6k5h7w6r3p1-mid.relu6-out.relu6",
                              "n1c1k1h1w1r1-out.relu", "n1c300k5h7w6r3p1-b-out.relu6"}) {
    for (assay_dtype dtype : {ASSAY_F32, ASSAY_F16, ASSAY_BF16}) {
      FakeKernel kernel(problem, dtype);
      const Judgement judgement = JudgeIt(kernel);
      EXPECT_EQ(judgement.verdict, Verdict::kRight) << problem << judgement.reason;
    }
  }
}

}  // namespace
}  // namespace assay
