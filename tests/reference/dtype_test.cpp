#include "reference/dtype.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace assay {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The fields of a 16-bit format, as IEEE 754 defines them; bf16 is the upper half of an fp32.
struct Fields {
  assay_dtype dtype;
  int fraction_bits;
  int bias;

  int ExponentMask() const { return (1 << (15 - fraction_bits)) - 1; }
  bool IsSpecial(int bits) const { return ((bits >> fraction_bits) & ExponentMask()) == ExponentMask(); }
  bool IsNan(int bits) const { return IsSpecial(bits) && (bits & ((1 << fraction_bits) - 1)) != 0; }

  // The number that finite bits stand for.
  double Value(int bits) const {
    const int exponent = (bits >> fraction_bits) & ExponentMask();
    const int fraction = bits & ((1 << fraction_bits) - 1);
    const double magnitude =
        exponent == 0 ? std::ldexp(fraction, 1 - bias - fraction_bits)
                      : std::ldexp(fraction + (1 << fraction_bits), exponent - bias - fraction_bits);
    return (bits & 0x8000) != 0 ? -magnitude : magnitude;
  }
};

constexpr Fields kHalf{ASSAY_F16, 10, 15};
constexpr Fields kBrain{ASSAY_BF16, 7, 127};

class NarrowDType : public testing::TestWithParam<Fields> {};

float DecodeOne(std::uint16_t bits, assay_dtype dtype) {
  float value = 0;
  Decode(&bits, dtype, {&value, 1});
  return value;
}

std::uint16_t EncodeOne(float value, assay_dtype dtype) {
  std::uint16_t bits = 0;
  Encode({&value, 1}, dtype, &bits);
  return bits;
}

TEST_P(NarrowDType, EveryPatternIsDecodedByItsFieldsAndEncodedBack) {
  const Fields format = GetParam();
  for (int bits = 0; bits < 0x10000; ++bits) {
    const auto pattern = static_cast<std::uint16_t>(bits);
    const float value = DecodeOne(pattern, format.dtype);
    ASSERT_EQ(std::signbit(value), (bits & 0x8000) != 0) << std::hex << bits;
    if (format.IsNan(bits)) {
      ASSERT_TRUE(std::isnan(value)) << std::hex << bits;
      // A quiet NaN with the payload that it had.
      ASSERT_EQ(EncodeOne(value, format.dtype), bits | (1 << (format.fraction_bits - 1))) << std::hex << bits;
      ASSERT_TRUE(std::isnan(RoundToDType(value, format.dtype)));
      continue;
    }
    if (format.IsSpecial(bits)) {
      ASSERT_EQ(std::fabs(value), kInfinity) << std::hex << bits;
    } else {
      ASSERT_EQ(static_cast<double>(value), format.Value(bits)) << std::hex << bits;
    }
    ASSERT_EQ(EncodeOne(value, format.dtype), pattern);
    ASSERT_EQ(std::bit_cast<std::uint32_t>(RoundToDType(value, format.dtype)),
              std::bit_cast<std::uint32_t>(value));
  }
}

TEST_P(NarrowDType, MidpointsRoundToEvenAndTheirNeighboursToTheNearest) {
  const Fields format = GetParam();
  const int infinity = format.ExponentMask() << format.fraction_bits;
  for (int bits = 0; bits < infinity; ++bits) {
    const double low = format.Value(bits);
    // Beyond the largest number comes what would be the next one; it is infinity.
    const bool last = bits + 1 == infinity;
    const double high = last ? 2 * low - format.Value(bits - 1) : format.Value(bits + 1);
    const float high_value = last ? kInfinity : static_cast<float>(high);
    const double middle = low + (high - low) / 2;  // exact
    const float even = bits % 2 == 0 ? static_cast<float>(low) : high_value;
    for (double sign : {1.0, -1.0}) {
      const auto rounded = [&](double value) { return RoundToDType(sign * value, format.dtype); };
      ASSERT_EQ(rounded(middle), sign * even) << std::hex << bits;
      ASSERT_EQ(rounded(std::nextafter(middle, 0.0)), sign * low) << std::hex << bits;
      ASSERT_EQ(rounded(std::nextafter(middle, high)), sign * high_value) << std::hex << bits;
    }
    // Encode rounds floats likewise.
    const auto middle_float = static_cast<float>(middle);
    ASSERT_EQ(static_cast<double>(middle_float), middle);
    ASSERT_EQ(EncodeOne(middle_float, format.dtype), bits % 2 == 0 ? bits : bits + 1) << std::hex << bits;
    ASSERT_EQ(EncodeOne(std::nextafter(middle_float, 0.0F), format.dtype), bits) << std::hex << bits;
    ASSERT_EQ(EncodeOne(std::nextafter(middle_float, kInfinity), format.dtype), bits + 1) << std::hex << bits;
    ASSERT_EQ(EncodeOne(-middle_float, format.dtype), 0x8000 | (bits % 2 == 0 ? bits : bits + 1))
        << std::hex << bits;
  }
}

