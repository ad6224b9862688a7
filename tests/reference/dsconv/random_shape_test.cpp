#include "reference/dsconv/random_shape.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "reference/dsconv/boundary.h"
#include "reference/dsconv/problem_id.h"

namespace assay::dsconv {
namespace {

TEST(RandomShape, IsTheSameOnEveryMachine) {
  EXPECT_EQ(ShapeId(RandomShape(1)), "n1c5k1h16w11r11s6p16x8x0x3st1x4-bpw-mid.silu");
  EXPECT_EQ(ShapeId(RandomShape(2)), "n2c14k12h3w10r5p6x10x6x10st4-bdw-mid.silu-out.hardswish");
  EXPECT_EQ(ShapeId(RandomShape(1'000'000'007)), "n3c35k27h1w5r3s5p1x1x2x10st40x1-bdw-mid.silu");
}

TEST(RandomShape, IsValidCheapAndHardlyEverTheSame) {
  std::set<std::string> ids;
  double total = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const Shape shape = RandomShape(seed);
    const std::string id = ShapeId(shape);
    ids.insert(id);
    EXPECT_EQ(ShapeId(ParseShapeId(id)), id);
    EXPECT_GE(shape.p, 1) << id;
    EXPECT_GE(shape.q, 1) << id;
    EXPECT_LE(NaiveMultiplyAdds(shape), 5e6) << id;
    total += NaiveMultiplyAdds(shape);
  }
  EXPECT_GT(ids.size(), 1980U);
  EXPECT_LT(total / 2000, 5e5) << "mostly far less than the limit";
}

// Each property is to hold often enough that a run of a few hundred has it, and not to crowd the rest out.
TEST(RandomShape, ComesFromTheWholeSpace) {
  const std::pair<const char*, bool (*)(const Shape&)> properties[] = {
      {"batch", [](const Shape& d) { return d.n > 1; }},
      {"large batch", [](const Shape& d) { return d.n > 3; }},
      {"many channels in", [](const Shape& d) { return d.c > 128; }},
      {"many channels out", [](const Shape& d) { return d.k > 128; }},
      {"one channel", [](const Shape& d) { return d.c == 1; }},
      {"one channel out", [](const Shape& d) { return d.k == 1; }},
      {"large image", [](const Shape& d) { return d.h > 64 || d.w > 64; }},
      {"1x1 output", [](const Shape& d) { return d.p == 1 && d.q == 1; }},
      {"more pixels than a block", [](const Shape& d) { return d.p * d.q > 256; }},
      {"h != w", [](const Shape& d) { return d.h != d.w; }},
      {"even kernel", [](const Shape& d) { return d.r % 2 == 0; }},
      {"largest kernel", [](const Shape& d) { return d.r == 11 || d.s == 11; }},
      {"kernel not square", [](const Shape& d) { return d.r != d.s; }},
      {"stride over kernel", [](const Shape& d) { return d.stride_w > d.s; }},
      {"strides differ", [](const Shape& d) { return d.stride_h != d.stride_w; }},
      {"dilation", [](const Shape& d) { return d.dilation_h > 1 && d.r > 1; }},
      {"dilation over the image", [](const Shape& d) { return d.dilation_h > d.h && d.r > 1; }},
      {"no padding", [](const Shape& d) { return d.pad_top + d.pad_bottom + d.pad_left + d.pad_right == 0; }},
      {"padding front only", [](const Shape& d) { return d.pad_left > 0 && d.pad_right == 0; }},
      {"padding back only", [](const Shape& d) { return d.pad_left == 0 && d.pad_right > 0; }},
      {"padding over the image", [](const Shape& d) { return d.pad_top > d.h; }},
      {"kernel over the image", [](const Shape& d) { return d.EffectiveR() > d.h && d.EffectiveS() > d.w; }},
      {"neither bias", [](const Shape& d) { return d.bias_dw == 0 && d.bias_pw == 0; }},
      {"both biases", [](const Shape& d) { return d.bias_dw == 1 && d.bias_pw == 1; }},
      {"no activation", [](const Shape& d) { return d.act_mid == 0 && d.act_out == 0; }},
      {"silu mid", [](const Shape& d) { return d.ActMid() == Activation::kSilu; }},
      {"hardswish out", [](const Shape& d) { return d.ActOut() == Activation::kHardswish; }},
  };
  constexpr int kDraws = 2000;
  for (const auto& [name, holds] : properties) {
    int count = 0;
    for (std::uint64_t seed = 0; seed < kDraws; ++seed) count += holds(RandomShape(seed)) ? 1 : 0;
    EXPECT_GT(count, kDraws / 100) << name;
    EXPECT_LT(count, kDraws * 95 / 100) << name;
  }
}

}  // namespace
}  // namespace assay::dsconv
