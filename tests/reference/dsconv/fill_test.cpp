#include "reference/dsconv/fill.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "reference/dsconv/problem_id.h"
#include "reference/dtype.h"
#include "tests/reference/dsconv/test_problems.h"
#include "tests/reference/dsconv/thread_count.h"

namespace assay::dsconv {
namespace {

constexpr assay_dtype kDTypes[] = {ASSAY_F32, ASSAY_F16, ASSAY_BF16};

// From one channel and one tap to many of both.
constexpr const char* kShapes[] = {
    "n1c1k1h6w6r1",
    "n1c1k1h6w6r1-b-mid.relu6-out.relu",
    "n1c1k4h16w16r11p5-b",
    "n1c3k5h9w9r3p1-bdw-mid.relu",
    "n2c64k16h8w8r3p1",
    "n2c64k16h8w8r3p1-b-mid.relu6",
    "n1c512k16h7w7r5p2-bpw-mid.relu",
    "n1c2048k16h5w5r3p1-b",
    "n1c2048k16h5w5r11p5-b",
    "n1c96k24h9w9r7s2p3x1-b-out.relu6",
};

TEST(ExactFill, SumsOfTermsStayWithinTheExactIntegersOfTheDType) {
  for (const char* id : kShapes) {
    const Shape d = ShapeOf(id);
    for (assay_dtype dtype : kDTypes) {
      const ExactPlan plan = PlanExact(d, dtype);
      const std::int64_t limit = LargestExactInteger(dtype);
      EXPECT_LE(plan.OutputSum(), limit) << id;
      EXPECT_LE(plan.MiddleSum(), std::min<std::int64_t>(limit, 2048)) << id;
      for (std::uint64_t seed = 1; seed <= 2; ++seed) {
        const InputSet inputs = MakeInputs(d, dtype, FillKind::kExact, seed);
        const PlainResult result = EvaluatePlain(d, inputs.views);
        // What the floor against underflow adds to a magnitude is less than one here.
        const double floors =
            std::ldexp(static_cast<double>(plan.columns * plan.w_pw) * kUnderflowFloor, -plan.middle_scale);
        ASSERT_LT(floors, 1);
        const double largest = std::ldexp(*std::max_element(result.magnitude.begin(), result.magnitude.end()),
                                          -plan.output_scale);
        EXPECT_LE(std::floor(largest - floors / 2), static_cast<double>(plan.OutputSum()))
            << id << DTypeName(dtype);
        EXPECT_LE(std::floor(largest), static_cast<double>(limit)) << id << DTypeName(dtype);
        for (double value : result.reference) {
          const double units = std::ldexp(value, -plan.output_scale);
          ASSERT_EQ(units, std::nearbyint(units));
        }
      }
    }
  }
}

TEST(ExactFill, ValuesAreIntegersWithinThePlan) {
  for (const char* id : kShapes) {
    const Shape d = ShapeOf(id);
    for (assay_dtype dtype : kDTypes) {
      const ExactPlan plan = PlanExact(d, dtype);
      const InputSet inputs = MakeInputs(d, dtype, FillKind::kExact, 5);
      const std::int64_t limits[] = {plan.x, plan.w_dw, plan.b_dw, plan.w_pw, plan.b_pw};
      const int scales[] = {0, plan.middle_scale, plan.middle_scale, plan.output_scale - plan.middle_scale,
                            plan.output_scale};
      for (int index = 0; index < kNumInputs; ++index) {
        for (float scaled : inputs.values[static_cast<std::size_t>(index)]) {
          const float value = std::ldexp(scaled, -scales[index]);
          ASSERT_EQ(value, std::nearbyint(value));
          ASSERT_LE(std::fabs(value), static_cast<float>(limits[index]));
        }
      }
    }
  }
}

TEST(ExactFill, EachFilterAndRowHasAsManyNonZerosAsPlanned) {
  for (const char* id : kShapes) {
    const Shape d = ShapeOf(id);
    const ExactPlan plan = PlanExact(d, ASSAY_BF16);
    const InputSet inputs = MakeInputs(d, ASSAY_BF16, FillKind::kExact, 2);
    const auto non_zeros = [](const TensorVector<float>& values, std::int64_t first, std::int64_t count) {
      return count - std::count(values.begin() + first, values.begin() + first + count, 0.0F);
    };
    for (std::int64_t c = 0; c < d.c; ++c) {
      ASSERT_EQ(non_zeros(inputs.values[kWDw], c * d.r * d.s, d.r * d.s), plan.taps) << id;
    }
    for (std::int64_t k = 0; k < d.k; ++k)
      ASSERT_EQ(non_zeros(inputs.values[kWPw], k * d.c, d.c), plan.columns) << id;
  }
}

// Wherever there are enough filters or rows, each tap and each channel has a weight in every seed.
TEST(ExactFill, EveryTapAndEveryChannelIsUsed) {
  for (const char* id : kShapes) {
    const Shape d = ShapeOf(id);
    for (assay_dtype dtype : kDTypes) {
      const ExactPlan plan = PlanExact(d, dtype);
      const InputSet inputs = MakeInputs(d, dtype, FillKind::kExact, 9);
      const std::int64_t filter = d.r * d.s;
      std::set<std::int64_t> taps;
      for (std::int64_t i = 0; i < d.c * filter; ++i) {
        if (inputs.values[kWDw][static_cast<std::size_t>(i)] != 0) taps.insert(i % filter);
      }
      std::set<std::int64_t> channels;
      for (std::int64_t i = 0; i < d.k * d.c; ++i) {
        if (inputs.values[kWPw][static_cast<std::size_t>(i)] != 0) channels.insert(i % d.c);
      }
      EXPECT_EQ(taps.size(), static_cast<std::size_t>(std::min(filter, plan.taps * d.c))) << id;
      EXPECT_EQ(channels.size(), static_cast<std::size_t>(std::min(d.c, plan.columns * d.k))) << id;
    }
  }
}

TEST(ExactFill, OtherSeedsUseOtherTaps) {
  const Shape d = ShapeOf("n1c64k16h4w4r11p5-b");  // filters with fewer taps than they have room for
  ASSERT_LT(PlanExact(d, ASSAY_BF16).taps, 121);
  EXPECT_NE(MakeInputs(d, ASSAY_BF16, FillKind::kExact, 1).values[kWDw],
            MakeInputs(d, ASSAY_BF16, FillKind::kExact, 2).values[kWDw]);
}

// relu6 shows all of its regimes only where sums are around it.
TEST(ExactFill, Relu6LeavesPartOfTheOutputsBetweenItsEnds) {
  for (const char* id : {"n1c64k16h8w8r3p1-out.relu6", "n1c64k16h8w8r3p1-mid.relu6-out.relu6",
                         "n1c3k8h16w16r3p1-b-mid.relu-out.relu6"}) {
    for (assay_dtype dtype : kDTypes) {
      const PlainResult result =
          EvaluatePlain(ShapeOf(id), MakeInputs(ShapeOf(id), dtype, FillKind::kExact, 4).views);
      const auto between = std::count_if(result.reference.begin(), result.reference.end(),
                                         [](double value) { return value > 0 && value < 6; });
      EXPECT_GT(static_cast<double>(between), 0.25 * static_cast<double>(result.reference.size())) << id;
    }
  }
}

// An output full of zeros would hide faults.
TEST(ExactFill, OutputsVaryAndAreSeldomZero) {
  for (const char* id : {"n1c1k4h16w16r3p1", "n1c3k8h16w16r3p1", "n1c64k16h8w8r3p1", "n1c512k16h7w7r3p1-b",
                         "n1c2048k16h5w5r11p5-b", "n1c64k32h12w12r5p2-b-mid.relu6"}) {
    const Shape d = ShapeOf(id);
    for (assay_dtype dtype : kDTypes) {
      const PlainResult result = EvaluatePlain(d, MakeInputs(d, dtype, FillKind::kExact, 4).views);
      const auto zeros = std::count(result.reference.begin(), result.reference.end(), 0.0);
      const std::set<double> distinct(result.reference.begin(), result.reference.end());
      EXPECT_LT(static_cast<double>(zeros), 0.2 * static_cast<double>(result.reference.size()))
          << id << ' ' << DTypeName(dtype);
      EXPECT_GT(distinct.size(), 20U) << id << ' ' << DTypeName(dtype);
    }
  }
}

TEST(RandomFill, ValuesAreRepresentableAndCentredOnZero) {
  const Shape d = ShapeOf("n2c64k64h16w16r3p1-b");
  for (assay_dtype dtype : kDTypes) {
    const InputSet inputs = MakeInputs(d, dtype, FillKind::kRandom, 3);
    for (const TensorVector<float>& values : inputs.values) {
      double sum = 0, squares = 0;
      for (float value : values) {
        ASSERT_EQ(RoundToDType(value, dtype), value);
        sum += value;
        squares += static_cast<double>(value) * value;
      }
      const auto count = static_cast<double>(values.size());
      // The mean of `count` numbers strays from zero by their spread over the root of count.
      EXPECT_LT(std::fabs(sum / count), 5 * std::sqrt(squares / count / count));
      EXPECT_GT(squares, 0);
    }
  }
}

TEST(RandomFill, BothHalvesSpreadByAboutThree) {
  for (const char* activation : {"none", "relu", "relu6", "silu", "hardswish"}) {
    for (const char* start : {"n1c32k32h24w24r3", "n1c256k16h12w12r7", "n1c8k64h24w24r1"}) {
      const Shape d = ShapeOf(fmt::format("{}-b-mid.{}", start, activation));
      const InputSet inputs = MakeInputs(d, ASSAY_F32, FillKind::kRandom, 6);
      const PlainResult result = EvaluatePlain(d, inputs.views);
      double squares = 0;
      for (double value : result.reference) squares += value * value;
      const double spread = std::sqrt(squares / static_cast<double>(result.reference.size()));
      EXPECT_GT(spread, 2) << start << activation;
      EXPECT_LT(spread, 4.5) << start << activation;
    }
  }
}

TEST(Fill, DependsOnSeedAndTensorButNotOnTheNumberOfThreads) {
  const Shape d = ShapeOf("n2c8k8h16w16r3p1-b");
  for (FillKind kind : {FillKind::kExact, FillKind::kRandom}) {
    const auto inputs_by = [&](int count) {
      const ThreadCount threads(count);
      return MakeInputs(d, ASSAY_F16, kind, 1);
    };
    const InputSet one = inputs_by(1);
    const InputSet seven = inputs_by(7);
    EXPECT_EQ(one.values, seven.values);
    EXPECT_NE(one.values, MakeInputs(d, ASSAY_F16, kind, 2).values);
    EXPECT_NE(one.values[kBDw], one.values[kBPw]);
  }
}

// The same values tomorrow: a reproducing command line names a seed.
TEST(Fill, ValuesStayTheSame) {
  const Shape d = ShapeOf("n1c1k1h2w2r1");
  EXPECT_EQ(MakeInputs(d, ASSAY_F32, FillKind::kExact, 1).values[kX], (TensorVector<float>{3, 3, 8, -1}));
  EXPECT_EQ(MakeInputs(d, ASSAY_BF16, FillKind::kRandom, 1).values[kX],
            (TensorVector<float>{0.1669921875F, -0.58984375F, 0.3984375F, -1.125F}));
}

}  // namespace
}  // namespace assay::dsconv
