// The error bound against simulated kernels: it must hold for any order of sums and any data, and must not be
// so wide that a wrong kernel slips through.
#include "reference/dsconv/bound.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "reference/dsconv/problem_id.h"
#include "reference/dtype.h"
#include "tests/reference/dsconv/simulated_kernel.h"
#include "tests/reference/dsconv/test_problems.h"

namespace assay::dsconv {
namespace {

assay_promise Promise(assay_format operand, assay_format accumulator, bool rounds_intermediate,
                      bool rounds_sums = false) {
  assay_promise promise{};
  promise.operand = operand;
  promise.accumulator = accumulator;
  promise.rounds_intermediate = rounds_intermediate ? 1 : 0;
  promise.rounds_sums = rounds_sums ? 1 : 0;
  return promise;
}

struct Shares {
  std::vector<double> values;  // error / bound of each element, sorted

  double Largest() const { return values.back(); }
  double Median() const { return values[values.size() / 2]; }
  double Exceeding() const {
    return static_cast<double>(values.end() - std::upper_bound(values.begin(), values.end(), 1.0)) /
           static_cast<double>(values.size());
  }
};

// `promise` is what is judged by; the arithmetic may break it.
Shares Judge(const Shape& d, const InputSet& inputs, const Arithmetic& arithmetic,
             const assay_promise& promise) {
  const std::vector<float> output = Simulate(d, inputs, arithmetic);
  const PlainResult plain = EvaluatePlain(d, inputs.views);
  const ErrorBound bound = BoundOf(d, arithmetic.dtype, promise);
  Shares shares;
  for (std::size_t i = 0; i < output.size(); ++i) {
    const double allowed = plain.magnitude[i] * bound.to_magnitude +
                           std::fabs(plain.reference[i]) * bound.to_reference + bound.absolute;
    const double error = std::fabs(output[i] - plain.reference[i]);
    shares.values.push_back(std::isnan(error) ? std::numeric_limits<double>::infinity() : error / allowed);
  }
  std::sort(shares.values.begin(), shares.values.end());
  return shares;
}

enum class DataKind { kRandom, kCancelling, kMixedScales, kTiny, kOneSided };
constexpr int kNumDataKinds = 5;

void RoundAll(InputSet& inputs, assay_dtype dtype) {
  for (TensorVector<float>& values : inputs.values) {
    for (float& value : values) value = RoundToDType(value, dtype);
  }
}

// Each odd channel repeats the one before it, and the pointwise weights of the two cancel but for their last
// bits.
void MakeCancelling(const Shape& d, InputSet& inputs) {
  const std::int64_t plane = d.h * d.w, filter = d.r * d.s;
  for (std::int64_t c = 1; c < d.c; c += 2) {
    for (std::int64_t n = 0; n < d.n; ++n) {
      float* x = inputs.values[kX].data() + (n * d.c + c) * plane;
      std::copy(x - plane, x, x);
    }
    float* w = inputs.values[kWDw].data() + c * filter;
    std::copy(w - filter, w, w);
    if (d.bias_dw != 0) inputs.values[kBDw][c] = inputs.values[kBDw][c - 1];
    for (std::int64_t k = 0; k < d.k; ++k) {
      float* weight = inputs.values[kWPw].data() + k * d.c + c;
      weight[0] = -weight[-1] * (1 + 0x1p-20F);
    }
  }
}

InputSet MakeData(const Shape& d, assay_dtype dtype, DataKind kind, std::uint64_t seed) {
  InputSet inputs = MakeInputs(d, dtype, FillKind::kRandom, seed);
  std::mt19937_64 random(seed);
  const auto scale_all = [&](auto factor) {
    for (TensorVector<float>& values : inputs.values) {
      for (float& value : values) value = static_cast<float>(value * factor());
    }
  };
  switch (kind) {
    case DataKind::kRandom:
      break;
    case DataKind::kCancelling:
      MakeCancelling(d, inputs);
      break;
    case DataKind::kMixedScales:
      scale_all([&] { return std::ldexp(1.0, std::uniform_int_distribution(-8, 2)(random)); });
      break;
    case DataKind::kTiny:  // products and intermediates around fp16's subnormal numbers
      scale_all([&] { return std::ldexp(1.0, std::uniform_int_distribution(-12, -6)(random)); });
      break;
    case DataKind::kOneSided:  // all terms positive: rounding errors may all point one way
      scale_all([&] { return 1.0; });
      for (TensorVector<float>& values : inputs.values) {
        for (float& value : values) value = std::fabs(value);
      }
      break;
  }
  RoundAll(inputs, dtype);
  return inputs;
}

// Every promise that makes sense for a dtype.
std::vector<assay_promise> PromisesFor(assay_dtype dtype) {
  std::vector<assay_promise> promises = {Promise(ASSAY_FORMAT_F32, ASSAY_FORMAT_F32, false),
                                         Promise(ASSAY_FORMAT_F32, ASSAY_FORMAT_F32, true),
                                         Promise(ASSAY_FORMAT_F32, ASSAY_FORMAT_F32, true, true),
                                         Promise(ASSAY_FORMAT_F64, ASSAY_FORMAT_F64, false)};
  switch (dtype) {
    case ASSAY_F32:
      promises.push_back(Promise(ASSAY_FORMAT_TF32, ASSAY_FORMAT_F32, false));
      promises.push_back(Promise(ASSAY_FORMAT_BF16, ASSAY_FORMAT_F32, false));
      break;
    case ASSAY_F16:
      promises.push_back(Promise(ASSAY_FORMAT_F16, ASSAY_FORMAT_F32, true));
      promises.push_back(Promise(ASSAY_FORMAT_F16, ASSAY_FORMAT_F32, false));
      promises.push_back(Promise(ASSAY_FORMAT_F16, ASSAY_FORMAT_F16, true));
      break;
    case ASSAY_BF16:
      promises.push_back(Promise(ASSAY_FORMAT_BF16, ASSAY_FORMAT_F32, true));
      break;
  }
  return promises;
}

class BoundOver : public testing::TestWithParam<assay_dtype> {};

TEST_P(BoundOver, HoldsForEveryPromiseOrderAndKindOfData) {
  std::mt19937_64 random(static_cast<std::uint64_t>(GetParam()) + 1);
  const auto from = [&](int low, int high) { return std::uniform_int_distribution(low, high)(random); };
  const char* const activations[] = {"none", "relu", "relu6", "silu", "hardswish"};
  const char* const biases[] = {"", "-b"};
  double largest = 0;
  for (int i = 0; i < 600; ++i) {
    const std::string id = fmt::format("n1c{}k3h4w4r{}p1{}-mid.{}-out.{}", from(1, 40), from(1, 3),
                                       biases[from(0, 1)], activations[from(0, 4)], activations[from(0, 4)]);
    const Shape d = ShapeOf(id);
    const std::vector<assay_promise> promises = PromisesFor(GetParam());
    Arithmetic arithmetic;
    arithmetic.dtype = GetParam();
    arithmetic.promise = promises[static_cast<std::size_t>(from(0, static_cast<int>(promises.size()) - 1))];
    arithmetic.order = static_cast<SumOrder>(from(0, kNumSumOrders - 1));
    const bool matrix = UnitRoundoff(arithmetic.promise.operand) > UnitRoundoff(ASSAY_FORMAT_F32);
    if (!matrix && arithmetic.order == SumOrder::kMatrixUnit) arithmetic.order = SumOrder::kForward;
    arithmetic.fused = from(0, 1) == 1;
    arithmetic.truncates_operands = from(0, 1) == 1;
    const auto kind = static_cast<DataKind>(from(0, kNumDataKinds - 1));
    const InputSet inputs = MakeData(d, GetParam(), kind, static_cast<std::uint64_t>(i));
    const Shares shares = Judge(d, inputs, arithmetic, arithmetic.promise);
    ASSERT_LE(shares.Largest(), 1) << id << " operand " << arithmetic.promise.operand << " accumulator "
                                   << arithmetic.promise.accumulator << " rounds "
                                   << arithmetic.promise.rounds_intermediate << " order "
                                   << static_cast<int>(arithmetic.order) << " fused " << arithmetic.fused
                                   << " data " << static_cast<int>(kind);
    largest = std::max(largest, shares.Largest());
  }
  RecordProperty("largest_share_of_the_bound", fmt::format("{:.3f}", largest));
  EXPECT_GT(largest, 0.3) << "the bound is much wider than anything that the simulated kernels did";
}

INSTANTIATE_TEST_SUITE_P(DTypes, BoundOver, testing::Values(ASSAY_F32, ASSAY_F16, ASSAY_BF16),
                         [](const auto& parameter) { return std::string(DTypeName(parameter.param)); });

// 1 + 63 terms that are each just under half a unit in the last place of 1: in forward order every one is
// lost.
TEST(Bound, AnAdversaryReachesMostOfIt) {
  const Shape d = ShapeOf("n1c64k1h1w1r1");
  InputSet inputs;
  inputs.values = {TensorVector<float>(64, 0x1.fffffep-25F),
                   TensorVector<float>(64, 1.0F),
                   {},
                   TensorVector<float>(64, 1.0F),
                   {}};
  inputs.values[kX][0] = 1;
  inputs.views.assign(inputs.values.begin(), inputs.values.end());
  Arithmetic arithmetic;
  arithmetic.promise = Promise(ASSAY_FORMAT_F32, ASSAY_FORMAT_F32, false);
  const Shares shares = Judge(d, inputs, arithmetic, arithmetic.promise);
  EXPECT_LE(shares.Largest(), 1);
  EXPECT_GT(shares.Largest(), 0.8);
}

struct Typical {
  assay_dtype dtype;
  assay_promise promise;
  double least_median;  // of error / bound
};

// How much of the bound an honest kernel uses on random data: little, because a bound counts every rounding
// at its worst, but not nothing.
TEST(Bound, TypicalErrorsAreNotLostInIt) {
  const Shape d = ShapeOf("n1c64k16h6w6r3p1-b");
  for (const Typical& typical : {
           Typical{ASSAY_F32, Promise(ASSAY_FORMAT_F32, ASSAY_FORMAT_F32, false), 1e-3},
           Typical{ASSAY_F16, Promise(ASSAY_FORMAT_F32, ASSAY_FORMAT_F32, false), 0.1},
           Typical{ASSAY_F16, Promise(ASSAY_FORMAT_F16, ASSAY_FORMAT_F32, true), 1e-2},
           Typical{ASSAY_BF16, Promise(ASSAY_FORMAT_F32, ASSAY_FORMAT_F32, false), 0.2},
           Typical{ASSAY_BF16, Promise(ASSAY_FORMAT_BF16, ASSAY_FORMAT_F32, true), 1e-2},
       }) {
    Arithmetic arithmetic;
    arithmetic.dtype = typical.dtype;
    arithmetic.promise = typical.promise;
    const Shares shares =
        Judge(d, MakeData(d, typical.dtype, DataKind::kRandom, 1), arithmetic, typical.promise);
    const std::string what =
        fmt::format("{}_operand{}_rounds{}", DTypeName(typical.dtype),
                    static_cast<int>(typical.promise.operand), typical.promise.rounds_intermediate);
    RecordProperty(what, fmt::format("median {:.4f}, largest {:.4f}", shares.Median(), shares.Largest()));
    EXPECT_GT(shares.Median(), typical.least_median) << what;
    EXPECT_LE(shares.Largest(), 1) << what;
  }
}

TEST(Bound, ADroppedTapBreaksIt) {
  const Shape d = ShapeOf("n1c64k16h6w6r3p1-b-mid.relu6");
  for (assay_dtype dtype : {ASSAY_F32, ASSAY_F16, ASSAY_BF16}) {
    for (const assay_promise& promise : PromisesFor(dtype)) {
      if (promise.accumulator == ASSAY_FORMAT_F16) continue;  // a bound wider than the fault
      Arithmetic arithmetic;
      arithmetic.dtype = dtype;
      arithmetic.promise = promise;
      arithmetic.dropped_tap = 4;
      const Shares shares = Judge(d, MakeData(d, dtype, DataKind::kRandom, 2), arithmetic, promise);
      // One element is enough for the judge; the coarsest promise here leaves two in five.
      EXPECT_GT(shares.Exceeding(), 0.3) << DTypeName(dtype) << " operand " << promise.operand;
    }
  }
}

// Fewer bits than promised, caught by step bounded alone where they cost more than the bound leaves.
TEST(Bound, CoarserArithmeticThanPromisedBreaksIt) {
  const Shape d = ShapeOf("n1c256k16h6w6r3p1");
  Arithmetic tf32;
  tf32.promise = Promise(ASSAY_FORMAT_TF32, ASSAY_FORMAT_F32, false);
  EXPECT_GT(Judge(d, MakeData(d, ASSAY_F32, DataKind::kRandom, 3), tf32,
                  Promise(ASSAY_FORMAT_F32, ASSAY_FORMAT_F32, false))
                .Exceeding(),
            0.1);
  Arithmetic half_sums;
  half_sums.dtype = ASSAY_F16;
  half_sums.promise = Promise(ASSAY_FORMAT_F16, ASSAY_FORMAT_F16, true);
  EXPECT_GT(Judge(d, MakeData(d, ASSAY_F16, DataKind::kRandom, 3), half_sums,
                  Promise(ASSAY_FORMAT_F32, ASSAY_FORMAT_F32, false))
                .Exceeding(),
            0.1);
  Arithmetic rounds_between;
  rounds_between.dtype = ASSAY_BF16;
  rounds_between.promise = Promise(ASSAY_FORMAT_F32, ASSAY_FORMAT_F32, true);
  EXPECT_GT(Judge(d, MakeData(d, ASSAY_BF16, DataKind::kRandom, 3), rounds_between,
                  Promise(ASSAY_FORMAT_F32, ASSAY_FORMAT_F32, false))
                .Exceeding(),
            0.1);
}

TEST(Bound, GrowsWithEveryThingThatMayRound) {
  const auto factor = [](const char* id, assay_dtype dtype, const assay_promise& promise) {
    return BoundOf(ShapeOf(id), dtype, promise).to_magnitude;
  };
  const assay_promise fp32 = Promise(ASSAY_FORMAT_F32, ASSAY_FORMAT_F32, false);
  const double base = factor("n1c64k1h8w8r3", ASSAY_F32, fp32);
  EXPECT_GT(factor("n1c65k1h8w8r3", ASSAY_F32, fp32), base);
  EXPECT_GT(factor("n1c64k1h8w8r5", ASSAY_F32, fp32), base);
  EXPECT_GT(factor("n1c64k1h8w8r3-mid.silu", ASSAY_F32, fp32), base);
  EXPECT_GT(factor("n1c64k1h8w8r3-out.hardswish", ASSAY_F32, fp32), base);
  EXPECT_GT(factor("n1c64k1h8w8r3", ASSAY_F32, Promise(ASSAY_FORMAT_TF32, ASSAY_FORMAT_F32, false)), base);
  EXPECT_GT(factor("n1c64k1h8w8r3", ASSAY_F16, Promise(ASSAY_FORMAT_F32, ASSAY_FORMAT_F32, true)),
            factor("n1c64k1h8w8r3", ASSAY_F16, fp32));
  // By hand: 65 roundings in the pointwise sum and 10 in the depthwise one.
  EXPECT_NEAR(base, 75 * 0x1p-24, 0.001 * 75 * 0x1p-24);
}

TEST(Bound, IsFiniteWhereGammaIsNotDefined) {
  // 2048 * 2^-11 = 1: nu / (1 - nu) has no value, (1 + u)^n - 1 has.
  const ErrorBound bound =
      BoundOf(ShapeOf("n1c2048k1h8w8r3"), ASSAY_F16, Promise(ASSAY_FORMAT_F16, ASSAY_FORMAT_F16, true));
  EXPECT_TRUE(std::isfinite(bound.to_magnitude));
  EXPECT_GT(bound.to_magnitude, 1);
}

}  // namespace
}  // namespace assay::dsconv
