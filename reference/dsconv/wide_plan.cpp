#include <algorithm>
#include <cmath>

#include "reference/dsconv/probe.h"
#include "reference/dtype.h"

namespace assay::dsconv {
namespace {

// What is wide: x, w_dw, w_pw, x and w_dw alike, and where there are any, the biases.
constexpr int kWideBoth = 3, kWideBiases = 4;

// Activations are evaluated in fp32 whatever the sums.
constexpr int kActivationBits = 24;

std::int64_t PowerOfTwo(int bits) { return std::int64_t{1} << bits; }

int DTypeBits(assay_dtype dtype) {
  return static_cast<int>(std::lround(std::log2(LargestExactInteger(dtype))));
}

// The exponent that brings numbers of this spread to about 3, where every activation shows its regimes.
int ScaleToThree(double spread) { return -static_cast<int>(std::lround(std::log2(spread / 3))); }

// A bias's step in units of 2^scale. Sums that are wider than the dtype have units below its numbers, of
// which a bias has to be one.
std::int64_t BiasStep(assay_dtype dtype, int scale) {
  const int least = static_cast<int>(std::lround(std::log2(SmallestSubnormal(dtype))));
  return PowerOfTwo(std::clamp(least - scale, 0, 50));
}

// Raises the filter's numbers in the order that the flavour asks for.
void GrowDepthwise(bool x_first, std::int64_t limit, const WideLimits& limits, WidePlan& plan) {
  const std::int64_t room = limit - plan.b_dw;
  while (plan.taps > 1 && plan.taps + plan.spread > room) --plan.taps;
  while (plan.spread > 0 && plan.taps + plan.spread > room) --plan.spread;
  const auto widest_x = [&] { return room / (plan.taps * plan.w_dw + plan.spread); };
  const auto widest_w = [&] { return (room / plan.x - plan.spread) / plan.taps; };
  const auto at_least_one = [](std::int64_t value) { return std::max<std::int64_t>(1, value); };
  if (x_first) {
    plan.x = at_least_one(std::min(limits.input, widest_x()));
    plan.w_dw = at_least_one(std::min(limits.partner - plan.spread, widest_w()));
  } else {
    plan.w_dw = at_least_one(std::min(limits.input - plan.spread, widest_w()));
    plan.x = at_least_one(std::min(limits.partner, widest_x()));
  }
}

// Biases as wide as the sums and the dtype allow, beside a single product of one unit.
WidePlan PlanWideBiases(const Shape& d, assay_dtype dtype, const WideLimits& limits) {
  WidePlan plan;
  plan.tap = BestTap(d);
  plan.wide_biases = true;
  const std::int64_t widest = LargestExactInteger(dtype);
  const std::int64_t most =
      KeepsIntegers(d.ActOut()) ? limits.output : std::min(limits.output, PowerOfTwo(kActivationBits));
  const std::int64_t each = d.bias_dw != 0 && d.bias_pw != 0 ? most / 2 : most;
  if (d.bias_dw != 0) plan.b_dw = std::min({widest, limits.middle - 1, each - 1});
  if (d.bias_pw != 0) plan.b_pw = std::min(widest, most - plan.MiddleSum());
  // Numbers of the upper half, three quarters of the largest on average.
  const auto spread = [](std::int64_t bias) { return std::max(1.0, 0.75 * static_cast<double>(bias)); };
  const int middle_scale = ScaleToThree(spread(plan.b_dw));
  plan.x_scale = ScaleToThree(1);
  plan.w_dw_scale = middle_scale - plan.x_scale;
  plan.w_pw_scale = ScaleToThree(spread(std::max(plan.b_dw, plan.b_pw))) - middle_scale;
  return plan;
}

}  // namespace

int WideFlavours(const Shape& d) { return d.bias_dw != 0 || d.bias_pw != 0 ? 5 : 4; }

WideLimits WideLimitsOf(assay_dtype dtype, const assay_promise& promise) {
  const int dtype_bits = DTypeBits(dtype);
  const int operand = SignificantBits(promise.operand);
  // fp64 sums are asked for no more than the reference can give as well.
  const int sum = std::min(SignificantBits(promise.accumulator), 44);
  const int stored = promise.rounds_sums != 0 ? dtype_bits : sum;
  int middle = std::min({sum, stored, operand});
  if (promise.rounds_intermediate != 0) middle = std::min(middle, dtype_bits);
  int output = std::min(sum, stored);
  // 16-bit numbers are made of what comes out of the activation.
  middle = std::min(middle, kActivationBits);
  if (dtype != ASSAY_F32) output = std::min(output, kActivationBits);
  int input = std::min(dtype_bits, operand);
  int partner = input;
  if (promise.operand == ASSAY_FORMAT_TF32X3) {
    // The product of both small parts is left out, so one factor has to be a single part; and a first part
    // may have been rounded up, so the parts' sums are a little larger than the whole's.
    input -= 1;
    partner = std::min(input, 10);
    output = std::min(output, 23);
    middle = std::min(middle, 21);
  }
  return {PowerOfTwo(input), PowerOfTwo(partner), PowerOfTwo(middle), PowerOfTwo(output)};
}

std::int64_t WidestRoundedMiddle(const Shape& d, assay_dtype dtype, const assay_promise& promise) {
  const bool rounds_last = KeepsIntegers(d.ActMid()) && KeepsIntegers(d.ActOut()) && promise.rounds_sums == 0;
  const int dtype_bits = DTypeBits(dtype);
  const int operand = SignificantBits(promise.operand);
  if (promise.rounds_intermediate == 0 || !rounds_last || operand < dtype_bits) return 0;
  const int sum = std::min(SignificantBits(promise.accumulator), kActivationBits);
  // Rounding to the format that the dtype is changes nothing more; any other must hold the number as it is.
  const bool same = dtype == ASSAY_F16    ? promise.operand == ASSAY_FORMAT_F16
                    : dtype == ASSAY_BF16 ? promise.operand == ASSAY_FORMAT_BF16
                                          : promise.operand == ASSAY_FORMAT_F32;
  const int held = promise.operand == ASSAY_FORMAT_TF32X3 ? dtype_bits : operand;
  return PowerOfTwo(same ? sum : std::min(sum, held));
}

WidePlan PlanWide(const Shape& d, assay_dtype dtype, const assay_promise& promise, std::uint64_t seed) {
  WideLimits limits = WideLimitsOf(dtype, promise);
  const auto flavour = static_cast<int>(seed % static_cast<std::uint64_t>(WideFlavours(d)));
  if (flavour == kWideBiases) return PlanWideBiases(d, dtype, limits);
  WidePlan plan;
  plan.tap = BestTap(d);
  plan.taps = std::min<std::int64_t>(d.r * d.s, 4);
  plan.columns = std::min<std::int64_t>(d.c, 2);
  plan.both_wide = flavour == kWideBoth;
  if (plan.both_wide) plan.taps = plan.columns = 1;
  const std::int64_t unrounded = plan.both_wide ? WidestRoundedMiddle(d, dtype, promise) : 0;
  plan.rounds_middle = unrounded > limits.middle;
  if (plan.rounds_middle) limits.middle = limits.output = unrounded;
  // Room for biases by the finest units that there can be; the units are known at the end.
  const auto widest_bias = [&](std::int64_t present, std::int64_t limit) {
    return present != 0 ? kWideBias * BiasStep(dtype, ScaleToThree(static_cast<double>(limit))) : 0;
  };
  plan.b_dw = widest_bias(d.bias_dw, limits.middle);
  // Behind a rounded intermediate there is nothing to be added.
  const std::int64_t bias_pw = plan.rounds_middle ? 0 : d.bias_pw;
  plan.b_pw = widest_bias(bias_pw, limits.output);
  plan.equal_filters = flavour == 2 && d.c > 1;
  plan.spread = flavour >= 2 || d.c == 1 ? 0 : std::min<std::int64_t>(3, d.c - 1);
  constexpr std::int64_t kLeastMiddle = 16;
  if (flavour == 2) {
    const std::int64_t most = (limits.output - plan.b_pw) / plan.columns / kLeastMiddle - 3;
    plan.w_pw = std::max<std::int64_t>(1, std::min(limits.input - 3, most));
  } else {
    plan.w_pw = d.c == 1 && !plan.both_wide ? 3 : 1;
  }
  const std::int64_t weight = plan.w_pw + (plan.equal_filters ? 3 : 0);
  // A wide w_pw takes a middle of one part where operands have two.
  const std::int64_t middle =
      std::min({limits.middle, (limits.output - plan.b_pw) / (plan.columns * weight),
                flavour == 2 && promise.operand == ASSAY_FORMAT_TF32X3 ? limits.partner : limits.middle});
  if (plan.both_wide) {
    const auto half = static_cast<std::int64_t>(std::sqrt(static_cast<double>(middle - plan.b_dw)));
    plan.x = std::min(limits.input, half);
    plan.w_dw = std::min(limits.partner, half);
  } else {
    GrowDepthwise(flavour == 0, middle, limits, plan);
  }

  const double middle_spread = static_cast<double>(plan.x) * static_cast<double>(plan.w_dw) *
                               std::sqrt(static_cast<double>(plan.taps)) / 3;
  double output_spread = static_cast<double>(plan.x);
  if (plan.equal_filters) output_spread = 2 * middle_spread;
  if (plan.columns == 1) output_spread = std::max(1.0, static_cast<double>(plan.w_pw) / 2) * middle_spread;
  const int middle_scale = ScaleToThree(middle_spread);
  plan.x_scale = ScaleToThree(static_cast<double>(plan.x));
  plan.w_dw_scale = middle_scale - plan.x_scale;
  const int output_scale = ScaleToThree(output_spread);
  plan.w_pw_scale = output_scale - middle_scale;
  plan.b_dw_step = BiasStep(dtype, middle_scale);
  plan.b_pw_step = BiasStep(dtype, output_scale);
  plan.b_dw = d.bias_dw != 0 ? kWideBias * plan.b_dw_step : 0;
  plan.b_pw = bias_pw != 0 ? kWideBias * plan.b_pw_step : 0;
  return plan;
}

}  // namespace assay::dsconv