TEST_P(NarrowDType, LimitsFollowFromTheFields) {
  const Fields format = GetParam();
  EXPECT_EQ(LargestFinite(format.dtype), format.Value((format.ExponentMask() << format.fraction_bits) - 1));
  EXPECT_EQ(SmallestSubnormal(format.dtype), format.Value(1));
  EXPECT_EQ(UnitRoundoff(format.dtype), std::ldexp(1.0, -format.fraction_bits - 1));
  const std::int64_t largest = LargestExactInteger(format.dtype);
  for (std::int64_t i = -largest; i <= largest; ++i) {
    ASSERT_EQ(RoundToDType(static_cast<double>(i), format.dtype), static_cast<float>(i));
  }
  EXPECT_NE(RoundToDType(static_cast<double>(largest + 1), format.dtype), static_cast<float>(largest + 1));
  EXPECT_EQ(DTypeBytes(format.dtype), 2U);
}

TEST_P(NarrowDType, HugeValuesBecomeInfinity) {
  const Fields format = GetParam();
  for (double value : {1e39, 1e300, std::numeric_limits<double>::infinity()}) {
    EXPECT_EQ(RoundToDType(value, format.dtype), kInfinity);
    EXPECT_EQ(RoundToDType(-value, format.dtype), -kInfinity);
  }
  EXPECT_EQ(EncodeOne(std::numeric_limits<float>::max(), format.dtype), format.ExponentMask()
                                                                            << format.fraction_bits);
}

INSTANTIATE_TEST_SUITE_P(Formats, NarrowDType, testing::Values(kHalf, kBrain),
                         [](const auto& parameter) { return std::string(DTypeName(parameter.param.dtype)); });

TEST(Float32, RoundsDoublesAndOverflowsAtTheMidpointAboveTheLargest) {
  EXPECT_EQ(RoundToDType(0.1, ASSAY_F32), 0.1F);
  EXPECT_EQ(RoundToDType(1 + 0x1p-24, ASSAY_F32), 1.0F);
  EXPECT_EQ(RoundToDType(1 + 0x1.8p-23, ASSAY_F32), 1 + 0x1p-22F);
  EXPECT_EQ(RoundToDType(0x1p-150, ASSAY_F32), 0.0F);
  EXPECT_EQ(RoundToDType(0x1.8p-149, ASSAY_F32), 0x1p-148F);
  EXPECT_EQ(RoundToDType(0x1.ffffffp127, ASSAY_F32), kInfinity);
  EXPECT_EQ(RoundToDType(-0x1.ffffffp127, ASSAY_F32), -kInfinity);
  EXPECT_EQ(RoundToDType(std::nextafter(0x1.ffffffp127, 0), ASSAY_F32), std::numeric_limits<float>::max());
  EXPECT_TRUE(std::isnan(RoundToDType(std::nan(""), ASSAY_F32)));
  EXPECT_EQ(LargestFinite(ASSAY_F32), std::numeric_limits<float>::max());
  EXPECT_EQ(SmallestSubnormal(ASSAY_F32), std::numeric_limits<float>::denorm_min());
  EXPECT_EQ(UnitRoundoff(ASSAY_F32), 0x1p-24);
  EXPECT_EQ(LargestExactInteger(ASSAY_F32), 1 << 24);
  EXPECT_EQ(DTypeBytes(ASSAY_F32), 4U);
}

TEST(Float32, EncodeAndDecodeKeepEveryBit) {
  const std::array<float, 4> values = {-0.0F, 1.5F, kInfinity, std::numeric_limits<float>::denorm_min()};
  std::array<float, 4> bits{};
  std::array<float, 4> back{};
  Encode(values, ASSAY_F32, bits.data());
  Decode(bits.data(), ASSAY_F32, back);
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(back[i]), std::bit_cast<std::uint32_t>(values[i]));
  }
}

TEST(Formats, UnitRoundoffs) {
  EXPECT_EQ(UnitRoundoff(ASSAY_FORMAT_F64), 0x1p-53);
  EXPECT_EQ(UnitRoundoff(ASSAY_FORMAT_F32), 0x1p-24);
  EXPECT_EQ(UnitRoundoff(ASSAY_FORMAT_TF32), 0x1p-11);
  EXPECT_EQ(UnitRoundoff(ASSAY_FORMAT_F16), 0x1p-11);
  EXPECT_EQ(UnitRoundoff(ASSAY_FORMAT_BF16), 0x1p-8);
}

TEST(Names, AreReadBack) {
  for (assay_dtype dtype : {ASSAY_F32, ASSAY_F16, ASSAY_BF16}) EXPECT_EQ(ParseDType(DTypeName(dtype)), dtype);
  for (assay_layout layout : {ASSAY_NCHW, ASSAY_NHWC}) EXPECT_EQ(ParseLayout(LayoutName(layout)), layout);
  EXPECT_EQ(DTypeName(ASSAY_BF16), "bf16");
  EXPECT_EQ(LayoutName(ASSAY_NHWC), "nhwc");
  EXPECT_EQ(ParseDType("float"), std::nullopt);
  EXPECT_EQ(ParseLayout("NCHW"), std::nullopt);
}

}  // namespace
}  // namespace assay
