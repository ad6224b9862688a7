#include "reference/dsconv/probe.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "reference/dsconv/fast.h"
#include "reference/dsconv/special.h"
#include "reference/dtype.h"
#include "tests/reference/dsconv/test_problems.h"

namespace assay::dsconv {
namespace {

constexpr assay_dtype kDTypes[] = {ASSAY_F32, ASSAY_F16, ASSAY_BF16};
constexpr assay_format kOperands[] = {ASSAY_FORMAT_F32, ASSAY_FORMAT_TF32, ASSAY_FORMAT_TF32X3,
                                      ASSAY_FORMAT_F16, ASSAY_FORMAT_BF16};
constexpr assay_format kAccumulators[] = {ASSAY_FORMAT_F64, ASSAY_FORMAT_F32, ASSAY_FORMAT_F16};
constexpr FillKind kProbes[] = {FillKind::kWide, FillKind::kActivation, FillKind::kSpecial,
                                FillKind::kSubnormal};
constexpr const char* kShapes[] = {"n1c1k1h1w1r1",
                                   "n1c1k2h3w3r1-b-mid.relu6-out.relu",
                                   "n2c5k7h6w9r3p1-b-mid.silu",
                                   "n1c3k5h5w4r2p3-bdw-mid.hardswish-out.silu",
                                   "n1c2k3h1w1r11p300-b",
                                   "n1c2048k4h3w3r3p1-bpw-out.relu6"};

InputSet MakeProbe(const Shape& d, assay_dtype dtype, const assay_promise& promise, FillKind probe,
                   std::uint64_t seed) {
  InputSet set;
  for (const TensorSpec& spec : Inputs(d)) {
    const auto index = static_cast<InputIndex>(set.values.size());
    TensorVector<float> values(static_cast<std::size_t>(spec.Count()), 0.0F);
    if (spec.present) FillProbeInput(d, index, dtype, promise, probe, seed, values);
    set.values.push_back(values);
  }
  set.views.assign(set.values.begin(), set.values.end());
  return set;
}

std::vector<assay_promise> Promises() {
  std::vector<assay_promise> promises;
  for (assay_format operand : kOperands) {
    for (assay_format accumulator : kAccumulators) {
      for (int rounds = 0; rounds < 4; ++rounds) {
        assay_promise promise = {};
        promise.operand = operand;
        promise.accumulator = accumulator;
        promise.rounds_intermediate = rounds & 1;
        promise.rounds_sums = rounds >> 1;
        promises.push_back(promise);
      }
    }
  }
  return promises;
}

TEST(Probes, EveryValueIsOneOfTheDType) {
  for (const char* id : kShapes) {
    const Shape d = ShapeOf(id);
    for (assay_dtype dtype : kDTypes) {
      for (const assay_promise& promise : Promises()) {
        for (FillKind probe : kProbes) {
          if (d.c > 100 && promise.rounds_sums != promise.rounds_intermediate) continue;  // takes long
          for (std::uint64_t seed = 0; seed < 5; ++seed) {
            const InputSet set = MakeProbe(d, dtype, promise, probe, seed);
            for (const auto& values : set.values) {
              for (float value : values) {
                if (std::isnan(value)) continue;
                ASSERT_EQ(RoundToDType(value, dtype), value)
                    << id << ' ' << DTypeName(dtype) << " probe " << static_cast<int>(probe) << " seed "
                    << seed << " operand " << static_cast<int>(promise.operand);
              }
            }
          }
        }
      }
    }
  }
}

TEST(WideProbe, SumsOfTermsStayWithinThePromisedFormats) {
  for (const char* id : kShapes) {
    const Shape d = ShapeOf(id);
    for (assay_dtype dtype : kDTypes) {
      for (const assay_promise& promise : Promises()) {
        const WideLimits limits = WideLimitsOf(dtype, promise);
        for (std::uint64_t seed = 0; seed < 5; ++seed) {
          const WidePlan plan = PlanWide(d, dtype, promise, seed);
          const std::int64_t rounded = plan.rounds_middle ? WidestRoundedMiddle(d, dtype, promise) : 0;
          ASSERT_LE(plan.MiddleSum(), std::max(limits.middle, rounded)) << id << seed;
          ASSERT_LE(plan.OutputSum(), std::max(limits.output, rounded)) << id << seed;
          ASSERT_LE(plan.x, limits.input);
          ASSERT_LE(plan.w_dw + plan.spread, limits.input);
          ASSERT_LE(plan.w_pw, limits.input);
        }
      }
    }
  }
}

// Behind fp64 sums there are fp32 activations, and 16-bit outputs are made of those.
TEST(WideProbe, AsksNoMoreOfDoubleSumsThanFloatActivationsKeep) {
  assay_promise promise = {};
  promise.operand = promise.accumulator = ASSAY_FORMAT_F64;
  for (assay_dtype dtype : kDTypes) {
    const WideLimits limits = WideLimitsOf(dtype, promise);
    EXPECT_LE(limits.middle, std::int64_t{1} << 24);
    if (dtype != ASSAY_F32) {
      EXPECT_LE(limits.output, std::int64_t{1} << 24);
    }
    promise.rounds_intermediate = 1;
    EXPECT_LE(WidestRoundedMiddle(ShapeOf("n1c3k5h5w4r3"), dtype, promise), std::int64_t{1} << 24);
  }
}

// The formats are used to their end: otherwise coarser ones would do.
TEST(WideProbe, SumsNeedMostOfTheAccumulator) {
  assay_promise promise = {};
  promise.operand = ASSAY_FORMAT_F32;
  promise.accumulator = ASSAY_FORMAT_F32;
  for (const char* id : kShapes) {
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      const WidePlan plan = PlanWide(ShapeOf(id), ASSAY_F32, promise, seed);
      EXPECT_GT(plan.OutputSum(), std::int64_t{1} << 22) << id << seed;
    }
  }
}

// The reference's fast path multiplies by dgemm; NaN and infinities must come out of it as of the plain
// loops.
TEST(SpecialProbe, FastAndPlainEvaluationAgreeOnNaNAndInfinities) {
  assay_promise promise = {};
  for (const char* id : {"n2c5k7h16w19r3p1", "n1c3k5h15w14r2p3-bdw-mid.hardswish-out.silu",
                         "n1c40k33h12w12r3p1-mid.relu-out.relu6", "n1c1k1h1w1r1-out.relu"}) {
    const Shape d = ShapeOf(id);
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      const InputSet set = MakeProbe(d, ASSAY_F16, promise, FillKind::kSpecial, seed);
      const PlainResult plain = EvaluatePlain(d, set.views);
      const CollectedResult fast = Collect(d, set);
      std::int64_t not_numbers = 0, finite = 0;
      for (std::size_t i = 0; i < plain.reference.size(); ++i) {
        const double one = plain.reference[i], two = fast.result.reference[i];
        ASSERT_EQ(std::isnan(one), std::isnan(two)) << id << ' ' << i;
        ASSERT_EQ(std::isinf(one), std::isinf(two)) << id << ' ' << i;
        if (std::isinf(one)) {
          ASSERT_EQ(one, two);
        }
        ASSERT_EQ(std::isfinite(plain.magnitude[i]), std::isfinite(fast.result.magnitude[i])) << id;
        not_numbers += std::isfinite(plain.magnitude[i]) ? 0 : 1;
        finite += std::isfinite(plain.magnitude[i]) ? 1 : 0;
      }
      EXPECT_GT(not_numbers, 0) << id;
      if (plain.reference.size() > 100) {
        EXPECT_GT(finite, not_numbers) << id;
      }
    }
  }
}

