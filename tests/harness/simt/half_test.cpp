// The 16-bit formats, over all their patterns and around every rounding boundary, against arithmetic in
// double.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace {

using assay::simt::FloatToBfloatBits;
using assay::simt::FloatToHalfBits;
using assay::simt::FloatToHalfBitsPortable;
using assay::simt::HalfBitsToFloat;
using assay::simt::HalfBitsToFloatPortable;

static_assert(std::is_trivial_v<__half> && std::is_trivial_v<__half2>);
static_assert(std::is_trivial_v<__nv_bfloat16> && std::is_trivial_v<__nv_bfloat162>);

// A binary format of 16 bits, by its definition.
struct Format {
  int significand_bits;
  int bias;

  std::uint16_t ExponentMask() const {
    return static_cast<std::uint16_t>(0x7fffu & ~((1u << significand_bits) - 1));
  }
  bool IsNan(std::uint16_t bits) const { return (bits & 0x7fffu) > ExponentMask(); }
  double Value(std::uint16_t bits) const {
    const double sign = (bits & 0x8000u) != 0 ? -1.0 : 1.0;
    const int exponent = (bits & ExponentMask()) >> significand_bits;
    const int significand = bits & ((1 << significand_bits) - 1);
    if ((bits & ExponentMask()) == ExponentMask()) return sign * std::numeric_limits<double>::infinity();
    const double fraction = std::ldexp(significand, -significand_bits);
    return sign *
           (exponent == 0 ? std::ldexp(fraction, 1 - bias) : std::ldexp(1 + fraction, exponent - bias));
  }
};

constexpr Format kHalf{10, 15};
constexpr Format kBfloat{7, 127};

std::uint32_t Bits(float value) { return std::bit_cast<std::uint32_t>(value); }

void ExpectSameFloat(float got, double expected, std::uint16_t pattern) {
  EXPECT_EQ(Bits(got), Bits(static_cast<float>(expected))) << "pattern " << std::hex << pattern;
}

TEST(Half, EveryPatternWidensAndComesBack) {
  for (std::uint32_t i = 0; i <= 0xffff; ++i) {
    const auto pattern = static_cast<std::uint16_t>(i);
    const float wide = __half2float(__ushort_as_half(pattern));
    EXPECT_EQ(Bits(wide), Bits(HalfBitsToFloatPortable(pattern)));
    if (kHalf.IsNan(pattern)) {
      EXPECT_EQ(Bits(wide), 0x7fffffffu);
      EXPECT_EQ(__half_as_ushort(__float2half_rn(wide)), 0x7fff);
      continue;
    }
    ExpectSameFloat(wide, kHalf.Value(pattern), pattern);
    EXPECT_EQ(__half_as_ushort(__float2half_rn(wide)), pattern);
  }
}

TEST(Bfloat16, EveryPatternWidensAndComesBack) {
  for (std::uint32_t i = 0; i <= 0xffff; ++i) {
    const auto pattern = static_cast<std::uint16_t>(i);
    const float wide = __bfloat162float(__ushort_as_bfloat16(pattern));
    EXPECT_EQ(Bits(wide), i << 16);
    if (kBfloat.IsNan(pattern)) {
      EXPECT_EQ(__bfloat16_as_ushort(__float2bfloat16_rn(wide)), 0x7fff);
      continue;
    }
    ExpectSameFloat(wide, kBfloat.Value(pattern), pattern);
    EXPECT_EQ(__bfloat16_as_ushort(__float2bfloat16_rn(wide)), pattern);
  }
}

