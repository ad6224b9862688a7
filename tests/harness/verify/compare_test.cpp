#include "harness/verify/compare.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "harness/verify/tensor_io.h"

namespace assay {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

TensorSpec Output(std::int64_t n, std::int64_t k, std::int64_t p, std::int64_t q) {
  return {"y", "nkpq", TensorRole::kOutput, {n, k, p, q}};
}

Comparison Exact(const TensorSpec& spec, const std::vector<float>& got, const std::vector<float>& expected,
                 assay_dtype dtype = ASSAY_F32, assay_layout layout = ASSAY_NCHW) {
  const auto bits = ToDeviceBits(spec, got, dtype, layout);
  HostArray<float> room;
  OutputComparer comparer(spec, dtype, layout, bits, room);
  comparer.CompareExact(0, expected);
  return comparer.Result();
}

Comparison Bounded(float got, double reference, double magnitude, const ErrorBound& bound,
                   assay_dtype dtype = ASSAY_F32) {
  const TensorSpec spec = Output(1, 1, 1, 1);
  const auto bits = ToDeviceBits(spec, std::vector{got}, dtype, ASSAY_NCHW);
  HostArray<float> room;
  OutputComparer comparer(spec, dtype, ASSAY_NCHW, bits, room);
  comparer.CompareBounded(0, std::span<const double>(&reference, 1), std::span<const double>(&magnitude, 1),
                          bound);
  return comparer.Result();
}

bool IsRight(const Comparison& comparison) { return comparison.wrong == 0; }

TEST(CompareExact, ComparesNumbersNotBits) {
  const TensorSpec spec = Output(1, 1, 1, 3);
  EXPECT_TRUE(IsRight(Exact(spec, {-0.0F, 0.0F, 5}, {0.0F, -0.0F, 5})));
}

TEST(CompareExact, FindsOneElementThatIsOffByItsLastBit) {
  const TensorSpec spec = Output(2, 3, 4, 5);
  std::vector<float> expected(120, 1.0F);
  for (assay_layout layout : {ASSAY_NCHW, ASSAY_NHWC}) {
    std::vector<float> got = expected;
    got[73] = std::nextafter(1.0F, 2.0F);
    const Comparison comparison = Exact(spec, got, expected, ASSAY_F32, layout);
    EXPECT_EQ(comparison.wrong, 1);
    EXPECT_EQ(comparison.total, 120);
    ASSERT_TRUE(comparison.first);
    EXPECT_EQ(comparison.first->index, 73);
    EXPECT_EQ(comparison.first->expected, 1);
    EXPECT_EQ(comparison.first->got, got[73]);
  }
}

TEST(CompareExact, NothingEqualsNaN) {
  const TensorSpec spec = Output(1, 1, 1, 2);
  EXPECT_FALSE(IsRight(Exact(spec, {1, kNaN}, {1, 2})));
  EXPECT_FALSE(IsRight(Exact(spec, {1, 2}, {1, kNaN})))
      << "not even a reference that is NaN lets a value pass";
  EXPECT_FALSE(IsRight(Exact(spec, {1, kNaN}, {1, kNaN})));
}

TEST(CompareExact, TellsPoisonFromNaNsThatAKernelMade) {
  const TensorSpec spec = Output(1, 2, 2, 2);
  for (assay_dtype dtype : {ASSAY_F32, ASSAY_F16, ASSAY_BF16}) {
    for (assay_layout layout : {ASSAY_NCHW, ASSAY_NHWC}) {
      auto bits = ToDeviceBits(spec, std::vector{0.F, 1.F, 2.F, 3.F, 4.F, kNaN, 6.F, 7.F}, dtype, layout);
      const auto at = static_cast<std::size_t>(DeviceIndex(spec, layout, 2)) * DTypeBytes(dtype);
      for (std::size_t b = 0; b < DTypeBytes(dtype); ++b) bits[at + b] = std::byte{0xFF};
      HostArray<float> room;
      OutputComparer comparer(spec, dtype, layout, bits, room);
      comparer.CompareExact(0, std::vector{0.F, 1.F, 2.F, 3.F, 4.F, 5.F, 6.F, 7.F});
      const Comparison comparison = comparer.Result();
      EXPECT_EQ(comparison.wrong, 2);
      EXPECT_EQ(comparison.never_written, 1);
      ASSERT_TRUE(comparison.first);
      EXPECT_EQ(comparison.first->index, 2);
      EXPECT_TRUE(comparison.first->never_written);
    }
  }
}

// What CompareExact finds is found in the order of device memory too.
TEST(CompareExactBits, AgreesWithComparingNumbers) {
  const TensorSpec spec = Output(2, 70, 9, 11);
  std::vector<float> expected(static_cast<std::size_t>(spec.Count()));
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i] = static_cast<float>(i % 100);
  std::vector<float> got = expected;
  got[0] = -0.0F;
  const auto compare = [&](assay_dtype dtype, assay_layout layout) {
    const auto bits = ToDeviceBits(spec, got, dtype, layout),
               right = ToDeviceBits(spec, expected, dtype, layout);
    OutputComparer comparer(spec, dtype, layout, bits);
    constexpr std::size_t kPart = 5000;
    const std::size_t element = DTypeBytes(dtype);
    for (std::size_t first = 0; first < expected.size(); first += kPart) {
      const std::size_t count = std::min(kPart, expected.size() - first);
      comparer.CompareExactBits(static_cast<std::int64_t>(first),
                                std::span(right).subspan(first * element, count * element), false);
    }
    return comparer.Result();
  };
  for (assay_dtype dtype : {ASSAY_F32, ASSAY_F16, ASSAY_BF16}) {
    for (assay_layout layout : {ASSAY_NCHW, ASSAY_NHWC}) {
      EXPECT_TRUE(IsRight(compare(dtype, layout))) << "-0 equals 0";
    }
  }
  got[13000] += 1;
  got[4321] = kNaN;
  got[4322] -= 1;
  for (assay_dtype dtype : {ASSAY_F32, ASSAY_F16, ASSAY_BF16}) {
    for (assay_layout layout : {ASSAY_NCHW, ASSAY_NHWC}) {
      const Comparison bits = compare(dtype, layout), numbers = Exact(spec, got, expected, dtype, layout);
      EXPECT_EQ(bits.total, numbers.total);
      EXPECT_EQ(bits.wrong, 3);
      EXPECT_EQ(bits.wrong, numbers.wrong);
      EXPECT_EQ(bits.never_written, numbers.never_written);
      ASSERT_TRUE(bits.first && numbers.first);
      EXPECT_EQ(bits.first->index, 4321);
      EXPECT_EQ(numbers.first->index, 4321);
      EXPECT_EQ(bits.first->expected, 21);
      EXPECT_TRUE(std::isnan(bits.first->got));
    }
  }
}

