// The operator's definition as loops that a reader can check by eye, in fp64. The fast version is tested
// against it.
#pragma once

#include <span>
#include <vector>

#include "reference/dsconv/problem.h"

namespace assay::dsconv {

// Added to every channel's sum of |terms|: fp16's smallest normal number. With it a relative error model also
// covers gradual underflow in the first half; see bound.cpp.
inline constexpr double kUnderflowFloor = 0x1p-14;

struct PlainResult {
  std::vector<double> reference;  // y in logical order
  // |b_pw| + sum_c |w_pw| (|b_dw| + sum_{r,s} |w_dw x| + kUnderflowFloor), before any activation.
  std::vector<double> magnitude;
};

// `inputs` in the order of InputIndex, logical order, an absent one empty.
PlainResult EvaluatePlain(const Shape& shape, std::span<const std::span<const float>> inputs);

}  // namespace assay::dsconv
