#include "reference/dtype.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>

namespace assay {
namespace {

// A binary format by IEEE 754-2019, 3.3: `precision` significant bits, normal numbers from `least_normal` on.
struct Format {
  int precision;
  double least_normal;
  double largest;
  // 2^(1 - precision) of the least normal number: the spacing below it.
  constexpr double Spacing() const {
    return least_normal / static_cast<double>(std::int64_t{1} << (precision - 1));
  }
};

constexpr Format kFloat32{24, 0x1p-126, 0x1.fffffep127};
constexpr Format kFloat16{11, 0x1p-14, 65504.0};
constexpr Format kBFloat16{8, 0x1p-126, 0x1.fep127};

const Format& FormatOf(assay_dtype dtype) {
  switch (dtype) {
    case ASSAY_F32:
      return kFloat32;
    case ASSAY_F16:
      return kFloat16;
    case ASSAY_BF16:
      return kBFloat16;
  }
  throw std::invalid_argument("unknown dtype " + std::to_string(static_cast<int>(dtype)));
}

// Rounds to a format narrower than float. Every step below is exact or rounds once, to nearest even.
double RoundToNarrow(double value, const Format& format) {
  if (std::isnan(value)) return value;
  const double magnitude = std::fabs(value);
  double rounded;
  if (magnitude < format.least_normal) {
    // Below the normal numbers the spacing is constant: that of doubles around `anchor`.
    const double anchor = 0x1.8p52 * format.Spacing();
    rounded = (magnitude + anchor) - anchor;
  } else {
    const int dropped = 53 - format.precision;
    std::uint64_t bits = std::bit_cast<std::uint64_t>(magnitude);
    const std::uint64_t last_kept = (bits >> dropped) & 1;
    bits += (std::uint64_t{1} << (dropped - 1)) - 1 + last_kept;
    bits &= ~((std::uint64_t{1} << dropped) - 1);
    rounded = std::bit_cast<double>(bits);
    if (rounded > format.largest) rounded = std::numeric_limits<double>::infinity();
  }
  return std::copysign(rounded, value);
}

constexpr std::uint32_t kFloatInfinity = 0x7f800000;

// The following choose among results without branches, so that loops over them become vector instructions.

std::uint16_t EncodeFloat16(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t magnitude = bits & 0x7fffffff;
  const std::uint32_t up = magnitude + 0xfff + ((magnitude >> 13) & 1);
  std::uint32_t half = (up >> 13) - (112U << 10);
  // Below 2^-14: half subnormals have the spacing that floats have in [1/2, 1).
  const float shifted = std::bit_cast<float>(magnitude) + 0.5F;
  half = magnitude < 0x38800000 ? std::bit_cast<std::uint32_t>(shifted) - 0x3f000000 : half;
  half = magnitude >= 0x47800000 ? 0x7c00 : half;  // 2^16 and up
  // NaN: keep the payload's upper bits, make it quiet.
  half = magnitude > kFloatInfinity ? 0x7e00 | ((magnitude >> 13) & 0x3ff) : half;
  return static_cast<std::uint16_t>(((bits >> 16) & 0x8000) | half);
}

float DecodeFloat16(std::uint16_t half) {
  const std::uint32_t exponent = (half >> 10) & 0x1f;
  const std::uint32_t fraction = half & 0x3ff;
  const float subnormal = static_cast<float>(static_cast<std::int32_t>(fraction)) * 0x1p-24F;
  const std::uint32_t float_exponent = exponent == 0x1f ? 0xff : exponent + 112;
  const std::uint32_t normal = (float_exponent << 23) | (fraction << 13);
  const std::uint32_t magnitude = exponent == 0 ? std::bit_cast<std::uint32_t>(subnormal) : normal;
  return std::bit_cast<float>((static_cast<std::uint32_t>(half & 0x8000) << 16) | magnitude);
}

std::uint16_t EncodeBFloat16(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  const std::uint32_t quiet = (bits >> 16) | 0x40;
  return static_cast<std::uint16_t>((bits & 0x7fffffff) > kFloatInfinity ? quiet : rounded);
}

float DecodeBFloat16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

template <auto kConvert, class From, class To>
void ConvertAll(const From* from, std::size_t count, To* to) {
#pragma omp simd
  for (std::size_t i = 0; i < count; ++i) to[i] = kConvert(from[i]);
}

}  // namespace

std::string_view DTypeName(assay_dtype dtype) {
  switch (dtype) {
    case ASSAY_F32:
      return "fp32";
    case ASSAY_F16:
      return "fp16";
    case ASSAY_BF16:
      return "bf16";
  }
  return "unknown dtype";
}

std::string_view LayoutName(assay_layout layout) {
  switch (layout) {
    case ASSAY_NCHW:
      return "nchw";
    case ASSAY_NHWC:
      return "nhwc";
  }
  return "unknown layout";
}

std::optional<assay_dtype> ParseDType(std::string_view name) {
  for (assay_dtype dtype : {ASSAY_F32, ASSAY_F16, ASSAY_BF16}) {
    if (name == DTypeName(dtype)) return dtype;
  }
  return std::nullopt;
}

std::optional<assay_layout> ParseLayout(std::string_view name) {
  for (assay_layout layout : {ASSAY_NCHW, ASSAY_NHWC}) {
    if (name == LayoutName(layout)) return layout;
  }
  return std::nullopt;
}

std::size_t DTypeBytes(assay_dtype dtype) { return dtype == ASSAY_F32 ? 4 : 2; }

double UnitRoundoff(assay_dtype dtype) { return std::ldexp(1.0, -FormatOf(dtype).precision); }

double UnitRoundoff(assay_format format) {
  switch (format) {
    case ASSAY_FORMAT_F64:
      return 0x1p-53;
    case ASSAY_FORMAT_F32:
      return 0x1p-24;
    case ASSAY_FORMAT_TF32:
    case ASSAY_FORMAT_F16:
      return 0x1p-11;
    case ASSAY_FORMAT_BF16:
      return 0x1p-8;
    case ASSAY_FORMAT_TF32X3:
      return 0x1p-21;  // what two parts of 2^-11 each leave out, and the product of the two small parts
  }
  throw std::invalid_argument("unknown number format " + std::to_string(static_cast<int>(format)));
}

int SignificantBits(assay_dtype dtype) { return FormatOf(dtype).precision; }

int SignificantBits(assay_format format) {
  switch (format) {
    case ASSAY_FORMAT_F64:
      return 53;
    case ASSAY_FORMAT_F32:
      return 24;
    case ASSAY_FORMAT_TF32:
    case ASSAY_FORMAT_F16:
      return 11;
    case ASSAY_FORMAT_BF16:
      return 8;
    case ASSAY_FORMAT_TF32X3:
      return 22;
  }
  throw std::invalid_argument("unknown number format " + std::to_string(static_cast<int>(format)));
}

double SmallestSubnormal(assay_format format) {
  switch (format) {
    case ASSAY_FORMAT_F64:
      return 0x1p-1074;
    case ASSAY_FORMAT_F32:
      return SmallestSubnormal(ASSAY_F32);
    case ASSAY_FORMAT_TF32:
    case ASSAY_FORMAT_TF32X3:
      return 0x1p-136;  // fp32's exponents with 10 fraction bits
    case ASSAY_FORMAT_F16:
      return SmallestSubnormal(ASSAY_F16);
    case ASSAY_FORMAT_BF16:
      return SmallestSubnormal(ASSAY_BF16);
  }
  throw std::invalid_argument("unknown number format " + std::to_string(static_cast<int>(format)));
}

double SmallestSubnormal(assay_dtype dtype) { return FormatOf(dtype).Spacing(); }

double LargestFinite(assay_dtype dtype) { return FormatOf(dtype).largest; }

std::int64_t LargestExactInteger(assay_dtype dtype) { return std::int64_t{1} << FormatOf(dtype).precision; }

assay_dtype ExactDTypeOf(assay_dtype dtype, const assay_promise& promise) {
  const assay_format sums = promise.accumulator;
  if (sums == ASSAY_FORMAT_BF16) return ASSAY_BF16;
  const bool half = sums == ASSAY_FORMAT_F16 || sums == ASSAY_FORMAT_TF32;
  return half && dtype == ASSAY_F32 ? ASSAY_F16 : dtype;
}

float RoundToDType(double value, assay_dtype dtype) {
  if (dtype == ASSAY_F32) {
    // The conversion of a double beyond float's range is undefined in C++: settle it here, at the midpoint
    // above the largest float.
    if (std::fabs(value) >= 0x1.ffffffp127) {
      return std::copysign(std::numeric_limits<float>::infinity(),
                           static_cast<float>(std::copysign(1.0, value)));
    }
    return static_cast<float>(value);
  }
  return static_cast<float>(RoundToNarrow(value, FormatOf(dtype)));
}

void Encode(std::span<const float> values, assay_dtype dtype, void* bits) {
  if (dtype == ASSAY_F32) {
    if (!values.empty()) std::memcpy(bits, values.data(), values.size_bytes());
    return;
  }
  auto* out = static_cast<std::uint16_t*>(bits);
  if (dtype == ASSAY_F16) {
    ConvertAll<EncodeFloat16>(values.data(), values.size(), out);
  } else {
    ConvertAll<EncodeBFloat16>(values.data(), values.size(), out);
  }
}

void Decode(const void* bits, assay_dtype dtype, std::span<float> values) {
  if (dtype == ASSAY_F32) {
    if (!values.empty()) std::memcpy(values.data(), bits, values.size_bytes());
    return;
  }
  const auto* in = static_cast<const std::uint16_t*>(bits);
  if (dtype == ASSAY_F16) {
    ConvertAll<DecodeFloat16>(in, values.size(), values.data());
  } else {
    ConvertAll<DecodeBFloat16>(in, values.size(), values.data());
  }
}

}  // namespace assay