TEST(CompareExactBits, NaNIsRightOnlyAmongSpecialValues) {
  const TensorSpec spec = Output(1, 1, 1, 3);
  const auto bits = ToDeviceBits(spec, std::vector<float>{1, kNaN, 2}, ASSAY_F16, ASSAY_NCHW);
  OutputComparer comparer(spec, ASSAY_F16, ASSAY_NCHW, bits);
  comparer.CompareExactBits(0, bits, true);
  EXPECT_EQ(comparer.Result().wrong, 1);
  OutputComparer special(spec, ASSAY_F16, ASSAY_NCHW, bits);
  special.ExpectSpecialValues(false, false);
  special.CompareExactBits(0, bits, true);
  EXPECT_EQ(special.Result().wrong, 0);
  const auto number = ToDeviceBits(spec, std::vector<float>{1, 5, 2}, ASSAY_F16, ASSAY_NCHW);
  for (const bool drops_nan : {false, true}) {
    OutputComparer dropped(spec, ASSAY_F16, ASSAY_NCHW, number);
    dropped.ExpectSpecialValues(false, drops_nan);
    dropped.CompareExactBits(0, bits, true);
    EXPECT_EQ(dropped.Result().wrong, drops_nan ? 0 : 1);
  }
}

TEST(CompareExactBits, TellsPoisonFromNaNsThatAKernelMade) {
  const TensorSpec spec = Output(1, 1, 1, 2);
  const auto right = ToDeviceBits(spec, std::vector<float>{1, 2}, ASSAY_F16, ASSAY_NCHW);
  auto got = ToDeviceBits(spec, std::vector<float>{kNaN, 2}, ASSAY_F16, ASSAY_NCHW);
  got[2] = got[3] = std::byte{0xFF};
  OutputComparer comparer(spec, ASSAY_F16, ASSAY_NCHW, got);
  comparer.CompareExactBits(0, right, false);
  EXPECT_EQ(comparer.Result().wrong, 2);
  EXPECT_EQ(comparer.Result().never_written, 1);
}

