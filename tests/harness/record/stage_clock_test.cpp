#include "harness/record/stage_clock.h"

#include <gtest/gtest.h>

#include <thread>

namespace assay {
namespace {

void Wait(int milliseconds) { std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds)); }

TEST(StageClock, GivesEachMomentToTheInnermostStage) {
  StageClock clock;
  const auto start = std::chrono::steady_clock::now();
  {
    const InStage outer(&clock, "outer");
    Wait(5);
    for (int i = 0; i < 2; ++i) {
      const InStage inner(&clock, "inner");
      Wait(10);
    }
  }
  const std::chrono::duration<double> all = std::chrono::steady_clock::now() - start;
  Wait(20);
  const StageSeconds seconds = clock.Take();
  ASSERT_EQ(seconds.size(), 2u);
  EXPECT_EQ(seconds[0].first, "inner");
  EXPECT_EQ(seconds[1].first, "outer");
  EXPECT_GE(seconds[0].second, 0.020);
  EXPECT_GE(seconds[1].second, 0.005);
  EXPECT_LE(seconds[0].second + seconds[1].second, all.count());
  EXPECT_TRUE(clock.Take().empty());
}

TEST(StageClock, MayBeAbsent) { const InStage stage(nullptr, "any"); }

TEST(AddStages, AddsAShareOfEach) {
  StageSeconds sum = {{"a", 1}};
  AddStages(sum, {{"a", 2}, {"b", 4}}, 0.5);
  EXPECT_EQ(sum, (StageSeconds{{"a", 2}, {"b", 2}}));
}

}  // namespace
}  // namespace assay
