// Small problems from anywhere in the space of parameters.
#pragma once

#include <cstdint>

#include "reference/dsconv/problem.h"

namespace assay::dsconv {

// Every parameter varies: sizes log-uniformly, so that small ones are as likely as large; kernels from 1 to
// 11, square or not; strides over the kernel, dilations over the image, padding on each side alone, all
// biases and activations. Integer arithmetic on a counter alone: a seed gives the same shape on every
// machine. Cheap: NaiveMultiplyAdds is at most 2e6 (one in sixteen: 5e6), and no tensor has more than 2^20
// elements.
Shape RandomShape(std::uint64_t seed);

}  // namespace assay::dsconv
