// dsconv computed with the roundings of a kernel's arithmetic, one by one: what the error bound must cover.
#pragma once

#include <cstdint>
#include <vector>

#include "reference/dsconv/problem.h"
#include "tests/reference/dsconv/test_problems.h"

namespace assay::dsconv {

enum class SumOrder {
  kForward,
  kBackward,
  kShuffled,
  kPairwise,    // as a tree, as warps reduce
  kMatrixUnit,  // blocks aligned to their largest exponent and cut off, as tensor cores add
};
inline constexpr int kNumSumOrders = 5;

struct Arithmetic {
  assay_dtype dtype = ASSAY_F32;
  assay_promise promise{};
  SumOrder order = SumOrder::kForward;
  bool fused = true;                // a product is rounded together with the addition
  bool truncates_operands = false;  // TF32 operands lose their lower bits instead of being rounded
  std::int64_t dropped_tap = -1;    // a fault: this tap of each filter is left out
};

// The output in logical order.
std::vector<float> Simulate(const Shape& shape, const InputSet& inputs, const Arithmetic& arithmetic);

}  // namespace assay::dsconv
