// The plain evaluation against numbers worked out apart from it. Those of the longer cases were made by a
// Python script that goes another way: it copies the image into a zero-padded one, spreads the kernel with
// zeros between its taps, slides it over every position and then drops the positions that the stride leaves
// out.
#include "reference/dsconv/plain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reference/dsconv/test_problems.h"

namespace assay::dsconv {
namespace {

using testing::ElementsAre;
using testing::Pointwise;

InputSet Given(std::vector<TensorVector<float>> values) {
  InputSet set{std::move(values), {}};
  set.views.assign(set.values.begin(), set.values.end());
  return set;
}

// The script's inputs: element i is ((i * factor) % modulus - shift) * scale.
TensorVector<float> Pattern(std::int64_t count, int factor, int modulus, int shift, float scale) {
  TensorVector<float> values;
  for (std::int64_t i = 0; i < count; ++i) {
    values.push_back(static_cast<float>(i * factor % modulus - shift) * scale);
  }
  return values;
}

InputSet Patterns(const Shape& d, float scale_x, float scale_weights) {
  return Given({Pattern(d.n * d.c * d.h * d.w, 7, 11, 5, scale_x),
                Pattern(d.c * d.r * d.s, 5, 7, 3, scale_weights),
                d.bias_dw != 0 ? Pattern(d.c, 3, 5, 1, 1) : TensorVector<float>{},
                Pattern(d.k * d.c, 4, 9, 4, scale_weights),
                d.bias_pw != 0 ? Pattern(d.k, 2, 3, 2, 1) : TensorVector<float>{}});
}

TEST(Plain, OnePixelByHand) {
  // -1 + 0.25 * (2 + 0.5 * 3) = -0.125; sum |terms| = 1 + 0.25 * (2 + 1.5 + floor).
  const PlainResult result =
      EvaluatePlain(ShapeOf("n1c1k1h1w1r1-b"), Given({{3}, {0.5}, {2}, {0.25}, {-1}}).views);
  EXPECT_THAT(result.reference, ElementsAre(-0.125));
  EXPECT_THAT(result.magnitude, ElementsAre(1.875 + 0.25 * kUnderflowFloor));
}

TEST(Plain, PaddingCountsAsZeroAndTapsAreNotMirrored) {
  // A row 1 2 3 under the taps 10 1 with one zero in front: 0*10 + 1*1, 1*10 + 2*1, 2*10 + 3*1.
  const PlainResult result =
      EvaluatePlain(ShapeOf("n1c1k1h1w3r1s2p0x0x1x0"), Given({{1, 2, 3}, {10, 1}, {}, {1}, {}}).views);
  EXPECT_THAT(result.reference, ElementsAre(1, 12, 23));
}

TEST(Plain, MagnitudeAddsWhatTheValueCancels) {
  const PlainResult result =
      EvaluatePlain(ShapeOf("n1c2k1h1w1r1"), Given({{3, 3}, {1, 1}, {}, {2, -2}, {}}).views);
  EXPECT_THAT(result.reference, ElementsAre(0));
  EXPECT_THAT(result.magnitude, ElementsAre(12 + 4 * kUnderflowFloor));
}

TEST(Plain, ReluBetweenTheHalvesKeepsTheMagnitude) {
  const PlainResult result =
      EvaluatePlain(ShapeOf("n1c1k1h1w1r1-mid.relu"), Given({{3}, {-1}, {}, {2}, {}}).views);
  EXPECT_THAT(result.reference, ElementsAre(0));
  EXPECT_THAT(result.magnitude, ElementsAre(6 + 2 * kUnderflowFloor));
}

TEST(Plain, StrideDilationAndUnevenPaddingWithRelu) {
  const Shape d = ShapeOf("n1c2k2h4w5r2s3p1x2x2x0st2x1d2x1-b-mid.relu");
  ASSERT_EQ(d.p, 3);
  ASSERT_EQ(d.q, 5);
  EXPECT_THAT(EvaluatePlain(d, Patterns(d, 1, 1).views).reference,
              ElementsAre(-2, -2, -70, -2, -2, -2, -2, -38, -22, -2, -2, -6, -2, -66, -2,  //
                          -17, 0, 68, -20, 0, -6, -8, 36, 13, -11, 0, -14, 0, 64, -18));
}

TEST(Plain, StrideAndDilationPerAxisWithRelu6AtTheEnd) {
  const Shape d = ShapeOf("n1c2k2h5w6r3s2p0x1x1x3st1x2d1x3-bpw-out.relu6");
  ASSERT_EQ(d.p, 4);
  ASSERT_EQ(d.q, 4);
  EXPECT_THAT(EvaluatePlain(d, Patterns(d, 1, 1).views).reference,
              ElementsAre(0, 6, 6, 0, 6, 6, 6, 0, 0, 0, 6, 6, 0, 6, 0, 6,  //
                          6, 0, 0, 6, 0, 0, 0, 6, 0, 6, 0, 0, 6, 0, 6, 0));
}

TEST(Plain, HardswishBetweenAndSiluAtTheEnd) {
  const Shape d = ShapeOf("n1c1k2h3w3r3p1-bdw-mid.hardswish-out.silu");
  const std::vector<double> expected = {0.0,
                                        0.19419006882077156,
                                        0.21515866285897475,
                                        0.21515866285897475,
                                        0.22047239840001315,
                                        0.17876645929212942,
                                        -0.27727794016623974,
                                        0.0,
                                        0.0,
                                        0.0,
                                        0.0,
                                        0.0,
                                        0.0,
                                        0.0,
                                        0.0,
                                        0.0,
                                        0.0,
                                        0.0};
  EXPECT_THAT(EvaluatePlain(d, Patterns(d, 0.5F, 0.25F).views).reference,
              Pointwise(testing::DoubleNear(1e-14), expected));
}

TEST(Plain, ImagesAndChannelsDoNotMix) {
  // Two images, two channels, pointwise weights that pick one channel each.
  const PlainResult result = EvaluatePlain(
      ShapeOf("n2c2k2h1w2r1"), Given({{1, 2, 3, 4, 5, 6, 7, 8}, {1, 10}, {}, {0, 1, 1, 0}, {}}).views);
  EXPECT_THAT(result.reference, ElementsAre(30, 40, 1, 2, 70, 80, 5, 6));
}

TEST(Activations, NanPassesThroughAndInfinityGoesToItsLimit) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  for (std::int64_t i = 0; i < kNumActivations; ++i) {
    const auto activation = static_cast<Activation>(i);
    EXPECT_TRUE(std::isnan(Activate(activation, std::nan("")))) << i;
    EXPECT_EQ(Activate(activation, kInf), activation == Activation::kRelu6 ? 6 : kInf) << i;
    EXPECT_EQ(Activate(activation, -kInf), activation == Activation::kNone ? -kInf : 0) << i;
    EXPECT_EQ(ParseActivation(ActivationName(activation)), activation);
  }
  EXPECT_EQ(ParseActivation("gelu"), std::nullopt);
}

// What the error bound builds on, on a fine grid that holds the steepest points.
TEST(Activations, StayWithinTheirArgumentAndTheirLipschitzConstant) {
  constexpr double kStep = 1.0 / 1024;
  for (std::int64_t i = 0; i < kNumActivations; ++i) {
    const auto activation = static_cast<Activation>(i);
    double steepest = 0;
    for (double z = -20; z < 20; z += kStep) {
      ASSERT_LE(std::fabs(Activate(activation, z)), std::fabs(z));
      steepest =
          std::max(steepest, std::fabs(Activate(activation, z + kStep) - Activate(activation, z)) / kStep);
    }
    EXPECT_LE(steepest, LipschitzConstant(activation) + 1e-9) << i;
    EXPECT_GE(steepest, 0.99 * LipschitzConstant(activation)) << i;
  }
}

}  // namespace
}  // namespace assay::dsconv
