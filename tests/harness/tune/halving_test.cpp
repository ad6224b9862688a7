#include "harness/tune/halving.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace assay {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Standing Of(std::size_t variant, double median, bool pinned = false) { return {variant, pinned, median}; }

TEST(BetterHalf, KeepsTheFasterOnesOfEachVariantInTheirOrder) {
  std::vector<Standing> standings;
  for (int i = 0; i < 8; ++i) standings.push_back(Of(0, 1.08 - 0.01 * i));
  for (int i = 0; i < 8; ++i) standings.push_back(Of(1, 1.2 + 0.01 * i));
  EXPECT_THAT(BetterHalf(standings), ElementsAre(4, 5, 6, 7, 8, 9, 10, 11));
}

TEST(BetterHalf, NeverFewerThanTheFinalistsAsLongAsTheyAreClose) {
  EXPECT_THAT(BetterHalf(std::vector{Of(0, 1.03), Of(0, 1.0), Of(0, 1.02), Of(0, 1.01)}),
              ElementsAre(1, 2, 3));
  EXPECT_THAT(BetterHalf(std::vector{Of(0, 1.0), Of(0, 1.31), Of(0, 1.29)}), ElementsAre(0, 2));
}

TEST(BetterHalf, WhatFailedIsOutAndHasNoTimeThatCouldWin) {
  std::vector<Standing> standings = {Of(0, 1.0), Of(0, 1.1), Of(1, 5)};
  standings[0].median.reset();
  EXPECT_THAT(BetterHalf(standings), ElementsAre(1, 2)) << "each the best of its variant";
  for (Standing& standing : standings) standing.median.reset();
  EXPECT_THAT(BetterHalf(standings), IsEmpty());
}

TEST(BetterHalf, WhatIsPinnedGoesOnAndTakesNobodysPlace) {
  std::vector<Standing> standings;
  for (int i = 0; i < 6; ++i) standings.push_back(Of(0, 1 + 0.01 * i));
  standings.push_back(Of(0, 1.9, true));
  EXPECT_THAT(BetterHalf(standings), ElementsAre(0, 1, 2, 6));
}

TEST(BetterHalf, OfAHopelessVariantOnlyTheBestGoesOn) {
  EXPECT_THAT(BetterHalf(std::vector{Of(0, 1.0), Of(1, 2.1), Of(1, 2.05), Of(1, 2.2, true)}),
              ElementsAre(0, 2));
}

TEST(OnlyFinalists, IsReachedFromAnyNumber) {
  for (const std::size_t count : {1u, 4u, 7u, 48u, 512u}) {
    std::vector<Standing> standings;
    for (std::size_t i = 0; i < count; ++i)
      standings.push_back(Of(0, 1 + 1e-6 * static_cast<double>(i), i % 9 == 0));
    int rounds = 0;
    while (!OnlyFinalists(standings)) {
      std::vector<Standing> next;
      for (const std::size_t place : BetterHalf(standings)) next.push_back(standings[place]);
      ASSERT_LT(next.size(), standings.size()) << count;
      standings = next;
      ASSERT_LT(++rounds, 12);
    }
  }
}

}  // namespace
}  // namespace assay
