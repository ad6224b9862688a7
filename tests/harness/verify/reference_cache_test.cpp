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
  // The right outputs as device memory holds them, evaluated without a cache.
  static TensorVector<std::byte> BitsOf(const Drawing& drawing, assay_layout layout) {
    const auto inputs = DrawInputs(drawing);
    const std::vector<std::span<const float>> views(inputs.begin(), inputs.end());
    const TensorSpec spec = drawing.problem->op->Outputs(*drawing.problem)[0];
    std::vector<float> values(static_cast<std::size_t>(spec.Count()));
    drawing.problem->op->EvaluateValues(
        *drawing.problem, views,
        [&](int, std::int64_t first, std::span<const double> reference, std::span<const double>) {
          for (std::size_t i = 0; i < reference.size(); ++i)
            values[static_cast<std::size_t>(first) + i] = RoundToDType(reference[i], drawing.dtype);
        });
    return ToDeviceBits(spec, values, drawing.dtype, layout);
  }

  static assay_promise Promise(bool rounds_sums) {
    assay_promise promise = {};
    promise.operand = ASSAY_FORMAT_F16;
    promise.accumulator = ASSAY_FORMAT_F32;
    promise.rounds_intermediate = 1;
    promise.rounds_sums = rounds_sums ? 1 : 0;
    return promise;
  }

  // 4 channels of 5 x 6 pixels, a double and a float each.
  static constexpr std::size_t kReferenceBytes = 4 * 30 * 12;
  // 3 channels of 5 x 6 pixels, 3 filters of 3 x 3 and 4 x 3 weights, in two bytes each.
  static constexpr std::size_t kInputBytes = (90 + 27 + 12) * 2;
};

TEST_F(ReferenceCacheTest, EvaluatesADrawingOnce) {
  ReferenceCache cache(kPlenty);
  const auto first = cache.Find(Random(small_, 1), ASSAY_NCHW);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(cache.Find(Random(small_, 1), ASSAY_NCHW), first);
  EXPECT_EQ(cache.evaluations(), 1);
}

TEST_F(ReferenceCacheTest, TellsDrawingsApart) {
  ReferenceCache cache(kPlenty);
  Problem same_size = Make("n1c3k4h6w5r3p1");
  for (const Drawing& drawing : {Random(small_, 1), Random(small_, 2), Random(same_size, 1),
                                 Drawing{&small_, ASSAY_BF16, FillKind::kRandom, 1},
                                 Drawing{&small_, ASSAY_F16, FillKind::kExact, 1}}) {
    cache.Find(drawing, ASSAY_NCHW);
  }
  EXPECT_EQ(cache.evaluations(), 5);
}

TEST_F(ReferenceCacheTest, GivesTheOperatorsValues) {
  ReferenceCache cache(kPlenty);
  const Drawing drawing = Random(small_, 7);
  const auto reference = cache.Find(drawing, ASSAY_NCHW);
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
  const auto reference = cache.Find({&small_, ASSAY_BF16, FillKind::kExact, 1}, ASSAY_NCHW);
  ASSERT_NE(reference, nullptr);
  EXPECT_EQ((*reference)[0].bits, BitsOf(Drawing{&small_, ASSAY_BF16, FillKind::kExact, 1}, ASSAY_NCHW));
  EXPECT_FALSE((*reference)[0].has_nan);
}

TEST_F(ReferenceCacheTest, AnotherLayoutTakesTheSameEvaluation) {
  ReferenceCache cache(kPlenty);
  const Drawing drawing{&small_, ASSAY_F16, FillKind::kExact, 3};
  const auto nchw = cache.Find(drawing, ASSAY_NCHW);
  const auto nhwc = cache.Find(drawing, ASSAY_NHWC);
  ASSERT_TRUE(nchw && nhwc);
  EXPECT_EQ(cache.evaluations(), 1);
  EXPECT_EQ((*nchw)[0].bits, BitsOf(drawing, ASSAY_NCHW));
  EXPECT_EQ((*nhwc)[0].bits, BitsOf(drawing, ASSAY_NHWC));
  EXPECT_NE((*nchw)[0].bits, (*nhwc)[0].bits);
  EXPECT_EQ((*nchw)[0].idle, (*nhwc)[0].idle);
  // A bounded reference has no layout.
  EXPECT_EQ(cache.Find(Random(small_, 3), ASSAY_NCHW), cache.Find(Random(small_, 3), ASSAY_NHWC));
  EXPECT_EQ(cache.evaluations(), 2);
}

