#include "reference/dsconv/fill.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

#include "reference/dtype.h"

namespace assay::dsconv {
namespace {

// The finalizer of splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA
// 2014).
std::uint64_t Mix(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// A stream of 64-bit hashes, reached by index.
class Stream {
 public:
  Stream(std::uint64_t seed, std::uint64_t tensor) : key_(Mix(Mix(seed + kGamma) + (tensor + 1) * kGamma)) {}

  std::uint64_t At(std::int64_t i) const { return Mix(key_ + static_cast<std::uint64_t>(i) * kGamma); }

  // A uniform integer from -largest to largest.
  std::int64_t Integer(std::int64_t i, std::int64_t largest) const {
    const auto choices = static_cast<std::uint64_t>(2 * largest + 1);
    return static_cast<std::int64_t>(((At(i) >> 32) * choices) >> 32) - largest;
  }

  // Likewise without zero.
  std::int64_t NonZeroInteger(std::int64_t i, std::int64_t largest) const {
    const auto choices = static_cast<std::uint64_t>(2 * largest);
    const auto choice = static_cast<std::int64_t>(((At(i) >> 32) * choices) >> 32) - largest;
    return choice >= 0 ? choice + 1 : choice;
  }

  // Mean 0, variance 1, within +-3.47: the sum of four uniform numbers, which is close to a normal one.
  double Bell(std::int64_t i) const {
    const std::uint64_t bits = At(i);
    const auto sum = static_cast<std::int64_t>((bits & 0xffff) + ((bits >> 16) & 0xffff) +
                                               ((bits >> 32) & 0xffff) + (bits >> 48));
    return static_cast<double>(sum - 2 * 0xffff) * (std::sqrt(3.0) / 65536);
  }

 private:
  static constexpr std::uint64_t kGamma = 0x9e3779b97f4a7c15;
  std::uint64_t key_;
};

// Which `chosen` of `size` places are in the subset of group g: a window over the places in a shuffled order,
// moved on by its own length from one group to the next. So every place is in some group once groups * chosen
// >= size.
class Subset {
 public:
  Subset(std::uint64_t seed, std::int64_t size, std::int64_t chosen) : size_(size), chosen_(chosen) {
    const Stream stream(seed, 100);
    offset_ = static_cast<std::int64_t>(stream.At(0) % static_cast<std::uint64_t>(size));
    // place -> factor * place + offset (mod size) is a permutation if factor has no common divisor with size.
    std::int64_t draw = 1;
    do {
      factor_ = static_cast<std::int64_t>(stream.At(draw++) % static_cast<std::uint64_t>(size)) + 1;
    } while (std::gcd(factor_, size) != 1);
  }

  bool Contains(std::int64_t group, std::int64_t place) const {
    if (chosen_ == size_) return true;
    // All factors are below 2^31 (kMaxParam), so the products stay within int64.
    const std::int64_t position = (factor_ * place + offset_) % size_;
    const std::int64_t start = (group % size_) * chosen_ % size_;
    return (position - start + size_) % size_ < chosen_;
  }

 private:
  std::int64_t size_;
  std::int64_t chosen_;
  std::int64_t factor_ = 1;
  std::int64_t offset_ = 0;
};

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
  return plan;
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
  const Subset taps(seed, d.r * d.s, plan.taps);
  const Subset columns(seed, d.c, plan.columns);
#pragma omp parallel for schedule(static)
  for (std::int64_t i = 0; i < count; ++i) values[i] = ExactValue(d, index, plan, stream, taps, columns, i);
}

}  // namespace assay::dsconv
