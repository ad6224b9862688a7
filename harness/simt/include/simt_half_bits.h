// The conversions between float and the bits of the two 16-bit formats, as the GPU makes them: round to
// nearest even, subnormals kept, every NaN turned into the canonical one (0x7fff; 0x7fffffff when an fp16 is
// widened).
#pragma once

#include <bit>
#include <cstdint>

#if defined(__F16C__)
#include <immintrin.h>
#endif

namespace assay::simt {

// The same results with integer arithmetic alone, for compilers without F16C.
constexpr std::uint16_t FloatToHalfBitsPortable(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return 0x7fff;
  if (magnitude >= 0x47800000u) return static_cast<std::uint16_t>(sign | 0x7c00u);  // 65536 and above
  // The float's significand with its leading one, to be shifted right so that one unit is one half-precision
  // ulp.
  std::uint32_t significand = (magnitude & 0x007fffffu) | 0x00800000u;
  const int exponent = static_cast<int>(magnitude >> 23) - 127;
  std::uint32_t base = 0;  // bits of the half below the rounding, less its significand
  int shift = 13;
  if (exponent >= -14) {
    base = static_cast<std::uint32_t>(exponent + 14)
           << 10;  // the leading one adds the last unit of the exponent
  } else {
    shift += -14 - exponent;
    if (shift > 25) return sign;  // under half of the smallest subnormal
  }
  const std::uint32_t half_ulp = 1u << (shift - 1);
  const std::uint32_t rest = significand & ((1u << shift) - 1);
  std::uint32_t result = base + (significand >> shift);
  if (rest > half_ulp || (rest == half_ulp && (result & 1u) != 0))
    ++result;  // may carry into the exponent, up to inf
  return static_cast<std::uint16_t>(sign | result);
}

constexpr float HalfBitsToFloatPortable(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000u) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1fu;
  const std::uint32_t significand = half & 0x3ffu;
  if (exponent == 0x1f) return std::bit_cast<float>(significand != 0 ? 0x7fffffffu : sign | 0x7f800000u);
  if (exponent != 0) return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (significand << 13));
  const float magnitude = static_cast<float>(significand) * 0x1p-24f;  // exact
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(magnitude));
}

inline std::uint16_t FloatToHalfBits(float value) {
#if defined(__F16C__)
  const auto bits = static_cast<std::uint16_t>(_cvtss_sh(value, _MM_FROUND_TO_NEAREST_INT));
  return value == value ? bits
                        : std::uint16_t{0x7fff};  // the instruction keeps a NaN's payload, a GPU does not
#else
  return FloatToHalfBitsPortable(value);
#endif
}

inline float HalfBitsToFloat(std::uint16_t half) {
#if defined(__F16C__)
  const float value = _cvtsh_ss(half);
  return value == value ? value : std::bit_cast<float>(0x7fffffffu);
#else
  return HalfBitsToFloatPortable(half);
#endif
}

constexpr std::uint16_t FloatToBfloatBits(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fff;
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

constexpr float BfloatBitsToFloat(std::uint16_t bfloat) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bfloat) << 16);
}

// The nearest number of 10 fraction bits, ties away from zero, as cvt.rna.tf32.f32 gives it; NaN is
// canonical.
constexpr std::uint32_t FloatToTf32Bits(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fffffffu;
  if ((bits & 0x7f800000u) == 0x7f800000u) return bits;
  return (bits + 0x1000u) & 0xffffe000u;
}

}  // namespace assay::simt
