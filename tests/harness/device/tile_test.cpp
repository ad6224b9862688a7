#include "harness/device/tile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace assay {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// What the C function below answers.
std::vector<assay_tile_axis> axes_said;
std::int32_t count_said = 0;

std::int32_t Tile(const assay_problem*, const assay_device_info*, assay_tile_axis* axes,
                  std::int32_t capacity) {
  for (std::int32_t i = 0; i < capacity && i < std::ssize(axes_said); ++i) axes[i] = axes_said[i];
  return count_said;
}

std::vector<TileAxis> Said(const std::vector<assay_tile_axis>& axes, std::int32_t count) {
  axes_said = axes;
  count_said = count;
  const assay_param params[] = {{"c", 3}, {"q", 7}};
  const assay_problem problem{"op", params, 2, ASSAY_F32, ASSAY_NCHW};
  assay_variant variant = {};
  variant.tile = Tile;
  return TileOf(variant, problem, assay_device_info{});
}

TEST(TileOf, GivesWhatTheVariantSays) {
  EXPECT_THAT(Said({{"q", 32}, {"c", 16}}, 2), ElementsAre(TileAxis{"q", 32}, TileAxis{"c", 16}));
}

TEST(TileOf, IsEmptyForAVariantThatSaysNothing) {
  EXPECT_THAT(TileOf(assay_variant{}, assay_problem{}, assay_device_info{}), IsEmpty());
  EXPECT_THAT(Said({{"q", 32}}, 0), IsEmpty());
}

TEST(TileOf, LeavesOutWhatMakesNoSense) {
  EXPECT_THAT(Said({{"q", 0}, {nullptr, 8}, {"c", -16}, {"warp", 4}, {"", 2}, {"q", 8}}, 6),
              ElementsAre(TileAxis{"q", 8}));
}

TEST(TileOf, SurvivesCountsThatAreNone) {
  constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();
  EXPECT_THAT(Said({{"q", 32}}, -1), IsEmpty());
  EXPECT_THAT(Said({{"q", 32}}, std::numeric_limits<std::int32_t>::min()), IsEmpty());
  EXPECT_THAT(Said({{"q", 32}}, kMost), ElementsAre(TileAxis{"q", 32})) << "what was not written is no axis";
  EXPECT_EQ(Said(std::vector<assay_tile_axis>(100, {"q", 32}), 100).size(), 16U);
}

}  // namespace
}  // namespace assay
