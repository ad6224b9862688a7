// What step precision says of arithmetic that is, and is not, what the variant promises.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <vector>

#include "fake_kernel.h"
#include "harness/verify/judge.h"
#include "harness/verify/steps.h"
#include "reference/dtype.h"

namespace assay {
namespace {

using dsconv::Activation;

constexpr assay_dtype kDTypes[] = {ASSAY_F32, ASSAY_F16, ASSAY_BF16};
// From one element to sizes with many channels; with padding larger than the image; with and without biases.
constexpr const char* kProblems[] = {"n1c1k1h1w1r1", "n1c6k5h7w6r3p1-b", "n1c300k3h3w4r2", "n1c3k2h1w2r3p2"};

float ToHalf(float value) { return RoundToDType(value, ASSAY_F16); }
float ToBf16(float value) { return RoundToDType(value, ASSAY_BF16); }

// The step alone, because other steps see some of this as well.
Finding RunStep(FakeKernel& kernel) {
  constexpr int kSeeds = 3;
  const auto device = MakeHostDevice(1);
  const auto plan = kernel.MakePlan(*device);
  ReferenceCache cache(std::size_t{1} << 26);
  JudgeScratch scratch;
  const VariantInfo variant = kernel.variant();
  CaseRun run(*device, kernel.c(), variant, *plan, cache, scratch);
  const JudgingStep step = PrecisionStep();
  for (int turn = 0; turn < step.turns(kernel.c(), kSeeds); ++turn) {
    const Finding finding = step.run(run, {turn, kSeeds, 1});
    if (finding.failure) return finding;
  }
  return {};
}

void ExpectPrecisionFails(FakeKernel& kernel, const std::string& what) {
  const Finding finding = RunStep(kernel);
  ASSERT_TRUE(finding.failure) << what;
  EXPECT_EQ(finding.failure->step, Step::kPrecision) << what;
}

assay_promise PromiseOf(assay_format operand, assay_format accumulator = ASSAY_FORMAT_F32) {
  assay_promise promise = {};
  promise.operand = operand;
  promise.accumulator = accumulator;
  promise.repeatable = 1;
  promise.alignment = 16;
  return promise;
}

// In fp32, as CUDA documents it without fast-math.
float ActivatedInFloat(Activation activation, float z) {
  switch (activation) {
    case Activation::kSilu:
      return z / (1.0F + std::exp(-z));
    case Activation::kHardswish:
      return z * std::min(std::max(z + 3.0F, 0.0F), 6.0F) / 6.0F;
    default:
      return static_cast<float>(dsconv::Activate(activation, z));
  }
}

// A kernel that keeps its promise, and uses all of the leave that it gives.
void Keep(FakeKernel& kernel, const assay_promise& promise) {
  const assay_dtype dtype = kernel.c().dtype;
  kernel.promise = promise;
  kernel.activate = ActivatedInFloat;
  const auto to_dtype = [dtype](float value) { return RoundToDType(value, dtype); };
  if (promise.rounds_intermediate != 0) kernel.middle = to_dtype;
  if (promise.rounds_sums != 0) kernel.stored = to_dtype;
  if (promise.operand == ASSAY_FORMAT_TF32) kernel.operand = RoundToTf32;
  if (promise.operand == ASSAY_FORMAT_F16) kernel.operand = ToHalf;
  if (promise.operand == ASSAY_FORMAT_BF16) kernel.operand = ToBf16;
  kernel.two_parts = promise.operand == ASSAY_FORMAT_TF32X3;
  if (promise.accumulator == ASSAY_FORMAT_F16) {
    kernel.sum = ToHalf;
    kernel.activate = [](Activation activation, float z) { return ToHalf(ActivatedInFloat(activation, z)); };
  }
}

std::vector<assay_promise> PromisesFor(assay_dtype dtype) {
  std::vector<assay_promise> promises;
  const assay_format own = dtype == ASSAY_F16    ? ASSAY_FORMAT_F16
                           : dtype == ASSAY_BF16 ? ASSAY_FORMAT_BF16
                                                 : ASSAY_FORMAT_TF32;
  for (assay_format operand : {ASSAY_FORMAT_F32, ASSAY_FORMAT_TF32X3, own}) {
    for (int rounds = 0; rounds < 4; ++rounds) {
      promises.push_back(PromiseOf(operand));
      promises.back().rounds_intermediate = rounds & 1;
      promises.back().rounds_sums = rounds >> 1;
    }
  }
  if (dtype == ASSAY_F16) promises.push_back(PromiseOf(ASSAY_FORMAT_F16, ASSAY_FORMAT_F16));
  return promises;
}

std::string TextOf(const assay_promise& p) {
  return fmt::format(" operand {} accumulator {} rounds {} {}", static_cast<int>(p.operand),
                     static_cast<int>(p.accumulator), p.rounds_intermediate, p.rounds_sums);
}

TEST(KeptPromises, PassForEveryActivationAndDType) {
  const auto device = MakeHostDevice(1);
  Judge judge(*device, VerifySettings{});
  for (const char* start : {"n1c6k5h7w6r3p1-b", "n2c1k3h5w4r1", "n1c40k2h4w3r3p2"}) {
    for (const char* mid : {"none", "relu", "relu6", "silu", "hardswish"}) {
      for (const char* out : {"none", "relu", "relu6", "silu", "hardswish"}) {
        const auto suffix = [](const char* half, std::string name) {
          return name == "none" ? "" : fmt::format("-{}.{}", half, name);
        };
        const std::string problem = start + suffix("mid", mid) + suffix("out", out);
        for (assay_dtype dtype : kDTypes) {
          for (const assay_promise& promise : PromisesFor(dtype)) {
            FakeKernel kernel(problem, dtype);
            Keep(kernel, promise);
            const auto plan = kernel.MakePlan(*device);
            const Judgement judgement = judge.JudgeCase(kernel.c(), kernel.variant(), *plan);
            ASSERT_EQ(judgement.verdict, Verdict::kRight)
                << problem << ' ' << DTypeName(dtype) << TextOf(promise) << ": " << judgement.reason;
          }
        }
      }
    }
  }
}

// Integers that fp32 tensors hold are more than such sums do.
TEST(KeptPromises, HalfSumsOfFp32TensorsHoldTheExactInputs) {
  const auto device = MakeHostDevice(1);
  Judge judge(*device, VerifySettings{});
  for (const char* problem : {"n1c100k8h12w12r5p2-bdw", "n1c273k4h8w8r3p1-b"}) {
    FakeKernel kernel(problem);
    Keep(kernel, PromiseOf(ASSAY_FORMAT_F16, ASSAY_FORMAT_F16));
    const auto plan = kernel.MakePlan(*device);
    const Judgement judgement = judge.JudgeCase(kernel.c(), kernel.variant(), *plan);
    EXPECT_EQ(judgement.verdict, Verdict::kRight) << problem << ": " << judgement.reason;
  }
}

TEST(BrokenPromises, Tf32OperandsBehindFp32) {
  for (const char* problem : kProblems) {
    FakeKernel kernel(problem);
    kernel.operand = RoundToTf32;
    kernel.promise = PromiseOf(ASSAY_FORMAT_F32);
    ExpectPrecisionFails(kernel, problem);
  }
}

TEST(BrokenPromises, TwoTf32PartsBehindFp32) {
  for (const char* problem : kProblems) {
    FakeKernel kernel(problem);
    kernel.two_parts = true;
    kernel.promise = PromiseOf(ASSAY_FORMAT_F32);
    ExpectPrecisionFails(kernel, problem);
  }
}

TEST(BrokenPromises, HalfSumsBehindFp32Sums) {
  for (assay_dtype dtype : {ASSAY_F16, ASSAY_F32}) {
    for (const char* problem : kProblems) {
      FakeKernel kernel(problem, dtype);
      kernel.sum = ToHalf;
      kernel.promise = PromiseOf(ASSAY_FORMAT_F32);
      ExpectPrecisionFails(kernel, problem + std::string(DTypeName(dtype)));
    }
  }
}

TEST(BrokenPromises, AnIntermediateRoundedToItsType) {
  for (assay_dtype dtype : {ASSAY_F16, ASSAY_BF16}) {
    for (const char* problem :
         {"n1c6k5h7w6r3p1-b", "n1c300k3h3w4r2", "n1c6k5h7w6r3p1-mid.silu",
          "n1c6k5h7w6r3p1-mid.relu6-out.relu6", "n1c6k5h7w6r3p1-mid.hardswish-out.silu"}) {
      FakeKernel kernel(problem, dtype);
      kernel.promise = PromiseOf(ASSAY_FORMAT_F32);
      kernel.middle = [dtype](float value) { return RoundToDType(value, dtype); };
      ExpectPrecisionFails(kernel, problem + std::string(DTypeName(dtype)));
    }
  }
}

TEST(BrokenPromises, AnFp32IntermediateRoundedToTf32BetweenBf16Tensors) {
  FakeKernel kernel("n1c6k5h7w6r3p1-b", ASSAY_BF16);
  kernel.promise = PromiseOf(ASSAY_FORMAT_F32);
  kernel.middle = RoundToTf32;
  ExpectPrecisionFails(kernel, "TF32 between bf16");
}

TEST(BrokenPromises, SumsStoredInTheirType) {
  for (assay_dtype dtype : {ASSAY_F16, ASSAY_BF16}) {
    FakeKernel kernel("n1c6k5h7w6r3p1-b", dtype);
    kernel.promise = PromiseOf(ASSAY_FORMAT_F32);
    kernel.stored = [dtype](float value) { return RoundToDType(value, dtype); };
    ExpectPrecisionFails(kernel, std::string(DTypeName(dtype)));
  }
}

// With many channels the bound is wider than what rounding a bias does.
TEST(BrokenPromises, BiasesReadInACoarserFormat) {
  for (const char* problem : {"n1c300k3h3w4r2-b", "n1c300k3h3w4r2-bdw", "n1c300k3h3w4r2-bpw",
                              "n1c300k3h3w4r2-bdw-mid.silu", "n1c300k3h3w4r2-bpw-out.relu6"}) {
    for (int bias : {2, 4}) {
      FakeKernel kernel(problem);
      kernel.promise = PromiseOf(ASSAY_FORMAT_F32);
      const TensorSpec spec =
          kernel.c().problem.op->Inputs(kernel.c().problem)[static_cast<std::size_t>(bias)];
      if (!spec.present) continue;
      kernel.activate = ActivatedInFloat;
      kernel.instead = [&, bias](int, const assay_buffers& buffers) {
        const auto* values = static_cast<const float*>(buffers.inputs[bias]);
        std::vector<float> rounded(values, values + spec.Count());
        for (float& value : rounded) value = RoundToTf32(value);
        kernel.ComputeWithInput(buffers, static_cast<std::size_t>(bias), rounded.data());
        return true;
      };
      ExpectPrecisionFails(kernel, fmt::format("{} bias {}", problem, bias));
    }
  }
}

TEST(BrokenPromises, AnIntermediateCutOffWhereRoundingIsPromised) {
  for (assay_dtype dtype : {ASSAY_F16, ASSAY_BF16}) {
    for (assay_format operand :
         {ASSAY_FORMAT_F32, dtype == ASSAY_F16 ? ASSAY_FORMAT_F16 : ASSAY_FORMAT_BF16}) {
      for (const char* problem : {"n1c1k1h1w1r1", "n1c6k5h7w6r3p1-b", "n1c300k3h3w4r2-mid.relu6-out.relu"}) {
        FakeKernel kernel(problem, dtype);
        kernel.promise = PromiseOf(operand);
        kernel.promise.rounds_intermediate = 1;
        kernel.middle = [dtype](float value) {
          const std::uint32_t kept = dtype == ASSAY_F16 ? 0xFFFFE000U : 0xFFFF0000U;
          return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) & kept);
        };
        ExpectPrecisionFails(kernel, problem + std::string(DTypeName(dtype)));
      }
    }
  }
}

