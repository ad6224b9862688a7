#include "harness/verify/needs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace assay {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::size_t kGiB = std::size_t{1} << 30;

TEST(MemoryToJudge, CountsTensorsOnTheDeviceAndTwiceTheSetBesideTheCache) {
  const Problem problem = FindOperator("dsconv")->ParseProblemId("n1c1k3h1024w1024r1");
  constexpr std::size_t kX = std::size_t{1} << 20, kSmall = std::size_t{1} << 21;
  const JudgingMemory fp16 = MemoryToJudge(problem, ASSAY_F16), fp32 = MemoryToJudge(problem, ASSAY_F32);
  EXPECT_GE(fp16.device_bytes, kGiB + 4 * kX * 2);
  EXPECT_LE(fp16.device_bytes, kGiB + 4 * kX * 2 + kSmall) << "x, and y of three channels";
  EXPECT_GE(fp16.host_bytes, 2 * (kGiB + 4 * kX * (4 + 2)));
  EXPECT_LE(fp16.host_bytes, 2 * (kGiB + 4 * kX * (4 + 2) + kSmall));
  EXPECT_GE(fp32.device_bytes, kGiB + 4 * kX * 4);
  EXPECT_GE(fp32.host_bytes, 2 * (kGiB + 4 * kX * (4 + 4)));
}

TEST(MemoryToJudge, LetsHugeProblemsRunOnAGpuOf24GiBAndAMachineOf64) {
  const Operator& op = *FindOperator("dsconv");
  const JudgingRoom room{23 * kGiB, 60 * kGiB, ""};
  ASSERT_FALSE(op.HugeProblems().empty());
  for (const BoundaryProblem& huge : op.HugeProblems()) {
    for (const assay_dtype dtype : {ASSAY_F32, ASSAY_F16, ASSAY_BF16}) {
      EXPECT_EQ(WhyNoRoom(MemoryToJudge(huge.problem, dtype), room), "") << huge.label;
    }
  }
}

TEST(WhyNoRoom, SaysWhichMemoryIsShort) {
  const JudgingMemory needs{9 * kGiB, 34 * kGiB};
  EXPECT_EQ(WhyNoRoom(needs, {9 * kGiB, 34 * kGiB, ""}), "") << "just enough";
  EXPECT_EQ(WhyNoRoom(needs, {5 * kGiB, 64 * kGiB, ""}),
            "9 GiB of free device memory are needed, and 5 GiB are free");
  EXPECT_EQ(WhyNoRoom(needs, {80 * kGiB, 16 * kGiB, ""}),
            "34 GiB of free host memory are needed, and 16 GiB are free");
  EXPECT_EQ(
      WhyNoRoom(needs, {5 * kGiB, 0, ""}),
      "9 GiB of free device memory are needed, and 5 GiB are free; 34 GiB of free host memory are needed, "
      "and 0 bytes are free");
  EXPECT_EQ(WhyNoRoom(needs, {80 * kGiB, std::nullopt, ""}),
            "34 GiB of free host memory are needed, and what is free is not known");
}

TEST(WhyNoRoom, TheHostDeviceIsTooSlow) {
  const JudgingRoom room = RoomOn(*MakeHostDevice(1));
  EXPECT_GT(room.device_bytes, 0u);
  EXPECT_EQ(WhyNoRoom({1, 1}, room), "the host device is too slow for so large a problem");
  EXPECT_THAT(WhyNoRoom({1, 1}, {2, 2, ""}), Not(HasSubstr("slow")));
}

}  // namespace
}  // namespace assay
