#include "harness/verify/sentences.h"

#include <gtest/gtest.h>

#include <cmath>

namespace assay {
namespace {

const TensorSpec kOutput{"y", "nkpq", TensorRole::kOutput, {2, 64, 56, 56}};

Comparison OneMismatch(double expected, double got, double bound, bool never_written = false) {
  Comparison comparison;
  comparison.total = kOutput.Count();
  comparison.wrong = 1;
  comparison.never_written = never_written ? 1 : 0;
  comparison.first = Comparison::Mismatch{17 * 56 * 56 + 3 * 56 + 55, expected, got, bound, never_written};
  return comparison;
}

TEST(Coordinates, NamesEveryDimension) {
  EXPECT_EQ(Coordinates(kOutput, 0), "n=0 k=0 p=0 q=0");
  EXPECT_EQ(Coordinates(kOutput, kOutput.Count() - 1), "n=1 k=63 p=55 q=55");
  EXPECT_EQ(Coordinates({"b", "k", TensorRole::kOutput, {9}}, 4), "k=4");
}

TEST(MismatchFailure, SaysItAllOfABoundedMismatch) {
  Comparison comparison = OneMismatch(1.25, 1.5, 0.0011);
  comparison.wrong = 37;
  const Failure failure = MismatchFailure(Step::kBounded, 2, kOutput, ASSAY_F32, comparison);
  EXPECT_EQ(failure.detail,
            "step bounded, seed 2: 37 of 401408 elements of y are wrong, first at n=0 k=17 p=3 q=55: "
            "expected 1.25, got "
            "1.5, off by 0.25 where 0.0011 is allowed");
  EXPECT_EQ(failure.step, Step::kBounded);
  EXPECT_EQ(failure.tensor, "y");
  EXPECT_EQ(failure.coordinates, "n=0 k=17 p=3 q=55");
  EXPECT_EQ(failure.expected, 1.25);
  EXPECT_EQ(failure.got, 1.5);
  EXPECT_EQ(failure.bound, 0.0011);
  EXPECT_EQ(failure.count, 37);
  EXPECT_EQ(failure.total, 401408);
  EXPECT_EQ(failure.seed, 2u);
}

TEST(MismatchFailure, LeavesOutABoundThatDoesNotMatter) {
  EXPECT_EQ(MismatchFailure(Step::kExact, 1, kOutput, ASSAY_F16, OneMismatch(12, 13, 0)).detail,
            "step exact, seed 1: 1 of 401408 elements of y is wrong, first at n=0 k=17 p=3 q=55: expected "
            "12, got 13");
  EXPECT_EQ(MismatchFailure(Step::kBounded, 1, kOutput, ASSAY_F16, OneMismatch(12, NAN, 0.5)).detail,
            "step bounded, seed 1: 1 of 401408 elements of y is wrong, first at n=0 k=17 p=3 q=55: expected "
            "12, got nan");
}

TEST(MismatchFailure, SaysWhatWasNeverWritten) {
  EXPECT_EQ(MismatchFailure(Step::kExact, 1, kOutput, ASSAY_F16, OneMismatch(12, NAN, 0, true)).detail,
            "step exact, seed 1: 1 of 401408 elements of y is wrong (1 of them never written), first at n=0 "
            "k=17 p=3 "
            "q=55: expected 12, never written");
}

TEST(MismatchFailure, ShowsADifferenceInTheLastBit) {
  const float got = std::nextafter(16777214.0F, 0.0F);
  const Failure failure = MismatchFailure(Step::kExact, 1, kOutput, ASSAY_F32, OneMismatch(16777214, got, 0));
  EXPECT_NE(failure.detail.find("expected 16777214, got 16777213"), std::string::npos) << failure.detail;
}

TEST(Size, TakesTheUnitThatFits) {
  EXPECT_EQ(Size(0), "0 bytes");
  EXPECT_EQ(Size(1), "1 byte");
  EXPECT_EQ(Size(1023), "1023 bytes");
  EXPECT_EQ(Size(65536), "64 KiB");
  EXPECT_EQ(Size(std::size_t{5} << 19), "2.5 MiB");
  EXPECT_EQ(Size(std::size_t{123} << 27), "15.4 GiB");
}

TEST(MemoryNeeds, ListsWhatTakesMemory) {
  Case c;
  c.problem = FindOperator("dsconv")->ParseProblemId("n16c64k128h512w512r3p1");
  EXPECT_EQ(MemoryNeeds(c, std::size_t{3} << 30, std::size_t{1} << 30),
            "it needs 6 GiB of device memory (x 1 GiB, w_dw 2.25 KiB, w_pw 32 KiB, y 2 GiB, workspace 3 "
            "GiB), 1 GiB are "
            "free");
}

}  // namespace
}  // namespace assay
