#include "harness/verify/rounding.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace assay {
namespace {

// True if all values are integers that every format of this dtype's precision holds exactly.
bool AreExactIntegers(std::span<const double> values, assay_dtype dtype) {
  const auto largest = static_cast<double>(LargestExactInteger(dtype));
  std::int64_t others = 0;
#pragma omp simd reduction(+ : others)
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool small = std::fabs(values[i]) <= largest;  // false for NaN
    const double whole = static_cast<double>(static_cast<std::int32_t>(small ? values[i] : 0.5));
    others += whole == values[i] ? 0 : 1;
  }
  return others == 0;
}

}  // namespace

void RoundAll(std::span<const double> values, assay_dtype dtype, std::span<float> out) {
  constexpr std::size_t kBlock = 1024;
  for (std::size_t begin = 0; begin < values.size(); begin += kBlock) {
    const auto block = values.subspan(begin, std::min(kBlock, values.size() - begin));
    float* to = out.data() + begin;
    if (AreExactIntegers(block, dtype)) {
#pragma omp simd
      for (std::size_t i = 0; i < block.size(); ++i) to[i] = static_cast<float>(block[i]);
    } else {
      for (std::size_t i = 0; i < block.size(); ++i) to[i] = RoundToDType(block[i], dtype);
    }
  }
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
