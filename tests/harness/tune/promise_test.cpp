// Which promises cover which: kernels/promise.h, which the harness and `auto` share.
#include "kernels/promise.h"

#include <gtest/gtest.h>

namespace assay {
namespace {

assay_promise Promise(assay_format operand, int rounds_intermediate = 0) {
  assay_promise promise{};
  promise.operand = operand;
  promise.accumulator = ASSAY_FORMAT_F32;
  promise.rounds_intermediate = rounds_intermediate;
  promise.repeatable = 1;
  promise.alignment = 16;
  return promise;
}

TEST(Covers, CoarserOperandsCoverFinerOnes) {
  EXPECT_TRUE(Covers(Promise(ASSAY_FORMAT_TF32X3), Promise(ASSAY_FORMAT_F32)));
  EXPECT_TRUE(Covers(Promise(ASSAY_FORMAT_TF32X3), Promise(ASSAY_FORMAT_TF32X3)));
  EXPECT_FALSE(Covers(Promise(ASSAY_FORMAT_TF32X3), Promise(ASSAY_FORMAT_TF32)));
  EXPECT_FALSE(Covers(Promise(ASSAY_FORMAT_F32), Promise(ASSAY_FORMAT_TF32X3)));
  EXPECT_FALSE(Covers(Promise(ASSAY_FORMAT_TF32), Promise(ASSAY_FORMAT_TF32X3))) << "an infinity becomes NaN";
  EXPECT_TRUE(Covers(Promise(ASSAY_FORMAT_TF32), Promise(ASSAY_FORMAT_F32)));
  EXPECT_TRUE(Covers(Promise(ASSAY_FORMAT_F16), Promise(ASSAY_FORMAT_TF32)));
  EXPECT_FALSE(Covers(Promise(ASSAY_FORMAT_TF32), Promise(ASSAY_FORMAT_F16))) << "fp16 has not its range";
  EXPECT_FALSE(Covers(Promise(ASSAY_FORMAT_BF16), Promise(ASSAY_FORMAT_F16)));
  EXPECT_FALSE(Covers(Promise(ASSAY_FORMAT_F16), Promise(ASSAY_FORMAT_BF16)));
}

TEST(Covers, WhatMayBeRoundedNeedNotBe) {
  EXPECT_TRUE(Covers(Promise(ASSAY_FORMAT_F16, 1), Promise(ASSAY_FORMAT_F16, 0)));
  EXPECT_FALSE(Covers(Promise(ASSAY_FORMAT_F16, 0), Promise(ASSAY_FORMAT_F16, 1)));
  assay_promise sums = Promise(ASSAY_FORMAT_F16);
  sums.rounds_sums = 1;
  EXPECT_TRUE(Covers(sums, Promise(ASSAY_FORMAT_F16)));
  EXPECT_FALSE(Covers(Promise(ASSAY_FORMAT_F16), sums));
}

TEST(Covers, AsksForRepeatabilityAlignmentAndNaN) {
  assay_promise other = Promise(ASSAY_FORMAT_F32);
  other.repeatable = 0;
  EXPECT_FALSE(Covers(Promise(ASSAY_FORMAT_F32), other));
  EXPECT_TRUE(Covers(other, Promise(ASSAY_FORMAT_F32)));
  other = Promise(ASSAY_FORMAT_F32);
  other.alignment = 32;
  EXPECT_FALSE(Covers(Promise(ASSAY_FORMAT_F32), other)) << "tensors may be aligned to 16 bytes only";
  EXPECT_TRUE(Covers(other, Promise(ASSAY_FORMAT_F32)));
  other = Promise(ASSAY_FORMAT_F32);
  other.drops_nan = 1;
  EXPECT_FALSE(Covers(Promise(ASSAY_FORMAT_F32), other));
  other = Promise(ASSAY_FORMAT_F32);
  other.prepacks_weights = 1;
  EXPECT_TRUE(Covers(Promise(ASSAY_FORMAT_F32), other));
}

}  // namespace
}  // namespace assay
