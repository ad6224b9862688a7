#include "harness/verify/reference_cache.h"

#include <gtest/gtest.h>

#include <mutex>

#include "harness/verify/tensor_io.h"
#include "reference/dtype.h"

namespace assay {
namespace {

constexpr std::size_t kPlenty = std::size_t{1} << 24;

class ReferenceCacheTest : public ::testing::Test {
 protected:
  Problem Make(const char* id) const { return FindOperator("dsconv")->ParseProblemId(id); }
  Problem small_ = Make("n1c3k4h5w6r3p1");
  Problem other_ = Make("n1c3k4h5w7r3p1");

  Drawing Random(const Problem& problem, std::uint64_t seed) const {
    return {&problem, ASSAY_F16, FillKind::kRandom, seed};
  }
  // 4 channels of 5 x 6 pixels, a double and a float each.
  static constexpr std::size_t kReferenceBytes = 4 * 30 * 12;
  // 3 channels of 5 x 6 pixels, 3 filters of 3 x 3 and 4 x 3 weights, as floats.
  static constexpr std::size_t kInputBytes = (90 + 27 + 12) * 4;
};

TEST_F(ReferenceCacheTest, EvaluatesADrawingOnce) {
  ReferenceCache cache(kPlenty);
  const auto first = cache.Find(Random(small_, 1));
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(cache.Find(Random(small_, 1)), first);
  EXPECT_EQ(cache.evaluations(), 1);
}

TEST_F(ReferenceCacheTest, TellsDrawingsApart) {
  ReferenceCache cache(kPlenty);
  Problem same_size = Make("n1c3k4h6w5r3p1");
  for (const Drawing& drawing : {Random(small_, 1), Random(small_, 2), Random(same_size, 1),
                                 Drawing{&small_, ASSAY_BF16, FillKind::kRandom, 1},
                                 Drawing{&small_, ASSAY_F16, FillKind::kExact, 1}}) {
    cache.Find(drawing);
  }
  EXPECT_EQ(cache.evaluations(), 5);
}

TEST_F(ReferenceCacheTest, GivesTheOperatorsValues) {
  ReferenceCache cache(kPlenty);
  const Drawing drawing = Random(small_, 7);
  const auto reference = cache.Find(drawing);
  ASSERT_NE(reference, nullptr);
  ASSERT_EQ(reference->size(), 1u);
  const auto inputs = FillInputs(small_, drawing.dtype, drawing.kind, drawing.seed);
  const std::vector<std::span<const float>> views(inputs.begin(), inputs.end());
  std::mutex mutex;
  std::int64_t checked = 0;
  small_.op->Evaluate(
      small_, views,
      [&](int, std::int64_t first, std::span<const double> values, std::span<const double> magnitudes) {
        const std::lock_guard lock(mutex);
        for (std::size_t i = 0; i < values.size(); ++i, ++checked) {
          const std::size_t at = static_cast<std::size_t>(first) + i;
          EXPECT_EQ((*reference)[0].reference.span()[at], values[i]);
          const double kept = (*reference)[0].magnitude.span()[at];
          EXPECT_GE(kept, magnitudes[i]) << "a bound must not get smaller";
          EXPECT_LE(kept, magnitudes[i] * (1 + 0x1p-23));
        }
      });
  EXPECT_EQ(checked, 120);
}

TEST_F(ReferenceCacheTest, GivesExactValuesInTheDType) {
  ReferenceCache cache(kPlenty);
  const auto reference = cache.Find({&small_, ASSAY_BF16, FillKind::kExact, 1});
  ASSERT_NE(reference, nullptr);
  bool any = false;
  for (float value : (*reference)[0].expected.span()) {
    EXPECT_EQ(RoundToDType(value, ASSAY_BF16), value);
    any = any || value != 0;
  }
  EXPECT_TRUE(any);
}

TEST_F(ReferenceCacheTest, KeepsInputBitsPerLayout) {
  ReferenceCache cache(kPlenty);
  const Drawing drawing = Random(small_, 1);
  const auto nchw = cache.InputBits(drawing, ASSAY_NCHW);
  const auto nhwc = cache.InputBits(drawing, ASSAY_NHWC);
  EXPECT_EQ(cache.InputBits(drawing, ASSAY_NCHW), nchw);
  EXPECT_NE((*nchw)[0], (*nhwc)[0]);
  EXPECT_EQ((*nchw)[1], (*nhwc)[1]) << "weights have one order";
  const auto inputs = FillInputs(small_, ASSAY_F16, FillKind::kRandom, 1);
  EXPECT_EQ((*nhwc)[0], ToDeviceBits(small_.op->Inputs(small_)[0], inputs[0], ASSAY_F16, ASSAY_NHWC));
}

TEST_F(ReferenceCacheTest, DrivesOutTheProblemThatWasNotUsedForLongest) {
  const Problem third = Make("n1c3k4h6w5r3p1");  // as large as small_
  const Problem fourth = Make("n1c4k4h5w6r3p1");
  ReferenceCache cache(2 * (kReferenceBytes + kInputBytes));
  cache.Find(Random(small_, 1));
  cache.Find(Random(third, 1));
  cache.Find(Random(small_, 1));
  EXPECT_EQ(cache.evaluations(), 2);
  cache.Find(Random(fourth, 1));  // takes the place of `third`
  EXPECT_EQ(cache.evaluations(), 3);
  cache.Find(Random(small_, 1));
  EXPECT_EQ(cache.evaluations(), 3);
  cache.Find(Random(third, 1));
  EXPECT_EQ(cache.evaluations(), 4);
  EXPECT_LE(cache.bytes(), 2 * (kReferenceBytes + kInputBytes));
}

TEST_F(ReferenceCacheTest, AProblemsSeedsDoNotDriveOutOneAnother) {
  // Room for two of three references. Taken in turn, plain least-recently-used order would evaluate all nine
  // times.
  ReferenceCache cache(2 * kReferenceBytes);
  for (int round = 0; round < 3; ++round) {
    for (std::uint64_t seed : {1, 2, 3}) {
      if (!cache.Find(Random(small_, seed))) cache.Evaluate(Random(small_, seed), [](auto&&...) {});
    }
  }
  EXPECT_EQ(cache.evaluations(), 2 + 3);
}

TEST_F(ReferenceCacheTest, AReferenceDrivesOutInputsThatAreFilledAgainFaster) {
  ReferenceCache cache(kReferenceBytes + kInputBytes / 2);
  cache.InputBits(Random(small_, 1), ASSAY_NCHW);
  EXPECT_GT(cache.bytes(), 0u);
  EXPECT_NE(cache.Find(Random(small_, 1)), nullptr);
  EXPECT_LE(cache.bytes(), kReferenceBytes + kInputBytes / 2);
}

TEST_F(ReferenceCacheTest, KeepsNothingThatDoesNotFit) {
  ReferenceCache cache(16);
  EXPECT_EQ(cache.Find(Random(small_, 1)), nullptr);
  const auto bits = cache.InputBits(Random(small_, 1), ASSAY_NCHW);
  ASSERT_NE(bits, nullptr);
  EXPECT_EQ((*bits)[0].size(), 180u);
  EXPECT_EQ(cache.bytes(), 0u);
  std::int64_t seen = 0;
  std::mutex mutex;
  cache.Evaluate(Random(small_, 1),
                 [&](int, std::int64_t, std::span<const double> values, std::span<const double>) {
                   const std::lock_guard lock(mutex);
                   seen += static_cast<std::int64_t>(values.size());
                 });
  EXPECT_EQ(seen, 120);
}

TEST_F(ReferenceCacheTest, ClearLetsGoOfEverything) {
  ReferenceCache cache(kPlenty);
  cache.Find(Random(small_, 1));
  cache.Clear();
  EXPECT_EQ(cache.bytes(), 0u);
  EXPECT_NE(cache.Find(Random(small_, 1)), nullptr);
  EXPECT_EQ(cache.evaluations(), 2);
}

}  // namespace
}  // namespace assay