TEST(BrokenPromises, OnePartBehindTwo) {
  FakeKernel kernel("n1c6k5h7w6r3p1-b");
  kernel.promise = PromiseOf(ASSAY_FORMAT_TF32X3);
  kernel.operand = RoundToTf32;
  ExpectPrecisionFails(kernel, "one part");
}

// CUDA C++ Programming Guide, intrinsic functions: __expf(x) errs by up to 2 + floor(abs(1.173 x)) ulp. Half
// of that is what the fake does.
float FastExp(float x) {
  const double ulps = (2 + std::floor(std::fabs(1.173 * x))) / 2;
  return static_cast<float>(std::exp(static_cast<double>(x)) * (1 + ulps * 0x1p-23));
}

TEST(BrokenPromises, FastExponentialInEitherHalf) {
  for (const char* problem : {"n1c6k5h7w6r3p1-mid.silu", "n1c6k5h7w6r3p1-b-out.silu",
                              "n2c3k3h6w6r1-mid.relu-out.silu", "n1c6k5h7w6r3p1-mid.silu-out.relu"}) {
    FakeKernel kernel(problem);
    kernel.activate = [](Activation activation, float z) {
      return activation == Activation::kSilu ? z / (1 + FastExp(-z)) : ActivatedInFloat(activation, z);
    };
    ExpectPrecisionFails(kernel, problem);
  }
}

TEST(BrokenPromises, HardswishThroughAnApproximateReciprocal) {
  for (const char* problem : {"n1c6k5h7w6r3p1-mid.hardswish", "n1c6k5h7w6r3p1-out.hardswish"}) {
    FakeKernel kernel(problem);
    kernel.activate = [](Activation activation, float z) {
      const float value = ActivatedInFloat(activation, z);
      return activation == Activation::kHardswish ? value * (1 + 0x1p-18F) : value;
    };
    ExpectPrecisionFails(kernel, problem);
  }
}

}  // namespace
}  // namespace assay
