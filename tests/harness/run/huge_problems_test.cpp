#include "harness/run/huge_problems.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness/run/runner.h"

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::size_t kGiB = std::size_t{1} << 30;

// Two dtypes, two layouts, two kernels.
Sweep Base() {
  Sweep base;
  for (const assay_dtype dtype : {ASSAY_F32, ASSAY_F16}) {
    for (const assay_layout layout : {ASSAY_NCHW, ASSAY_NHWC}) {
      for (const char* variant : {"one", "other"}) {
        Case c;
        c.problem = FindOperator("dsconv")->ParseProblemId("n1c2k3h4w4r1");
        c.dtype = dtype;
        c.layout = layout;
        c.variant = variant;
        base.cases.push_back(c);
      }
    }
  }
  return base;
}

Sweep HugeIn(const JudgingRoom& room) {
  Sweep sweep;
  AddHugeProblemsThatFit(Base(), room, sweep);
  return sweep;
}

TEST(AddHugeProblemsThatFit, WithRoomAllAreThereAndNothingIsSaid) {
  const Sweep sweep = HugeIn({80 * kGiB, 120 * kGiB, ""});
  EXPECT_EQ(sweep.cases.size(), 4u * 8u);
  EXPECT_THAT(sweep.notices, IsEmpty());
  for (const Case& c : sweep.cases) {
    EXPECT_EQ(c.seeds, 1);
    EXPECT_THAT(ReproduceCommand(c, sweep.verify, "cuda"), ::testing::HasSubstr(" --seeds 1 "));
  }
}

TEST(AddHugeProblemsThatFit, WhatDoesNotFitInOneDTypeIsLeftOutAndCounted) {
  const Sweep sweep = HugeIn({6 * kGiB, 120 * kGiB, ""});
  EXPECT_EQ(sweep.cases.size(), 4u * 4u);
  for (const Case& c : sweep.cases) EXPECT_EQ(c.dtype, ASSAY_F16);
  EXPECT_THAT(
      sweep.notices,
      ElementsAre("4 of 8 problems with more than 2^31 elements in a tensor (counted in each dtype) are "
                  "left out: 9.14 GiB of free device memory are needed, and 6 GiB are free."));
}

TEST(AddHugeProblemsThatFit, WithoutHostMemoryNoneIsThere) {
  const Sweep sweep = HugeIn({80 * kGiB, 16 * kGiB, ""});
  EXPECT_THAT(sweep.cases, IsEmpty());
  EXPECT_THAT(
      sweep.notices,
      ElementsAre("8 of 8 problems with more than 2^31 elements in a tensor (counted in each dtype) are "
                  "left out: 34.6 GiB of free host memory are needed, and 16 GiB are free."));
}

}  // namespace
}  // namespace assay