TEST_F(ReferenceCacheTest, EverySeedKindChangeAndLayoutHasItsOwnExactValues) {
  ReferenceCache cache(kPlenty);
  std::vector<Drawing> drawings;
  for (const FillKind kind : {FillKind::kExact, FillKind::kWide, FillKind::kSubnormal}) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      for (const bool sums : {false, true})
        drawings.push_back({&small_, ASSAY_F16, kind, seed, Promise(sums)});
    }
  }
  Drawing changed{&small_, ASSAY_F16, FillKind::kExact, 1, Promise(false)};
  changed.change = TensorRole::kWeight;
  drawings.push_back(changed);
  for (int round = 0; round < 2; ++round) {
    for (const Drawing& drawing : drawings) {
      for (const assay_layout layout : {ASSAY_NHWC, ASSAY_NCHW}) {
        const auto reference = cache.Find(drawing, layout);
        ASSERT_NE(reference, nullptr);
        EXPECT_EQ((*reference)[0].bits, BitsOf(drawing, layout)) << static_cast<int>(drawing.kind);
      }
    }
  }
}

TEST_F(ReferenceCacheTest, PromisesShareTheProbesWhoseInputsAreTheSame) {
  ReferenceCache cache(kPlenty);
  for (const FillKind kind : {FillKind::kSpecial, FillKind::kSubnormal}) {
    const auto one = cache.Find({&small_, ASSAY_F16, kind, 1, Promise(false)}, ASSAY_NHWC);
    EXPECT_EQ(cache.Find({&small_, ASSAY_F16, kind, 1, Promise(true)}, ASSAY_NHWC), one);
  }
  EXPECT_EQ(cache.evaluations(), 2);
  // Sums that are stored in the dtype hold narrower integers.
  const auto wide = cache.InputBits({&small_, ASSAY_F16, FillKind::kWide, 2, Promise(false)}, ASSAY_NHWC);
  const auto narrow = cache.InputBits({&small_, ASSAY_F16, FillKind::kWide, 2, Promise(true)}, ASSAY_NHWC);
  EXPECT_NE(*wide, *narrow);
}

TEST_F(ReferenceCacheTest, CountsTheValuesThatSayLittle) {
  ReferenceCache cache(kPlenty);
  const Problem clipped = Make("n1c3k4h5w6r3p1-out.relu6");
  for (const FillKind kind : {FillKind::kExact, FillKind::kRandom}) {
    const Drawing drawing{&clipped, ASSAY_F16, kind, 1};
    const auto reference = cache.Find(drawing, ASSAY_NHWC);
    ASSERT_NE(reference, nullptr);
    std::int64_t idle = 0;
    const auto inputs = DrawInputs(drawing);
    std::mutex mutex;
    clipped.op->EvaluateValues(
        clipped, std::vector<std::span<const float>>(inputs.begin(), inputs.end()),
        [&](int, std::int64_t, std::span<const double> values, std::span<const double>) {
          const std::lock_guard lock(mutex);
          for (const double value : values) idle += value == 0 || value == 6 ? 1 : 0;
        });
    EXPECT_GT(idle, 0);
    EXPECT_EQ((*reference)[0].idle, idle);
  }
}

TEST_F(ReferenceCacheTest, KeepsLittleOfOtherProblems) {
  ReferenceCache cache(kPlenty, kReferenceBytes);
  for (const std::uint64_t seed : {1, 2, 3}) cache.Find(Random(small_, seed), ASSAY_NCHW);
  EXPECT_EQ(cache.bytes(), 3 * kReferenceBytes) << "of its own it keeps all";
  cache.Find(Random(other_, 1), ASSAY_NCHW);
  EXPECT_LT(cache.bytes(), 3 * kReferenceBytes);
  EXPECT_EQ(cache.evaluations(), 4);
  cache.Find(Random(small_, 3), ASSAY_NCHW);
  EXPECT_EQ(cache.evaluations(), 4) << "the last one is there";
  cache.Find(Random(small_, 1), ASSAY_NCHW);
  EXPECT_EQ(cache.evaluations(), 5);
}

