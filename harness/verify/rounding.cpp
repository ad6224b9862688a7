#include "harness/verify/rounding.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace assay {
namespace {

constexpr std::uint64_t kSign = std::uint64_t{1} << 63;

// To fp16 or bf16, as RoundToDType() does it but without branches, so that the compiler can use vector
// instructions.
void RoundAllToNarrow(std::span<const double> values, assay_dtype dtype, float* out) {
  const int precision = SignificantBits(dtype), dropped = 53 - precision;
  const double largest = LargestFinite(dtype), spacing = SmallestSubnormal(dtype);
  const double least_normal = std::ldexp(spacing, precision - 1);
  const double anchor = 0x1.8p52 * spacing;  // doubles around it have the spacing of subnormal numbers
  const std::uint64_t below = (std::uint64_t{1} << dropped) - 1, half = below / 2;
#pragma omp simd
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint64_t bits = std::bit_cast<std::uint64_t>(values[i]);
    const std::uint64_t magnitude_bits = bits & ~kSign;
    const double magnitude = std::bit_cast<double>(magnitude_bits);
    const double subnormal = (magnitude + anchor) - anchor;
    const std::uint64_t even = magnitude_bits + half + ((magnitude_bits >> dropped) & 1);
    double rounded = std::bit_cast<double>(even & ~below);
    rounded = rounded > largest ? std::numeric_limits<double>::infinity() : rounded;
    rounded = magnitude < least_normal ? subnormal : rounded;
    rounded = magnitude == magnitude ? rounded : magnitude;  // NaN
    out[i] =
        static_cast<float>(std::bit_cast<double>(std::bit_cast<std::uint64_t>(rounded) | (bits & kSign)));
  }
}

void RoundAllToFloat(std::span<const double> values, float* out) {
  constexpr double kOverflow = 0x1.ffffffp127;
#pragma omp simd
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double value = values[i];
    // Larger numbers are not converted, which C++ leaves undefined.
    const bool large = std::fabs(value) >= kOverflow;
    const float converted = static_cast<float>(large ? 0.0 : value);
    const float infinity =
        value > 0 ? std::numeric_limits<float>::infinity() : -std::numeric_limits<float>::infinity();
    out[i] = large ? infinity : converted;
  }
}

}  // namespace

void RoundAll(std::span<const double> values, assay_dtype dtype, std::span<float> out) {
  if (dtype == ASSAY_F32) return RoundAllToFloat(values, out.data());
  RoundAllToNarrow(values, dtype, out.data());
}

void RoundUpAll(std::span<const double> values, std::span<float> out) {
  constexpr double kLargest = std::numeric_limits<float>::max();
  const double* from = values.data();
  float* to = out.data();
#pragma omp simd
  for (std::size_t i = 0; i < values.size(); ++i) {
    // Larger numbers are not converted, which C++ leaves undefined.
    const bool fits = from[i] <= kLargest;
    const float nearest = static_cast<float>(fits ? from[i] : kLargest);
    // Of floats of one sign the next larger has the next bits, from zero up to infinity.
    const std::uint32_t step = static_cast<double>(nearest) < from[i] ? 1 : 0;
    const float up = std::bit_cast<float>(std::bit_cast<std::uint32_t>(nearest) + step);
    to[i] = fits || from[i] > kLargest ? up : std::numeric_limits<float>::quiet_NaN();
  }
}

}  // namespace assay
