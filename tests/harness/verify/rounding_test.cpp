#include "harness/verify/rounding.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

namespace assay {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(RoundAll, AgreesWithRoundingOneByOne) {
  std::vector<double> values(3000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i) - 1500;
  for (assay_dtype dtype : {ASSAY_F32, ASSAY_F16, ASSAY_BF16}) {
    // Integers alone, and blocks with something else among them.
    for (double odd : {0.0, 0.5, 1e30, -1e300, kInf, 70000.0, 257.0, 2049.0, 16777217.0, 1e-8, -0.0}) {
      values[1500] = odd;
      std::vector<float> rounded(values.size());
      RoundAll(values, dtype, rounded);
      for (std::size_t i = 0; i < values.size(); ++i) {
        ASSERT_EQ(rounded[i], RoundToDType(values[i], dtype)) << values[i] << " in " << DTypeName(dtype);
      }
    }
    values[1500] = std::nan("");
    std::vector<float> rounded(values.size());
    RoundAll(values, dtype, rounded);
    EXPECT_TRUE(std::isnan(rounded[1500]));
  }
}

TEST(RoundAll, AgreesAtEveryExponent) {
  std::mt19937_64 generator(2);
  std::vector<double> values;
  for (std::uint64_t exponent = 0; exponent < 2048; ++exponent) {
    for (int i = 0; i < 100; ++i) {
      // Half of them midpoints of the narrow formats, or close by.
      const std::uint64_t random = generator(),
                          kept = i % 2 == 0 ? ~std::uint64_t{0} : ~std::uint64_t{0} << 41;
      const std::uint64_t bits = (random & 0x800fffffffffffff & kept) | exponent << 52;
      for (const std::uint64_t near : {bits, bits + 1, bits - 1})
        values.push_back(std::bit_cast<double>(near));
    }
  }
  for (assay_dtype dtype : {ASSAY_F32, ASSAY_F16, ASSAY_BF16}) {
    std::vector<float> rounded(values.size());
    RoundAll(values, dtype, rounded);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const float right = RoundToDType(values[i], dtype);
      if (std::isnan(values[i])) {
        ASSERT_TRUE(std::isnan(rounded[i]));
      } else {
        ASSERT_EQ(std::bit_cast<std::uint32_t>(rounded[i]), std::bit_cast<std::uint32_t>(right))
            << values[i] << " in " << DTypeName(dtype);
      }
    }
  }
}

TEST(RoundUpAll, GivesTheSmallestFloatThatIsNotBelow) {
  constexpr float kMax = std::numeric_limits<float>::max();
  std::vector<double> values = {
      0,        1,          1 + 1e-9, 1 - 1e-9, 1e-60,
      0x1p-149, 0x1.8p-149, 0x1p-127, kMax,     static_cast<double>(kMax) * (1 + 1e-12),
      1e300,    kInf};
  std::mt19937_64 generator(1);
  std::uniform_real_distribution<double> exponent(-40, 38);
  for (int i = 0; i < 10000; ++i) values.push_back(std::pow(10.0, exponent(generator)));
  std::vector<float> up(values.size());
  RoundUpAll(values, up);
  for (std::size_t i = 0; i < values.size(); ++i) {
    ASSERT_GE(static_cast<double>(up[i]), values[i]);
    if (up[i] == 0) continue;
    const float below = std::nextafter(up[i], 0.0F);
    ASSERT_LT(static_cast<double>(below), values[i]) << "a smaller float would do for " << values[i];
  }
  EXPECT_EQ(up[0], 0);
  EXPECT_EQ(up[10], std::numeric_limits<float>::infinity());
}

TEST(RoundUpAll, KeepsNaN) {
  const std::vector<double> values(9, std::nan(""));
  std::vector<float> up(9);
  RoundUpAll(values, up);
  for (float value : up) EXPECT_TRUE(std::isnan(value));
}

}  // namespace
}  // namespace assay