TEST_F(ReferenceCacheTest, InputsAreReadFromTheBitsOfAnotherLayout) {
  ReferenceCache cache(kPlenty);
  for (const FillKind kind : {FillKind::kRandom, FillKind::kSpecial, FillKind::kSubnormal}) {
    const Drawing drawing{&small_, ASSAY_F16, kind, 1, Promise(false)}, between = Random(other_, 1);
    const auto nhwc = cache.InputBits(drawing, ASSAY_NHWC);
    cache.InputBits(between, ASSAY_NHWC);
    const auto nchw = cache.InputBits(drawing, ASSAY_NCHW);
    const auto inputs = DrawInputs(drawing);
    const auto specs = small_.op->Inputs(small_);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (!specs[i].present) continue;
      EXPECT_EQ((*nhwc)[i], ToDeviceBits(specs[i], inputs[i], ASSAY_F16, ASSAY_NHWC));
      EXPECT_EQ((*nchw)[i], ToDeviceBits(specs[i], inputs[i], ASSAY_F16, ASSAY_NCHW));
    }
  }
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
  cache.Find(Random(small_, 1), ASSAY_NCHW);
  cache.Find(Random(third, 1), ASSAY_NCHW);
  cache.Find(Random(small_, 1), ASSAY_NCHW);
  EXPECT_EQ(cache.evaluations(), 2);
  cache.Find(Random(fourth, 1), ASSAY_NCHW);  // takes the place of `third`
  EXPECT_EQ(cache.evaluations(), 3);
  cache.Find(Random(small_, 1), ASSAY_NCHW);
  EXPECT_EQ(cache.evaluations(), 3);
  cache.Find(Random(third, 1), ASSAY_NCHW);
  EXPECT_EQ(cache.evaluations(), 4);
  EXPECT_LE(cache.bytes(), 2 * (kReferenceBytes + kInputBytes));
}

TEST_F(ReferenceCacheTest, AProblemsSeedsDoNotDriveOutOneAnother) {
  // Room for two of three references. Taken in turn, plain least-recently-used order would evaluate all nine
  // times.
  ReferenceCache cache(2 * kReferenceBytes);
  for (int round = 0; round < 3; ++round) {
    for (std::uint64_t seed : {1, 2, 3}) {
      if (!cache.Find(Random(small_, seed), ASSAY_NCHW))
        cache.Evaluate(Random(small_, seed), [](auto&&...) {});
    }
  }
  EXPECT_EQ(cache.evaluations(), 2 + 3);
}

TEST_F(ReferenceCacheTest, AReferenceDrivesOutInputsThatAreFilledAgainFaster) {
  ReferenceCache cache(kReferenceBytes + kInputBytes / 2);
  cache.InputBits(Random(small_, 1), ASSAY_NCHW);
  EXPECT_GT(cache.bytes(), 0u);
  EXPECT_NE(cache.Find(Random(small_, 1), ASSAY_NCHW), nullptr);
  EXPECT_LE(cache.bytes(), kReferenceBytes + kInputBytes / 2);
}

TEST_F(ReferenceCacheTest, KeepsNothingThatDoesNotFit) {
  ReferenceCache cache(16);
  EXPECT_EQ(cache.Find(Random(small_, 1), ASSAY_NCHW), nullptr);
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
  cache.Find(Random(small_, 1), ASSAY_NCHW);
  cache.Clear();
  EXPECT_EQ(cache.bytes(), 0u);
  EXPECT_NE(cache.Find(Random(small_, 1), ASSAY_NCHW), nullptr);
  EXPECT_EQ(cache.evaluations(), 2);
}

}  // namespace
}  // namespace assay
