// Rounding of reference values, many at a time: the judge does this for every output element.
#pragma once

#include <span>

#include "reference/dtype.h"

namespace assay {

// out[i] = RoundToDType(values[i], dtype).
void RoundAll(std::span<const double> values, assay_dtype dtype, std::span<float> out);

// out[i] = the smallest float that is not below values[i]; the values are not negative, or NaN.
void RoundUpAll(std::span<const double> values, std::span<float> out);

}  // namespace assay
