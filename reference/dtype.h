// Number formats of tensors: names, sizes, and conversion between a format's bits and float.
// float holds every fp32, fp16 and bf16 value exactly, so host-side tensors are kept as float throughout.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "kernels/pack.h"

namespace assay {

std::string_view DTypeName(assay_dtype dtype);     // "fp32", "fp16", "bf16"
std::string_view LayoutName(assay_layout layout);  // "nchw", "nhwc"
std::optional<assay_dtype> ParseDType(std::string_view name);
std::optional<assay_layout> ParseLayout(std::string_view name);

std::size_t DTypeBytes(assay_dtype dtype);

// Half the distance from 1 to the next number: 2^-24 (fp32), 2^-11 (fp16), 2^-8 (bf16). IEEE 754-2019, 3.3.
double UnitRoundoff(assay_dtype dtype);
double UnitRoundoff(assay_format format);
// Bits of a number's significand, the leading one included; for TF32X3 those of both parts together.
int SignificantBits(assay_format format);
int SignificantBits(assay_dtype dtype);
// How far apart a format's numbers around zero are.
double SmallestSubnormal(assay_format format);
// Smallest positive (subnormal) number, and largest finite one.
double SmallestSubnormal(assay_dtype dtype);
double LargestFinite(assay_dtype dtype);
// Integers of magnitude up to this are all exact: 2^24, 2^11, 2^8.
std::int64_t LargestExactInteger(assay_dtype dtype);
// The dtype whose exact integers the promised accumulator holds as well: it may hold fewer than the tensors
// do.
assay_dtype ExactDTypeOf(assay_dtype dtype, const assay_promise& promise);

// Round to nearest, ties to even; NaN stays NaN, overflow becomes infinity.
float RoundToDType(double value, assay_dtype dtype);

// Converts values.size() numbers; `bits` has room for DTypeBytes(dtype) each.
void Encode(std::span<const float> values, assay_dtype dtype, void* bits);
void Decode(const void* bits, assay_dtype dtype, std::span<float> values);

}  // namespace assay
