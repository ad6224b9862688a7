// The fast evaluation against the plain one.
#include "reference/dsconv/fast.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>

#include "reference/dsconv/problem_id.h"
#include "tests/reference/dsconv/test_problems.h"
#include "tests/reference/dsconv/thread_count.h"

namespace assay::dsconv {
namespace {

void ExpectLikePlain(const Shape& d, std::uint64_t seed, double magnitude_slack = 1.001) {
  const InputSet inputs = MakeInputs(d, ASSAY_F32, FillKind::kRandom, seed);
  const PlainResult plain = EvaluatePlain(d, inputs.views);
  const CollectedResult fast = Collect(d, inputs);
  ASSERT_EQ(fast.times.size(), plain.reference.size());
  for (std::size_t i = 0; i < plain.reference.size(); ++i) {
    ASSERT_EQ(fast.times[i], 1) << ShapeId(d) << " element " << i;
    ASSERT_NEAR(fast.result.reference[i], plain.reference[i], 1e-12 * plain.magnitude[i])
        << ShapeId(d) << " element " << i;
    ASSERT_GE(fast.result.magnitude[i], plain.magnitude[i]) << ShapeId(d) << " element " << i;
    ASSERT_LE(fast.result.magnitude[i], magnitude_slack * plain.magnitude[i])
        << ShapeId(d) << " element " << i;
  }
}

TEST(Fast, EqualsPlainOverRandomProblems) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 400; ++i) {
    ASSERT_NO_FATAL_FAILURE(ExpectLikePlain(RandomShape(random), static_cast<std::uint64_t>(i)));
  }
}

// Sizes around those of blocks, parts and vectors.
TEST(Fast, EqualsPlainWhereBlocksEnd) {
  for (const char* id : {
           "n1c3k5h1w2049r1",               // a row longer than a block
           "n1c2k3h9w513r3p1",              // blocks end inside rows
           "n3c4k2h64w64r3p1",              // a block is half an image
           "n700c2k2h3w1r1",                // many images in a block
           "n5c2k2h23w29r5p2-b-mid.relu6",  // images end inside blocks
           "n1c2k2h40w300r3p1st1x3",        // strided columns in long rows
           "n1c1k2h60w90r3p8d7x9",          // rows that one output row apart share none
           "n1c1k1h40w40r2s2st9x9",         // strides larger than the kernel
           "n1c1k1h30w30r3p20st3x2",        // rows and columns that see only padding
       }) {
    ASSERT_NO_FATAL_FAILURE(ExpectLikePlain(ShapeOf(id), 7));
  }
}

TEST(Fast, EqualsPlainWithManyChannels) {
  ASSERT_NO_FATAL_FAILURE(ExpectLikePlain(ShapeOf("n1c2048k9h5w5r3p1-b"), 3));
  ASSERT_NO_FATAL_FAILURE(ExpectLikePlain(ShapeOf("n1c5k2048h9w9r3p1-b-out.relu"), 3));
  // So many that the scratch's limit makes blocks smaller than the image.
  ASSERT_NO_FATAL_FAILURE(ExpectLikePlain(ShapeOf("n1c9000k3h7w9r1"), 3, 1.003));
}

TEST(Fast, IsTheSameForAnyNumberOfThreads) {
  const Shape d = ShapeOf("n3c16k24h40w52r3p1-b-mid.silu-out.hardswish");
  const InputSet inputs = MakeInputs(d, ASSAY_F16, FillKind::kRandom, 11);
  const CollectedResult one = [&] {
    const ThreadCount threads(1);
    return Collect(d, inputs);
  }();
  const ThreadCount threads(5);
  const CollectedResult five = Collect(d, inputs);
  EXPECT_EQ(one.result.reference, five.result.reference);
  EXPECT_EQ(one.result.magnitude, five.result.magnitude);
}

TEST(Fast, WorksInsideAParallelRegion) {
  if (!kHasThreads) GTEST_SKIP() << "built without OpenMP";
  const Shape d = ShapeOf("n2c4k6h20w30r3p1");
  const InputSet inputs = MakeInputs(d, ASSAY_F32, FillKind::kRandom, 12);
  const CollectedResult alone = Collect(d, inputs);
  std::atomic<int> equal = 0;
#pragma omp parallel num_threads(2)
  if (Collect(d, inputs).result.reference == alone.result.reference) ++equal;
  EXPECT_EQ(equal, 2);
}

TEST(Fast, LeavesTheNumberOfThreadsAsItWas) {
  if (!kHasThreads) GTEST_SKIP() << "built without OpenMP";
  const ThreadCount threads(3);
  const Shape d = ShapeOf("n1c2k2h4w4r3p1");
  Collect(d, MakeInputs(d, ASSAY_F32, FillKind::kRandom, 1));
  EXPECT_EQ(MaxThreads(), 3);
}

TEST(Fast, WithoutMagnitudeTheReferenceIsTheSame) {
  const Shape d = ShapeOf("n2c4k6h20w30r3p1-b-out.relu");
  const InputSet inputs = MakeInputs(d, ASSAY_F32, FillKind::kRandom, 13);
  const CollectedResult with = Collect(d, inputs);
  std::vector<double> without(with.result.reference.size());
  const OutputSink sink = [&](int, std::int64_t first, std::span<const double> reference,
                              std::span<const double> magnitude) {
    if (!magnitude.empty()) throw std::logic_error("a magnitude that was not asked for");
    std::copy(reference.begin(), reference.end(), without.begin() + first);
  };
  EvaluateFast(d, inputs.views, sink, {.magnitude = false});
  EXPECT_EQ(without, with.result.reference);
}

TEST(Fast, AnExceptionOfTheSinkIsThrownOn) {
  const Shape d = ShapeOf("n4c2k2h64w64r3p1");
  const InputSet inputs = MakeInputs(d, ASSAY_F32, FillKind::kRandom, 1);
  const OutputSink sink = [](int, std::int64_t first, std::span<const double>, std::span<const double>) {
    if (first > 5000) throw std::runtime_error("full");
  };
  EXPECT_THROW(EvaluateFast(d, inputs.views, sink), std::runtime_error);
}

TEST(Fast, InputsThatAreNotFiniteShowWhereTheyAreSeenAndNowhereElse) {
  const Shape d = ShapeOf("n1c2k2h8w40r3p1");
  InputSet inputs = MakeInputs(d, ASSAY_F32, FillKind::kRandom, 1);
  inputs.values[kX][3 * 40 + 20] = std::nanf("");
  const CollectedResult fast = Collect(d, inputs);
  for (std::int64_t p = 0; p < d.p; ++p) {
    for (std::int64_t q = 0; q < d.q; ++q) {
      const bool sees = std::abs(p - 3) <= 1 && std::abs(q - 20) <= 1;
      ASSERT_EQ(std::isnan(fast.result.reference[static_cast<std::size_t>(p * d.q + q)]), sees)
          << p << ' ' << q;
    }
  }
}

}  // namespace
}  // namespace assay::dsconv
