// The error bound, derived.
//
// Notation. u is a format's unit roundoff. Per output, with the fp64 reference computed from the same inputs:
//   A_c = |b_dw| + sum_{r,s} |w_dw x| + eta     one channel's sum of |terms| in the depthwise half
//   S   = |b_pw| + sum_c |w_pw| A_c             what Evaluate returns as the magnitude
// All five activations keep |act(z)| <= |z|, so |act_mid(z_c)| <= A_c and |act_out(z)| <= S.
//
// Standard model (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 2.2): fl(a op b) =
// (a op b)(1 + d), |d| <= u. A sum of m products, in any order and grouping, with fma or without, puts at
// most m factors (1 + d) on each term (ibid., section 3.1), so its error is at most Growth(m, u) * sum
// |terms|, Growth(m, u) = (1 + u)^m - 1
// <= gamma_m = mu / (1 - mu). Growth is used because it holds for every m; gamma_m only while mu < 1.
//
// Underflow. A result below a format's normal numbers has an absolute error of half a subnormal, which is u
// times the smallest normal number. No format here has a larger smallest normal number than fp16's 2^-14 =
// eta, and |terms| are at least eta in each A_c, so u * A_c covers it in the depthwise half and where the
// intermediate is rounded. In the pointwise half it is counted in `absolute`.
//
// Overflow is not covered: a reference beyond the dtype's largest number may come out as infinity, which the
// judge allows.
#include "reference/dsconv/bound.h"

#include <algorithm>
#include <cmath>

#include "reference/dsconv/probe.h"
#include "reference/dtype.h"

