// Input values for judging and timing. Counter-based: a value depends on the seed, the tensor and its index
// alone, so the number of threads does not matter.
#pragma once

#include <cstdint>
#include <span>

#include "reference/dsconv/problem.h"

namespace assay::dsconv {

// Largest magnitudes of the small integers of FillKind::kExact, and how many of the weights are not zero.
// They are chosen so that sum |terms|, of either half and with the biases, stays within the integers that the
// dtype holds exactly:
//   taps * w_dw * x + b_dw <= largest exact intermediate,  columns * w_pw * (that) + b_pw <= largest exact
//   integer.
struct ExactPlan {
  std::int64_t taps = 1;     // non-zero taps of each depthwise filter
  std::int64_t columns = 1;  // non-zero weights of each pointwise row
  std::int64_t x = 1;
  std::int64_t w_dw = 1;
  std::int64_t b_dw = 0;
  std::int64_t w_pw = 1;
  std::int64_t b_pw = 0;
  // log2 of what an integer stands for in either half: zero but where relu6 would clip nearly all of them
  // at 6.
  int middle_scale = 0;
  int output_scale = 0;

  std::int64_t MiddleSum() const { return taps * w_dw * x + b_dw; }
  std::int64_t OutputSum() const { return columns * w_pw * MiddleSum() + b_pw; }
};
ExactPlan PlanExact(const Shape& shape, assay_dtype dtype);

// The integers of a plan, unscaled.
void FillUnits(const Shape& shape, InputIndex index, const ExactPlan& plan, std::uint64_t seed,
               std::span<float> values);

// Fills input `index` in logical order.
void FillInput(const Shape& shape, InputIndex index, assay_dtype dtype, FillKind kind, std::uint64_t seed,
               std::span<float> values);

}  // namespace assay::dsconv