TEST(SubnormalProbe, XIsSubnormalAndTheOutputIsNot) {
  assay_promise promise = {};
  promise.operand = ASSAY_FORMAT_F32;
  promise.accumulator = ASSAY_FORMAT_F32;
  for (const char* id : {"n1c1k2h6w6r1", "n2c5k7h6w9r3p1-b"}) {
    const Shape d = ShapeOf(id);
    for (assay_dtype dtype : kDTypes) {
      const InputSet set = MakeProbe(d, dtype, promise, FillKind::kSubnormal, 1);
      const double normal = dtype == ASSAY_F16 ? 0x1p-14 : 0x1p-126;
      for (float value : set.values[kX]) ASSERT_LT(std::fabs(value), normal);
      const PlainResult result = EvaluatePlain(d, set.views);
      for (double value : result.reference) ASSERT_TRUE(value == 0 || std::fabs(value) > 1e-5) << value;
    }
  }
}

TEST(BestTap, ReadsInsideTheImageIfAnyDoes) {
  EXPECT_EQ(BestTap(ShapeOf("n1c1k1h9w9r3p1")), 4);
  const Shape far = ShapeOf("n1c2k3h1w1r11p300-b");
  const std::int64_t tap = BestTap(far);
  EXPECT_EQ(RowsInSight(far, tap / far.s).count, 1);
  EXPECT_EQ(ColumnsInSight(far, tap % far.s).count, 1);
  EXPECT_LT(ElementInSight(ShapeOf("n1c3k4h2w2r1p1st3"), 1, 0), 0);
}

}  // namespace
}  // namespace assay::dsconv