// For each two neighbours of the format: the midpoint goes to the even one, the floats beside it to the
// nearer one. Beyond the largest finite number the neighbour is what the next exponent would begin with, and
// stands for infinity.
template <class Round>
void ExpectNearestEven(const Format& format, Round round) {
  for (std::uint16_t low = 0; low < format.ExponentMask(); ++low) {
    const auto high = static_cast<std::uint16_t>(low + 1);
    const double below = format.Value(low);
    const bool overflows = high == format.ExponentMask();
    const double ulp =
        overflows ? below - format.Value(static_cast<std::uint16_t>(low - 1)) : format.Value(high) - below;
    const auto middle = static_cast<float>(below + ulp / 2);
    ASSERT_EQ(static_cast<double>(middle), below + ulp / 2) << "the midpoint is a float";
    const std::uint16_t even = low % 2 == 0 ? low : high;
    for (const std::uint16_t sign : {std::uint16_t{0}, std::uint16_t{0x8000}}) {
      const float s = sign == 0 ? 1.0f : -1.0f;
      ASSERT_EQ(round(s * middle), sign | even) << std::hex << low;
      ASSERT_EQ(round(s * std::nextafterf(middle, 0.0f)), sign | low) << std::hex << low;
      ASSERT_EQ(round(s * std::nextafterf(middle, INFINITY)), sign | high) << std::hex << low;
    }
  }
}

TEST(Half, RoundsToNearestEven) {
  ExpectNearestEven(kHalf, FloatToHalfBits);
  ExpectNearestEven(kHalf, FloatToHalfBitsPortable);
}

TEST(Bfloat16, RoundsToNearestEven) { ExpectNearestEven(kBfloat, FloatToBfloatBits); }

TEST(Half, SpecialValues) {
  for (const auto round : {FloatToHalfBits, static_cast<std::uint16_t (*)(float)>(FloatToHalfBitsPortable)}) {
    EXPECT_EQ(round(0.0f), 0x0000);
    EXPECT_EQ(round(-0.0f), 0x8000);
    EXPECT_EQ(round(INFINITY), 0x7c00);
    EXPECT_EQ(round(-INFINITY), 0xfc00);
    EXPECT_EQ(round(std::numeric_limits<float>::max()), 0x7c00);
    EXPECT_EQ(round(std::numeric_limits<float>::denorm_min()), 0x0000);
    EXPECT_EQ(round(NAN), 0x7fff);
    EXPECT_EQ(round(-NAN), 0x7fff);
    EXPECT_EQ(round(std::bit_cast<float>(0xff800001u)), 0x7fff) << "a signalling NaN with a payload";
  }
}

TEST(Bfloat16, SpecialValues) {
  EXPECT_EQ(FloatToBfloatBits(-0.0f), 0x8000);
  EXPECT_EQ(FloatToBfloatBits(-INFINITY), 0xff80);
  EXPECT_EQ(FloatToBfloatBits(std::numeric_limits<float>::max()), 0x7f80);
  EXPECT_EQ(FloatToBfloatBits(std::numeric_limits<float>::denorm_min()), 0x0000);
  EXPECT_EQ(FloatToBfloatBits(NAN), 0x7fff);
  EXPECT_EQ(FloatToBfloatBits(std::bit_cast<float>(0xff800001u)), 0x7fff) << "not infinity";
}

// The instruction and the integer version agree on floats from all over the range.
TEST(Half, BothConversionsAgree) {
  for (std::uint64_t i = 0; i <= 0xffffffffu; i += 1009) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(i));
    ASSERT_EQ(FloatToHalfBits(value), FloatToHalfBitsPortable(value)) << std::hex << i;
  }
}

TEST(Pairs, ConvertElementByElement) {
  const __half2 half = __float22half2_rn(make_float2(1.0f, -2.5f));
  EXPECT_EQ(__half_as_ushort(half.x), 0x3c00);
  EXPECT_EQ(__low2float(half), 1.0f);
  EXPECT_EQ(__high2float(half), -2.5f);
  EXPECT_EQ(__half22float2(__floats2half2_rn(3.0f, 4.0f)).y, 4.0f);
  EXPECT_EQ(__half22float2(__halves2half2(__float2half_rn(5.0f), __float2half_rn(6.0f))).x, 5.0f);

  const __nv_bfloat162 bfloat = __float22bfloat162_rn(make_float2(1.0f, -2.5f));
  EXPECT_EQ(__bfloat16_as_ushort(bfloat.x), 0x3f80);
  EXPECT_EQ(__low2float(bfloat), 1.0f);
  EXPECT_EQ(__bfloat1622float2(bfloat).y, -2.5f);
  EXPECT_EQ(__bfloat1622float2(__floats2bfloat162_rn(3.0f, 4.0f)).x, 3.0f);
}

}  // namespace
