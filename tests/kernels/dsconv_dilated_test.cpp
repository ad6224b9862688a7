// How hopper_dilated cuts problems: each output belongs to one block, and each tap of it is found where the
// copies put it, or among zeros.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "kernels/dsconv/dilated/plan.h"

namespace assay::dsconv::dilated {
namespace {

Shape RandomShape(std::mt19937& generator) {
  const auto between = [&](std::int32_t low, std::int32_t high) {
    return std::uniform_int_distribution<std::int32_t>(low, high)(generator);
  };
  Shape shape{};
  shape.n = between(1, 4), shape.c = shape.k = 64, shape.r = shape.s = 3;
  shape.stride_h = shape.stride_w = 1;
  for (;;) {
    shape.h = between(1, 40), shape.w = between(0, 2) == 0 ? between(1, 250) : between(1, 40);
    shape.dilation_h = between(1, 24),
    shape.dilation_w = between(0, 1) == 0 ? 6 * between(1, 3) : between(1, 24);
    shape.pad_h = between(0, 2) == 0 ? between(0, 30) : shape.dilation_h;
    shape.pad_w = between(0, 2) == 0 ? between(0, 30) : shape.dilation_w;
    const std::int32_t below = between(0, 2) == 0 ? between(0, 9) : shape.pad_h;
    const std::int32_t right = between(0, 2) == 0 ? between(0, 9) : shape.pad_w;
    shape.p = shape.h + shape.pad_h + below - 2 * shape.dilation_h;
    shape.q = shape.w + shape.pad_w + right - 2 * shape.dilation_w;
    if (shape.p > 0 && shape.q > 0) return shape;
  }
}

std::string TextOf(const Shape& s) {
  return "n" + std::to_string(s.n) + "h" + std::to_string(s.h) + "w" + std::to_string(s.w) + "p" +
         std::to_string(s.p) + "q" + std::to_string(s.q) + " pad " + std::to_string(s.pad_h) + "," +
         std::to_string(s.pad_w) + " dilation " + std::to_string(s.dilation_h) + "," +
         std::to_string(s.dilation_w);
}

// What lies in a stage where row `number` of the tile is looked for.
Segment CopiedTo(const Shape& shape, const TileAt& at, std::int32_t number) {
  std::int32_t slot = 0, seen = 0;
  for (std::int32_t i = 0; i < at.First(number); ++i) slot += at.Copied(shape, i) ? 1 : 0;
  for (std::int32_t i = 0; i < kMostRows; ++i) {
    if (at.Copied(shape, i) && seen++ == slot) return {at.SegmentOf(i).image, at.RowOf(shape, i)};
  }
  return {0, -1};
}

void ExpectRows(const Shape& shape, const Plan& plan, const TileAt& at) {
  std::int32_t copied = 0;
  for (std::int32_t number = 0; number < kMostRows; ++number) {
    copied += at.Copied(shape, number) ? 1 : 0;
    const Segment segment = at.SegmentOf(number);
    const std::int32_t h = segment.row - shape.pad_h + number % 3 * shape.dilation_h;
    const bool inside = segment.row >= 0 && h >= 0 && h < shape.h;
    ASSERT_EQ(at.Inside(shape, number), inside);
    if (plan.classes > 0 && number % 3 == 1) {
      ASSERT_EQ(inside, segment.row >= 0);  // the walk takes it as given
    }
    if (!inside) continue;
    const Segment there = CopiedTo(shape, at, number);
    ASSERT_EQ(there.image, segment.image);
    ASSERT_EQ(there.row, h);
  }
  ASSERT_LE(copied, plan.rows);
}

// Of groups of neighbours, those behind a row's end too: all that a group reads of a tap lies among a row's
// columns and the zeros beside it.
void ExpectReads(const Shape& shape, const Plan& plan, const TileAt& at) {
  for (std::int32_t q = 0; q < kPixels / (plan.pairs ? 2 : 1); q += kGroup) {
    for (std::int32_t s = 0; s < 3; ++s) {
      const std::int32_t column = ColumnOf(shape, at, q, s);
      if (!Touches(plan, q, column)) continue;
      ASSERT_GE(column, -plan.guard);
      ASSERT_LE(column + kGroup, plan.span + plan.guard);
    }
  }
}

// Where an output's taps lie.
void ExpectColumns(const Shape& shape, const Plan& plan, const TileAt& at, std::int32_t q) {
  const std::int32_t first = q / kGroup * kGroup;
  for (std::int32_t s = 0; s < 3; ++s) {
    const std::int32_t w = at.first_q + q - shape.pad_w + s * shape.dilation_w;
    const std::int32_t column = ColumnOf(shape, at, first, s), own = column + q - first;
    const bool inside = w >= 0 && w < shape.w;
    if (!Touches(plan, first, column)) {
      ASSERT_FALSE(inside);
      continue;
    }
    ASSERT_EQ(inside, own >= 0 && own < plan.span);
    if (inside) {
      ASSERT_EQ(at.first_w + own, w);
    }
  }
}

void ExpectTile(const Shape& shape, const Plan& plan, const TileAt& at, std::vector<int>& made) {
  ExpectRows(shape, plan, at);
  const std::int32_t length = std::min(plan.piece, shape.q - at.first_q);
  ASSERT_LE(length, plan.pairs ? plan.lower_at : kPixels);
  if (plan.classes == 0) ExpectReads(shape, plan, at);
  for (const Segment& segment : {at.upper, at.lower}) {
    for (std::int32_t q = 0; segment.row >= 0 && q < length; ++q) {
      made.at(static_cast<std::size_t>((segment.image * shape.p + segment.row) * shape.q + at.first_q + q))++;
      if (plan.classes == 0) ExpectColumns(shape, plan, at, q);
    }
  }
}

TEST(DsconvDilated, FindsEveryTapOfEveryOutput) {
  std::mt19937 generator(1);
  for (int i = 0; i < 1500; ++i) {
    const Shape shape = RandomShape(generator);
    SCOPED_TRACE(TextOf(shape));
    const Plan plan = MakePlan(shape, ASSAY_F16, 1, {2, 2, 2});
    ASSERT_LE(plan.rows, kMostRows);
    if (plan.classes > 0) {
      ASSERT_EQ(plan.guard + shape.w, plan.pairs ? plan.lower_at : kPixels);
    }
    std::vector<int> made(static_cast<std::size_t>(shape.n * shape.p * shape.q));
    for (std::int32_t tile = 0; tile < plan.tiles; ++tile) {
      ExpectTile(shape, plan, TileOf(shape, plan, tile), made);
      if (HasFatalFailure()) return;
    }
    ASSERT_EQ(std::count(made.begin(), made.end(), 1), static_cast<std::ptrdiff_t>(made.size()));
  }
}

// DeepLab's layers: a block a multiprocessor, whatever the dilation.
TEST(DsconvDilated, CutsDeepLabIntoAsManyBlocksAsThereAreMultiprocessors) {
  for (const std::int32_t dilation : {6, 12, 18}) {
    Shape shape{};
    shape.n = 8, shape.c = 2048, shape.k = 256, shape.r = shape.s = 3;
    shape.h = shape.w = shape.p = shape.q = 33;
    shape.stride_h = shape.stride_w = 1;
    shape.pad_h = shape.pad_w = shape.dilation_h = shape.dilation_w = dilation;
    EXPECT_EQ(MakePlan(shape, ASSAY_F16, 1, {2, 2, 2}).tiles, 132) << dilation;
  }
}

// A barrier's phases are told apart by their parity alone: who waits for one has to have waited for all
// before.
TEST(DsconvDilated, TeamsWaitForAllPhasesOfTheirBarriers) {
  for (std::int32_t stages = 2; stages <= kMostStages; ++stages) {
    std::map<std::int32_t, std::vector<std::int32_t>> chunks;  // by barrier
    for (std::int32_t chunk = 0; chunk < 8 * kMostStages; ++chunk) {
      const std::int32_t team = chunk % kTeams, barrier = FilledBarrier(team, chunk % stages);
      std::vector<std::int32_t>& before = chunks[barrier];
      SCOPED_TRACE("stages " + std::to_string(stages) + ", chunk " + std::to_string(chunk));
      for (const std::int32_t other : before) ASSERT_EQ(other % kTeams, team);
      ASSERT_EQ(FilledParity(stages, static_cast<std::uint32_t>(chunk / stages)), before.size() % 2);
      before.push_back(chunk);
    }
  }
}

}  // namespace
}  // namespace assay::dsconv::dilated