TEST(CompareBounded, AddsTheThreePartsOfTheBound) {
  const ErrorBound bound{0.25, 0.5, 1};
  // 8 * 0.25 + |-4| * 0.5 + 1 = 5
  EXPECT_TRUE(IsRight(Bounded(1, -4, 8, bound)));
  EXPECT_TRUE(IsRight(Bounded(-9, -4, 8, bound)));
  const Comparison over = Bounded(std::nextafter(1.0F, 2.0F), -4, 8, bound);
  EXPECT_FALSE(IsRight(over));
  ASSERT_TRUE(over.first);
  EXPECT_EQ(over.first->bound, 5);
  EXPECT_GT(over.max_error_share, 1);
  EXPECT_FALSE(IsRight(Bounded(std::nextafter(-9.0F, -10.0F), -4, 8, bound)));
}

TEST(CompareBounded, SaysHowMuchOfTheBoundWasUsed) {
  EXPECT_EQ(Bounded(1.5, 1, 0, {0, 0, 2}).max_error_share, 0.25);
  EXPECT_EQ(Bounded(1, 1, 0, {0, 0, 0}).max_error_share, 0) << "right with nothing allowed";
  EXPECT_EQ(Bounded(2, 1, 0, {0, 0, 0}).max_error_share, kInf);
}

TEST(CompareBounded, NaNIsNeverWithinABound) {
  const Comparison got = Bounded(kNaN, 1, 1, {1, 1, 1e30});
  EXPECT_FALSE(IsRight(got));
  EXPECT_EQ(got.max_error_share, kInf);
  EXPECT_FALSE(IsRight(Bounded(1, std::nan(""), 1, {1, 1, 1e30})));
  EXPECT_FALSE(IsRight(Bounded(1, 1, std::nan(""), {1, 1, 1e30})));
}

TEST(CompareBounded, AnInfinityIsRightOnlyWhereTheBoundReachesPastTheLargestNumber) {
  // 65520 is the midpoint behind fp16's largest number, 65504.
  const ErrorBound bound{0, 0, 10};
  EXPECT_TRUE(IsRight(Bounded(kInf, 65510, 0, bound, ASSAY_F16)));
  EXPECT_TRUE(IsRight(Bounded(kInf, 70000, 0, bound, ASSAY_F16)));
  EXPECT_FALSE(IsRight(Bounded(kInf, 65509, 0, bound, ASSAY_F16)));
  EXPECT_FALSE(IsRight(Bounded(-kInf, 70000, 0, bound, ASSAY_F16))) << "of the other sign";
  EXPECT_TRUE(IsRight(Bounded(-kInf, -65510, 0, bound, ASSAY_F16)));
  EXPECT_FALSE(IsRight(Bounded(kInf, -65510, 0, bound, ASSAY_F16)));
  EXPECT_FALSE(IsRight(Bounded(kInf, 65520, 0, bound, ASSAY_F32))) << "far from fp32's largest number";
  const double largest = std::numeric_limits<float>::max();
  EXPECT_TRUE(IsRight(Bounded(kInf, largest, 0, {0, 0x1p-24, 0}, ASSAY_F32)));
  EXPECT_FALSE(IsRight(Bounded(kInf, largest, 0, {0, 0x1p-26, 0}, ASSAY_F32)));
}

