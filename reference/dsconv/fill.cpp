#include "reference/dsconv/fill.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "reference/dsconv/draw.h"
#include "reference/dtype.h"

namespace assay::dsconv {
namespace {

float ExactValue(const Shape& d, InputIndex index, const ExactPlan& plan, const Stream& stream,
                 const Subset& taps, const Subset& columns, std::int64_t i) {
  switch (index) {
    case kX:
      return static_cast<float>(stream.Integer(i, plan.x));
    case kWDw: {
      const std::int64_t filter = d.r * d.s;
      const bool chosen = taps.Contains(i / filter, i % filter);
      return chosen ? static_cast<float>(stream.NonZeroInteger(i, plan.w_dw)) : 0.0F;
    }
    case kBDw:
      return static_cast<float>(stream.NonZeroInteger(i, plan.b_dw));
    case kWPw: {
      const bool chosen = columns.Contains(i / d.c, i % d.c);
      return chosen ? static_cast<float>(stream.NonZeroInteger(i, plan.w_pw)) : 0.0F;
    }
    case kBPw:
      return static_cast<float>(stream.NonZeroInteger(i, plan.b_pw));
    case kNumInputs:
      break;
  }
  throw std::invalid_argument("dsconv has no such input");
}

// The standard deviation of an input's values, such that both halves' sums spread by about 3 around zero:
// enough for relu6 and hardswish to show each of their regimes.
double Spread(const Shape& d, InputIndex index) {
  constexpr double kWanted = 3;
  switch (index) {
    case kX:
    case kBDw:
    case kBPw:
      return 1;
    case kWDw:
      return kWanted / std::sqrt(static_cast<double>(d.r * d.s));
    case kWPw: {
      // The mean square of what comes out of the activation in the middle: about half of what goes in, but
      // for none.
      const double mean_square = (kWanted * kWanted + 1) * (d.ActMid() == Activation::kNone ? 1.0 : 0.5);
      return kWanted / std::sqrt(static_cast<double>(d.c) * mean_square);
    }
    case kNumInputs:
      break;
  }
  throw std::invalid_argument("dsconv has no such input");
}

// The root of the mean square of uniform integers from 1 to `largest`, of either sign.
double RootMeanSquare(std::int64_t largest) {
  const auto n = static_cast<double>(largest);
  return std::sqrt((n + 1) * (2 * n + 1) / 6);
}

// relu6 shows all of its regimes where sums spread by about 3. A power of two keeps everything exact.
void SetScales(const Shape& d, ExactPlan& plan) {
  const auto scale_to_three = [](double spread) {
    return -std::max(0, static_cast<int>(std::lround(std::log2(spread / 3))));
  };
  double spread =
      RootMeanSquare(plan.x) * RootMeanSquare(plan.w_dw) * std::sqrt(static_cast<double>(plan.taps));
  if (d.ActMid() == Activation::kRelu6) {
    plan.middle_scale = scale_to_three(spread);
    spread = std::ldexp(std::min(std::ldexp(spread, plan.middle_scale), 3.0), -plan.middle_scale);
  }
  if (d.ActOut() == Activation::kRelu6) {
    plan.output_scale =
        scale_to_three(spread * RootMeanSquare(plan.w_pw) * std::sqrt(static_cast<double>(plan.columns)));
  }
}

}  // namespace

ExactPlan PlanExact(const Shape& d, assay_dtype dtype) {
  const std::int64_t output_limit = LargestExactInteger(dtype);
  // An fp32 intermediate stays within TF32's and fp16's exact integers, for a variant that may round its
  // operands so.
  const std::int64_t middle_limit = std::min<std::int64_t>(output_limit, std::int64_t{1} << 11);
  ExactPlan plan;
  plan.b_dw = d.bias_dw != 0 ? 1 : 0;
  plan.b_pw = d.bias_pw != 0 ? 2 : 0;
  // Raises one member as far as the limits allow, at most to `target`.
  const auto grow = [&](std::int64_t ExactPlan::*member, std::int64_t target) {
    while (plan.*member < target) {
      ExactPlan next = plan;
      ++(next.*member);
      if (next.MiddleSum() > middle_limit || next.OutputSum() > output_limit) return;
      plan = next;
    }
  };
  // In this order: first enough terms in each sum for its result to vary, then every tap and channel, then
  // larger numbers.
  const std::int64_t filter = d.r * d.s;
  grow(&ExactPlan::taps, std::min<std::int64_t>(filter, 4));
  grow(&ExactPlan::columns, std::min<std::int64_t>(d.c, 32));
  grow(&ExactPlan::x, 2);
  grow(&ExactPlan::taps, std::min<std::int64_t>(filter, 9));
  grow(&ExactPlan::columns, d.c);
  grow(&ExactPlan::taps, filter);
  grow(&ExactPlan::w_pw, 3);
  grow(&ExactPlan::w_dw, 3);
  grow(&ExactPlan::x, 8);
  SetScales(d, plan);
  return plan;
}

void FillUnits(const Shape& d, InputIndex index, const ExactPlan& plan, std::uint64_t seed,
               std::span<float> values) {
  const Stream stream(seed, static_cast<std::uint64_t>(index));
  const Subset taps(seed, d.r * d.s, plan.taps);
  const Subset columns(seed, d.c, plan.columns);
  const auto count = static_cast<std::int64_t>(values.size());
#pragma omp parallel for schedule(static)
  for (std::int64_t i = 0; i < count; ++i) values[i] = ExactValue(d, index, plan, stream, taps, columns, i);
}

void FillInput(const Shape& d, InputIndex index, assay_dtype dtype, FillKind kind, std::uint64_t seed,
               std::span<float> values) {
  const Stream stream(seed, static_cast<std::uint64_t>(index));
  const auto count = static_cast<std::int64_t>(values.size());
  if (kind == FillKind::kRandom) {
    const double spread = Spread(d, index);
#pragma omp parallel for schedule(static)
    for (std::int64_t i = 0; i < count; ++i) values[i] = RoundToDType(spread * stream.Bell(i), dtype);
    return;
  }
  const ExactPlan plan = PlanExact(d, dtype);
  FillUnits(d, index, plan, seed, values);
  const int scale = index == kX                      ? 0
                    : index == kWDw || index == kBDw ? plan.middle_scale
                    : index == kWPw                  ? plan.output_scale - plan.middle_scale
                                                     : plan.output_scale;
  if (scale == 0) return;
  const double power = PowerOfTwo(scale);
#pragma omp parallel for schedule(static)
  for (std::int64_t i = 0; i < count; ++i) values[i] = static_cast<float>(values[i] * power);
}

}  // namespace assay::dsconv
