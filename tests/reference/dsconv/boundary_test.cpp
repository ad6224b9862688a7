#include "reference/dsconv/boundary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "reference/dsconv/problem_id.h"

namespace assay::dsconv {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

const std::vector<TileAxis> kTile = {{"p", 8}, {"q", 8}, {"k", 128}, {"c", 16}};

bool Any(const std::vector<LabelledShape>& shapes, const auto& holds) {
  return std::ranges::any_of(shapes, [&](const LabelledShape& each) { return holds(each.shape); });
}

TEST(BoundaryShapes, StandAroundTheMultiplesOfEachAxis) {
  const auto shapes = BoundaryShapes(kTile);
  for (const std::int64_t size : {7, 8, 9, 17}) {
    EXPECT_TRUE(Any(shapes, [&](const Shape& d) { return d.p == size; })) << "p = " << size;
    EXPECT_TRUE(Any(shapes, [&](const Shape& d) { return d.q == size; })) << "q = " << size;
  }
  for (const std::int64_t size : {15, 16, 17, 33})
    EXPECT_TRUE(Any(shapes, [&](const Shape& d) { return d.c == size; })) << "c = " << size;
  for (const std::int64_t size : {127, 128, 129, 257})
    EXPECT_TRUE(Any(shapes, [&](const Shape& d) { return d.k == size; })) << "k = " << size;
  EXPECT_TRUE(Any(shapes, [](const Shape& d) { return d.p == 9 && d.q == 9 && d.k == 129 && d.c == 17; }))
      << "all edges at once";
}

TEST(BoundaryShapes, LetTheEdgesOfMiddleTilesMeetToo) {
  const std::vector<TileAxis> many = {{"p", 1},  {"p", 8},  {"p", 64}, {"q", 1},
                                      {"q", 16}, {"q", 64}, {"k", 32}};
  const auto shapes = BoundaryShapes(many);
  EXPECT_TRUE(Any(shapes, [](const Shape& d) { return d.p == 2 && d.q == 2 && d.k == 33; }));
  EXPECT_TRUE(Any(shapes, [](const Shape& d) { return d.p == 9 && d.q == 17 && d.k == 33; }));
}

TEST(BoundaryShapes, LabelsSayWhy) {
  bool seen = false;
  for (const auto& [shape, label] : BoundaryShapes(kTile)) {
    EXPECT_NE(label, "") << ShapeId(shape);
    if (label != "q = tile + 1 (9)") continue;
    seen = true;
    EXPECT_EQ(shape.q, 9);
  }
  EXPECT_TRUE(seen);
}

TEST(BoundaryShapes, HaveEveryKindOfOddity) {
  const auto shapes = BoundaryShapes({});
  const std::pair<const char*, bool (*)(const Shape&)> kinds[] = {
      {"1x1 image", [](const Shape& d) { return d.h == 1 && d.w == 1 && d.r > 1; }},
      {"one channel in", [](const Shape& d) { return d.c == 1 && d.k > 1; }},
      {"one channel out", [](const Shape& d) { return d.c > 1 && d.k == 1; }},
      {"one channel in and out", [](const Shape& d) { return d.c == 1 && d.k == 1 && d.p > 1; }},
      {"odd batch", [](const Shape& d) { return d.n > 1 && d.n % 2 == 1; }},
      {"tall", [](const Shape& d) { return d.h > 2 * d.w && d.w > 1; }},
      {"wide", [](const Shape& d) { return d.w > 2 * d.h && d.h > 1; }},
      {"stride over kernel", [](const Shape& d) { return d.stride_h > d.r && d.p > 1; }},
      {"stride over the image", [](const Shape& d) { return d.stride_h > d.h && d.stride_w > d.w; }},
      {"padding over half", [](const Shape& d) { return d.pad_top > d.r / 2 && d.dilation_h == 1; }},
      {"padding over the image", [](const Shape& d) { return d.pad_top > d.h && d.pad_left > d.w; }},
      {"padding front only", [](const Shape& d) { return d.pad_left > 0 && d.pad_right == 0; }},
      {"padding back only", [](const Shape& d) { return d.pad_left == 0 && d.pad_right > 0; }},
      {"dilation over the image", [](const Shape& d) { return d.dilation_h > d.h && d.dilation_w > d.w; }},
      {"kernel over the image", [](const Shape& d) { return d.r > d.h && d.s > d.w; }},
      {"not square, tall", [](const Shape& d) { return d.r > d.s; }},
      {"not square, wide", [](const Shape& d) { return d.r < d.s; }},
      {"dilations differ", [](const Shape& d) { return d.dilation_h != d.dilation_w; }},
  };
  for (const auto& [name, holds] : kinds) EXPECT_TRUE(Any(shapes, holds)) << name;
  for (const std::int64_t taps : {1, 2, 4, 5, 7, 11})
    EXPECT_TRUE(Any(shapes, [&](const Shape& d) { return d.r == taps && d.s == taps; })) << taps;
}

TEST(BoundaryShapes, ShowEveryActivationWithEveryBiasOnEitherHalf) {
  std::set<std::tuple<std::int64_t, std::int64_t, std::int64_t>> mid, out;
  for (const auto& [d, label] : BoundaryShapes({})) {
    mid.insert({d.act_mid, d.bias_dw, d.bias_pw});
    out.insert({d.act_out, d.bias_dw, d.bias_pw});
  }
  EXPECT_EQ(mid.size(), 20U);
  EXPECT_EQ(out.size(), 20U);
}

TEST(BoundaryShapes, AreFewCheapValidAndDifferent) {
  const auto shapes = BoundaryShapes(kTile);
  EXPECT_GE(shapes.size(), 40U);
  EXPECT_LE(shapes.size(), 80U);
  std::set<std::string> ids;
  for (const auto& [shape, label] : shapes) {
    EXPECT_TRUE(ids.insert(ShapeId(shape)).second) << ShapeId(shape) << " stands twice";
    EXPECT_EQ(ShapeId(ParseShapeId(ShapeId(shape))), ShapeId(shape));
    EXPECT_EQ(ParseShapeId(ShapeId(shape)).p, shape.p);
    EXPECT_LE(NaiveMultiplyAdds(shape), kMostBoundaryMultiplyAdds) << ShapeId(shape);
  }
}

TEST(BoundaryShapes, DoNotDependOnTheOrderOrTheRepetitionOfAxes) {
  std::vector<TileAxis> other(kTile.rbegin(), kTile.rend());
  other.push_back({"c", 16});
  const auto ids = [](const std::vector<LabelledShape>& shapes) {
    std::vector<std::string> list;
    for (const auto& each : shapes) list.push_back(ShapeId(each.shape) + each.label);
    return list;
  };
  EXPECT_EQ(ids(BoundaryShapes(other)), ids(BoundaryShapes(kTile)));
}

TEST(BoundaryShapes, IgnoreWhatIsNoAxisAndLeaveOutWhatIsTooLong) {
  const std::size_t without = BoundaryShapes({}).size();
  EXPECT_EQ(BoundaryShapes(std::vector<TileAxis>{{"warp", 32}, {"c", 0}, {"k", -5}, {"stride_h", 2}}).size(),
            without);
  for (const std::int64_t size : {std::int64_t{100'000'000}, kMaxParam, std::int64_t{1} << 62})
    EXPECT_EQ(BoundaryShapes(std::vector<TileAxis>{{"q", size}, {"n", size}}).size(), without) << size;
  EXPECT_EQ(BoundaryShapes(std::vector<TileAxis>{{"r", 400}}).size(), without);
  EXPECT_GT(BoundaryShapes(std::vector<TileAxis>{{"q", 1'000'000}}).size(), without);
  EXPECT_TRUE(Any(BoundaryShapes(std::vector<TileAxis>{{"s", 4}}), [](const Shape& d) { return d.s == 9; }));
}

TEST(HugeShapes, PassTwoToTheThirtyOneOnOneSideOnly) {
  constexpr std::int64_t kLimit = std::int64_t{1} << 31;
  int x_huge = 0, y_huge = 0, one_image = 0;
  for (const auto& [d, label] : HugeShapes()) {
    const std::int64_t x = d.n * d.c * d.h * d.w, y = d.n * d.k * d.p * d.q;
    x_huge += x > kLimit, y_huge += y > kLimit, one_image += d.n == 1;
    EXPECT_LT(std::min(x, y), kLimit / 32) << label;
    EXPECT_LT(std::max(x, y), kLimit + kLimit / 64) << label << ": more memory than needed";
    EXPECT_LT(NaiveMultiplyAdds(d), 1e10) << label;
    // The last window ends on the last row and column, so that the far end of x is read.
    EXPECT_EQ((d.p - 1) * d.stride_h + d.r, d.h) << label;
    EXPECT_EQ((d.q - 1) * d.stride_w + d.s, d.w) << label;
  }
  EXPECT_EQ(x_huge, 2);
  EXPECT_EQ(y_huge, 2);
  EXPECT_EQ(one_image, 2);
}

}  // namespace
}  // namespace assay::dsconv