namespace assay::dsconv {
namespace {

// 1 / (1 + exp(-z)) falls below fp32's smallest normal number from z = -87.3 down, and exp(-z) overflows from
// -88.7 down: where that becomes zero, silu does so instead of at most 88.8 * 2^-126.
constexpr double kSiluUnderflow = 0x1p-119;

// (1 + u)^roundings - 1.
double Growth(double roundings, double u) { return std::expm1(roundings * std::log1p(u)); }

// What each kind of operation may cost, as relative errors.
struct Arithmetic {
  double sum_u = 0;         // one addition, or one product
  double sum_factor = 1;    // roundings for one term of a sum
  double weight_u = 0;      // making a dtype's value an operand
  double middle_u = 0;      // making the depthwise result an operand
  double stored_sum_u = 0;  // storing a half's sum before its bias and activation
  double activation_u = 0;
};

Arithmetic ArithmeticOf(assay_dtype dtype, const assay_promise& promise) {
  Arithmetic a;
  a.sum_u = UnitRoundoff(promise.accumulator);
  a.activation_u = std::max(a.sum_u, UnitRoundoff(ASSAY_FORMAT_F32));
  double operand_u = UnitRoundoff(promise.operand);
  // Tensor cores ignore a TF32 operand's lower bits instead of rounding them (PTX ISA, mma): up to 2u. For
  // the two parts of TF32X3: each factor of 24 bits loses up to 2^-21, and the product of the small parts,
  // 2^-20, is left out; so (1 + 2^-20)^2 bounds what becomes of a product.
  const bool parts = promise.operand == ASSAY_FORMAT_TF32X3;
  if (promise.operand == ASSAY_FORMAT_TF32 || parts) operand_u *= 2;
  if (operand_u > UnitRoundoff(ASSAY_FORMAT_F32)) {
    // The operands fit a matrix unit. Those align the products of a block of 4 or more and the accumulator to
    // the largest exponent, cut off what is below 24 bits and add (Fasi, Higham, Mikaitis, Pranesh: Numerical
    // behavior of NVIDIA tensor cores, PeerJ CS 7:e330, 2021): an error of 2u of the block's sum of |terms|
    // for each of 4 + 1 addends or more.
    a.sum_u *= 2;
    a.sum_factor = 1.25;
    // Three products for one; the sum of their magnitudes is up to 1 + 2^-9 times that of the one.
    if (parts) a.sum_factor = 3 * 1.25 * (1 + 0x1p-8);
  }
  a.weight_u = operand_u > UnitRoundoff(dtype) ? operand_u : 0;
  a.middle_u = operand_u > a.sum_u ? operand_u : 0;
  if (promise.rounds_sums != 0) a.stored_sum_u = UnitRoundoff(dtype);
  if (promise.rounds_intermediate != 0) a.middle_u = (1 + a.middle_u) * (1 + UnitRoundoff(dtype)) - 1;
  return a;
}

// The relative error of an activation's own evaluation, in multiples of the unit roundoff.
double ActivationRoundings(Activation activation) {
  switch (activation) {
    case Activation::kNone:
    case Activation::kRelu:
    case Activation::kRelu6:
      return 0;
    case Activation::kSilu:
      return 8;  // exp within 2 ulp (4u), 1 + exp, division within 2 ulp or less; the second-order terms fit
                 // in the rest
    case Activation::kHardswish:
      return 4;  // z + 3, product, 1/6, product
  }
  return 0;
}

}  // namespace

ErrorBound BoundOf(const Shape& d, assay_dtype dtype, const assay_promise& promise) {
  const Arithmetic a = ArithmeticOf(dtype, promise);
  const double dtype_u = UnitRoundoff(dtype);

  // Each step's error as a multiple of A_c, then of S. Depthwise sum: |dz| <= depthwise * A_c.
  const double filter = static_cast<double>(d.r * d.s);
  const double operands = (1 + a.weight_u) * (1 + a.weight_u);
  const double depthwise =
      (1 + Growth(std::ceil(a.sum_factor * (filter + 1)), a.sum_u)) * operands * (1 + a.stored_sum_u) - 1;
  // Activation: Lipschitz for what goes in, its own error relative to what comes out, which is at most (1 +
  // depthwise) A_c.
  const double mid_evaluation = ActivationRoundings(d.ActMid()) * a.activation_u;
  const double activated = LipschitzConstant(d.ActMid()) * depthwise + mid_evaluation * (1 + depthwise);
  // Rounded on its way to the pointwise half.
  const double middle = activated + a.middle_u * (1 + activated);
  // Pointwise sum of C products and the bias.
  const double channels = static_cast<double>(d.c);
  const double pointwise = (1 + Growth(std::ceil(a.sum_factor * (channels + 1)), a.sum_u)) *
                               (1 + a.weight_u) * (1 + middle) * (1 + a.stored_sum_u) -
                           1;
  // The reference's own fp64 arithmetic, by the same argument.
  const double reference = 2 * Growth(filter + channels + 16, UnitRoundoff(ASSAY_FORMAT_F64));

  // Output activation and the final rounding: |dy| <= L * pointwise * S, then relative to |y| + |dy|.
  const double out_evaluation = ActivationRoundings(d.ActOut()) * a.activation_u;
  const double last = (1 + out_evaluation) * (1 + dtype_u);
  ErrorBound bound;
  bound.to_magnitude = LipschitzConstant(d.ActOut()) * (pointwise + reference) * last;
  bound.to_reference = last - 1;
  bound.absolute =
      SmallestSubnormal(promise.accumulator) * (channels + 2) * LipschitzConstant(d.ActOut()) * last +
      SmallestSubnormal(dtype) / 2;
  if (promise.rounds_sums != 0) {
    bound.absolute += SmallestSubnormal(dtype) / 2 * LipschitzConstant(d.ActOut()) * last;
  }
  if (d.ActOut() == Activation::kSilu) bound.absolute += kSiluUnderflow;
  return bound;
}

namespace {

// What is left of the bound's absolute part where a single term is followed through.
double ProbeAbsolute(const Shape& d, assay_dtype dtype, const assay_promise& promise) {
  double absolute = 2 * SmallestSubnormal(promise.accumulator) + SmallestSubnormal(promise.operand) +
                    SmallestSubnormal(dtype) / 2;
  if (promise.rounds_intermediate != 0) absolute += SmallestSubnormal(dtype);
  if (promise.rounds_sums != 0) absolute += SmallestSubnormal(dtype);
  const bool silu = d.ActMid() == Activation::kSilu || d.ActOut() == Activation::kSilu;
  return 2 * absolute + (silu ? kSiluUnderflow : 0);
}

}  // namespace

Expectation ExpectationOf(const Shape& d, assay_dtype dtype, const assay_promise& promise, FillKind probe,
                          std::uint64_t seed) {
  Expectation expected;
  const bool middle_rounds = !KeepsIntegers(d.ActMid()), out_rounds = !KeepsIntegers(d.ActOut());
  if (probe == FillKind::kSpecial) {
    expected.bound = BoundOf(d, dtype, promise);
    expected.nan_for_infinity = middle_rounds || out_rounds || promise.operand == ASSAY_FORMAT_TF32X3;
    return expected;
  }
  expected.exact = !middle_rounds && !out_rounds;
  if (expected.exact) return expected;

  const Arithmetic a = ArithmeticOf(dtype, promise);
  const double last = (1 + ActivationRoundings(d.ActOut()) * a.activation_u) * (1 + UnitRoundoff(dtype));
  // Nothing rounds before act_mid. What it gives is rounded on its way to the pointwise half, of whose sum
  // only `columns` terms are not zero; weights are exact in every format promised.
  const double columns = probe == FillKind::kWide ? 2 : 1;
  const double evaluation = ActivationRoundings(d.ActMid()) * a.activation_u;
  const double middle = evaluation + a.middle_u * (1 + evaluation);
  const double sum = middle_rounds ? (1 + Growth(std::ceil(a.sum_factor * (columns + 1)), a.sum_u)) *
                                             (1 + middle) * (1 + a.stored_sum_u) -
                                         1
                                   : 0;
  const double reference =
      2 * Growth(static_cast<double>(d.r * d.s + d.c + 16), UnitRoundoff(ASSAY_FORMAT_F64));
  // Where one term reaches act_out, and at most 1 in magnitude, act_out makes a relative error at most 1.5
  // times as large: |z act'(z) / act(z)| is 1.27 for silu and 1.25 for hardswish at z = 1, and less below.
  const bool relative =
      probe == FillKind::kSubnormal || (probe == FillKind::kActivation && AsksMiddle(d, seed));
  expected.bound.to_reference = last * (1 + (relative ? 1.5 * sum : 0) + reference) - 1;
  if (!relative && middle_rounds) {
    expected.bound.to_magnitude = LipschitzConstant(d.ActOut()) * (sum + reference) * last;
  }
  expected.bound.absolute = ProbeAbsolute(d, dtype, promise);
  return expected;
}

}  // namespace assay::dsconv