TEST(CompareBounded, TakesMagnitudesAsFloatsToo) {
  const TensorSpec spec = Output(1, 1, 1, 1);
  const std::vector got{2.0F};
  const auto bits = ToDeviceBits(spec, got, ASSAY_F32, ASSAY_NCHW);
  for (float magnitude : {1.0F, 0.5F}) {
    HostArray<float> room;
    OutputComparer comparer(spec, ASSAY_F32, ASSAY_NCHW, bits, room);
    const double reference = 1;
    comparer.CompareBounded(0, std::span(&reference, 1), std::span<const float>(&magnitude, 1), {1, 0, 0});
    EXPECT_EQ(comparer.Result().wrong, magnitude == 1 ? 0 : 1);
  }
}

TEST(OutputComparer, FindsTheFirstWrongElementWhateverTheOrderOfRuns) {
  const TensorSpec spec = Output(1, 100, 30, 10);  // several blocks a run
  std::vector<float> expected(30000, 3.0F);
  std::vector<float> got = expected;
  for (std::size_t i : {29999u, 4321u, 4322u, 17000u}) got[i] = 4;
  for (assay_dtype dtype : {ASSAY_F32, ASSAY_BF16}) {
    for (assay_layout layout : {ASSAY_NCHW, ASSAY_NHWC}) {
      const auto bits = ToDeviceBits(spec, got, dtype, layout);
      HostArray<float> room;
      OutputComparer comparer(spec, dtype, layout, bits, room);
#pragma omp parallel for schedule(static) num_threads(4)
      for (int run = 5; run >= 0; --run) {
        comparer.CompareExact(run * 5000, std::span<const float>(expected).subspan(run * 5000, 5000));
      }
      const Comparison comparison = comparer.Result();
      EXPECT_EQ(comparison.wrong, 4);
      ASSERT_TRUE(comparison.first);
      EXPECT_EQ(comparison.first->index, 4321);
    }
  }
}

TEST(OutputComparer, FindsTheFirstOfBoundedErrorsInLaterBlocks) {
  const TensorSpec spec = Output(1, 1, 100, 100);
  std::vector<float> got(10000, 1.0F);
  const std::vector<double> reference(10000, 1.0), magnitude(10000, 1.0);
  got[9000] = 1.25F;
  got[9001] = 3.0F;
  const auto bits = ToDeviceBits(spec, got, ASSAY_F16, ASSAY_NHWC);
  HostArray<float> room;
  OutputComparer comparer(spec, ASSAY_F16, ASSAY_NHWC, bits, room);
  comparer.CompareBounded(0, std::span(reference), std::span(magnitude), {0.5, 0, 0});
  const Comparison comparison = comparer.Result();
  EXPECT_EQ(comparison.wrong, 1);
  ASSERT_TRUE(comparison.first);
  EXPECT_EQ(comparison.first->index, 9001);
  EXPECT_EQ(comparison.max_error_share, 4);
}

TEST(OutputComparer, RefusesToJudgeWhatWasNotAllCompared) {
  const TensorSpec spec = Output(1, 1, 1, 4);
  const std::vector<float> values{1, 2, 3, 4};
  const auto bits = ToDeviceBits(spec, values, ASSAY_F32, ASSAY_NCHW);
  HostArray<float> room;
  OutputComparer comparer(spec, ASSAY_F32, ASSAY_NCHW, bits, room);
  comparer.CompareExact(0, std::span<const float>(values).first(3));
  EXPECT_THROW(comparer.Result(), std::logic_error);
  EXPECT_THROW(OutputComparer(spec, ASSAY_F16, ASSAY_NCHW, bits, room), std::invalid_argument);
}

}  // namespace
}  // namespace assay
