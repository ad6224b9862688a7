#include "reference/dsconv/probe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <stdexcept>

#include "reference/dsconv/draw.h"
#include "reference/dsconv/fill.h"
#include "reference/dsconv/special.h"
#include "reference/dtype.h"

namespace assay::dsconv {
namespace {

// The output places along one axis for which a tap reads inside: 0 <= place * stride - pad + offset < in.
Places InSight(std::int64_t in, std::int64_t out, std::int64_t stride, std::int64_t pad,
               std::int64_t offset) {
  const std::int64_t low = pad - offset <= 0 ? 0 : (pad - offset + stride - 1) / stride;
  const std::int64_t beyond = in + pad - offset;
  const std::int64_t high = beyond <= 0 ? 0 : std::min(out, (beyond + stride - 1) / stride);
  return {low, std::max<std::int64_t>(0, high - low)};
}

// The two channels of a pointwise row, at a distance that changes from row to row.
struct Pair {
  std::int64_t first, second;
};

Pair ChannelsOfRow(const Shape& d, const WidePlan& plan, const Stream& stream, std::int64_t k) {
  const std::uint64_t bits = stream.At(-1 - k);
  const auto channels = static_cast<std::uint64_t>(d.c);
  Pair pair{static_cast<std::int64_t>(bits % channels), 0};
  if (d.c == 1) return pair;
  const std::int64_t distance = 1 + static_cast<std::int64_t>((bits >> 32) % (channels - 1));
  pair.second = (pair.first + distance) % d.c;
  const std::int64_t kinds = plan.spread + 1;
  while (kinds > 1 && (pair.second == pair.first || pair.second % kinds == pair.first % kinds)) {
    pair.second = (pair.second + 1) % d.c;
  }
  return pair;
}

// An odd number: its last bit is in use.
std::int64_t OddInteger(const Stream& stream, std::int64_t i, std::int64_t largest) {
  const std::int64_t number = stream.NonZeroInteger(i, largest);
  // Without branches, which would be taken at random.
  const std::int64_t even = 1 - (number & 1), sign = 1 - 2 * static_cast<std::int64_t>(number < 0);
  return number - even * sign;
}

// An odd number of the upper half: its first bit is in use as well.
std::int64_t WideOddInteger(const Stream& stream, std::int64_t i, std::int64_t largest) {
  const std::int64_t number = stream.NonZeroInteger(i, largest - largest / 2);
  const std::int64_t magnitude = largest / 2 + std::abs(number);
  const std::int64_t even = 1 - (magnitude & 1),
                     step = 2 * static_cast<std::int64_t>(magnitude < largest) - 1;
  const std::int64_t sign = 1 - 2 * static_cast<std::int64_t>(number < 0);
  return sign * (magnitude + even * step);
}

float Scaled(std::int64_t units, double power) {
  return static_cast<float>(static_cast<double>(units) * power);
}

void FillWideRow(const Shape& d, const WidePlan& plan, const Stream& stream, std::int64_t k, float* row) {
  std::fill(row, row + d.c, 0.0F);
  const double power = PowerOfTwo(plan.w_pw_scale);
  const std::int64_t weight = OddInteger(stream, k, plan.w_pw);
  const Pair pair = ChannelsOfRow(d, plan, stream, k);
  row[pair.first] = Scaled(weight, power);
  if (plan.columns == 1) return;
  const std::int64_t more = plan.equal_filters ? 1 + k % 3 : 0;
  row[pair.second] = Scaled(weight > 0 ? -weight - more : -weight + more, power);
}

void FillWide(const Shape& d, InputIndex index, const WidePlan& plan, std::uint64_t seed,
              std::span<float> values) {
  const Stream stream(seed, 200 + static_cast<std::uint64_t>(index));
  const auto count = static_cast<std::int64_t>(values.size());
  const std::int64_t filter = d.r * d.s;
  const double x_power = PowerOfTwo(plan.x_scale), w_dw_power = PowerOfTwo(plan.w_dw_scale),
               middle_power = PowerOfTwo(plan.x_scale + plan.w_dw_scale),
               output_power = PowerOfTwo(plan.x_scale + plan.w_dw_scale + plan.w_pw_scale);
  const Subset more_taps(seed, filter, std::max<std::int64_t>(1, plan.taps - 1));
  const auto draw = [&](std::int64_t i, std::int64_t largest) {
    return plan.both_wide ? WideOddInteger(stream, i, largest) : OddInteger(stream, i, largest);
  };
  const auto of_tap = [&](std::int64_t c, std::int64_t tap) {
    if (tap != plan.tap && (plan.taps == 1 || !more_taps.Contains(0, tap))) return 0.0F;
    const std::int64_t weight = draw(plan.columns == 1 ? c * filter + tap : tap, plan.w_dw);
    const std::int64_t more = tap == plan.tap ? c % (plan.spread + 1) : 0;
    return Scaled(weight > 0 ? weight + more : weight - more, w_dw_power);
  };
  if (index == kWPw) {
#pragma omp parallel for schedule(static)
    for (std::int64_t k = 0; k < d.k; ++k) FillWideRow(d, plan, stream, k, values.data() + k * d.c);
    return;
  }
  if (index == kX) {
    const std::int64_t plane = d.h * d.w;
    const bool equal_channels = plan.columns != 1;  // of a pair, so all of them
    ForEachPiece(d, [&](std::int64_t n, std::int64_t c, std::int64_t pixel, std::int64_t pixels) {
      if (equal_channels && c > 0) return;
      const std::int64_t first = (n * d.c + c) * plane + pixel,
                         drawn = equal_channels ? n * plane + pixel : first;
      for (std::int64_t i = 0; i < pixels; ++i) values[first + i] = Scaled(draw(drawn + i, plan.x), x_power);
    });
    if (!equal_channels) return;
    ForEachPiece(d, [&](std::int64_t n, std::int64_t c, std::int64_t pixel, std::int64_t pixels) {
      const float* from = values.data() + n * d.c * plane + pixel;
      if (c > 0) std::copy_n(from, pixels, values.data() + (n * d.c + c) * plane + pixel);
    });
    return;
  }
#pragma omp parallel for schedule(static)
  for (std::int64_t i = 0; i < count; ++i) {
    switch (index) {
      case kWDw:
        values[i] = of_tap(i / filter, i % filter);
        break;
      case kBDw:
        if (plan.wide_biases) {
          values[i] = Scaled(WideOddInteger(stream, i, plan.b_dw), middle_power);
          break;
        }
        // Equal filters get an equal bias: the difference of two would outgrow the output.
        values[i] = Scaled(plan.b_dw_step * stream.NonZeroInteger(plan.equal_filters ? 0 : i, kWideBias),
                           middle_power);
        break;
      default:
        values[i] = Scaled(plan.wide_biases ? WideOddInteger(stream, i, plan.b_pw)
                           : plan.b_pw == 0 ? 0
                                            : plan.b_pw_step * stream.NonZeroInteger(i, kWideBias),
                           output_power);
    }
  }
}

// A number with 8 significant bits, which every format holds: half of them up to 90, half from 2^-5 to 8.
double Sweep(const Stream& stream, std::int64_t i) {
  const std::uint64_t bits = stream.At(i);
  const double uniform = static_cast<double>(bits >> 11) * 0x1p-53;
  const double magnitude = (bits & 1) != 0 ? 0x1p-5 + 89.5 * uniform : std::exp2(-5 + 8 * uniform);
  return RoundToDType((bits & 2) != 0 ? magnitude : -magnitude, ASSAY_BF16);
}

// x of the activation probe. Where act_out is asked about, what reaches it is |w_pw| times this.
float SweepX(const Shape& d, bool middle, const Stream& stream, std::int64_t i) {
  const double z = Sweep(stream, i);
  if (middle) return static_cast<float>(z);
  switch (d.ActMid()) {
    case Activation::kNone:
      return static_cast<float>(z / 16);
    case Activation::kRelu:
    case Activation::kRelu6:
      return static_cast<float>(std::fabs(z) / 16);
    case Activation::kSilu:
    case Activation::kHardswish:
      break;
  }
  // From 24 on both give back their argument, but for their own rounding.
  return RoundToDType(24 + std::fabs(z) * 0.7, ASSAY_BF16);
}

float SweepWeight(const Shape& d, bool middle, const Stream& stream, std::int64_t k) {
  const std::uint64_t bits = stream.At(-1 - k);
  const float sign = k == 0 || (bits & 1) != 0 ? -1.0F : 1.0F;
  if (middle) return sign * 0x1p-7F;  // keeps what act_out is given within 1
  if (KeepsIntegers(d.ActMid())) return sign * 16;
  return sign * std::ldexp(1.0F, -static_cast<int>(bits >> 8 & 7) % 6);
}

void FillActivation(const Shape& d, InputIndex index, std::uint64_t seed, std::span<float> values) {
  const Stream stream(seed, 300 + static_cast<std::uint64_t>(index));
  const bool middle = AsksMiddle(d, seed);
  const auto count = static_cast<std::int64_t>(values.size());
  const std::int64_t tap = BestTap(d), filter = d.r * d.s;
#pragma omp parallel for schedule(static)
  for (std::int64_t i = 0; i < count; ++i) {
    switch (index) {
      case kX:
        values[i] = SweepX(d, middle, stream, i);
        break;
      case kWDw:
        values[i] = i % filter == tap ? 1.0F : 0.0F;
        break;
      case kWPw: {
        const std::int64_t k = i / d.c;
        const bool chosen = i % d.c == static_cast<std::int64_t>((static_cast<std::uint64_t>(k) + seed) %
                                                                 static_cast<std::uint64_t>(d.c));
        values[i] = chosen ? SweepWeight(d, middle, stream, k) : 0.0F;
        break;
      }
      default:
        values[i] = 0;  // no bias
    }
  }
}

// How often a probe is drawn where there are only a few outputs, each of which may hide an error by chance.
int Repeats(const Shape& d) {
  constexpr std::int64_t kEnough = 32, kMost = 8;
  const std::int64_t pixels = d.n * d.p * d.q;
  if (pixels >= kEnough || pixels * d.k >= kEnough) return 1;
  return static_cast<int>(std::min(kMost, (kEnough + pixels * d.k - 1) / (pixels * d.k)));
}

}  // namespace

Places RowsInSight(const Shape& d, std::int64_t tap_row) {
  return InSight(d.h, d.p, d.stride_h, d.pad_top, tap_row * d.dilation_h);
}

Places ColumnsInSight(const Shape& d, std::int64_t tap_column) {
  return InSight(d.w, d.q, d.stride_w, d.pad_left, tap_column * d.dilation_w);
}

std::int64_t BestTap(const Shape& d) {
  const auto best = [](std::int64_t taps, const auto& coverage) {
    std::int64_t at = taps / 2;
    for (std::int64_t i = 0; i < taps; ++i) {
      if (coverage(i) > coverage(at)) at = i;
    }
    return at;
  };
  const std::int64_t r = best(d.r, [&](std::int64_t i) { return RowsInSight(d, i).count; });
  const std::int64_t s = best(d.s, [&](std::int64_t i) { return ColumnsInSight(d, i).count; });
  return r * d.s + s;
}

double ShareInSight(const Shape& d) {
  const auto share = [](std::int64_t taps, std::int64_t out, const auto& inside) {
    std::int64_t seen = 0;
    for (std::int64_t place = 0; place < out; ++place) {
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        if (!inside(place, tap)) continue;
        ++seen;
        break;
      }
    }
    return static_cast<double>(seen) / static_cast<double>(out);
  };
  const auto row = [&](std::int64_t p, std::int64_t r) {
    const std::int64_t h = p * d.stride_h - d.pad_top + r * d.dilation_h;
    return h >= 0 && h < d.h;
  };
  const auto column = [&](std::int64_t q, std::int64_t s) {
    const std::int64_t w = q * d.stride_w - d.pad_left + s * d.dilation_w;
    return w >= 0 && w < d.w;
  };
  return share(d.r, d.p, row) * share(d.s, d.q, column);
}

void AddBiasIfMostlyPadding(Shape& d) {
  constexpr double kMostlyInSight = 0.7;
  if (d.bias_dw == 0 && d.bias_pw == 0 && ShareInSight(d) < kMostlyInSight) d.bias_dw = d.bias_pw = 1;
}

bool AsksMiddle(const Shape& d, std::uint64_t seed) {
  const bool middle = !KeepsIntegers(d.ActMid()), out = !KeepsIntegers(d.ActOut());
  return middle && (!out || seed % 2 == 0);
}

int ProbeTurnsOf(const Shape& d, FillKind probe) {
  switch (probe) {
    case FillKind::kWide:
      return WideFlavours(d) * Repeats(d);
    case FillKind::kActivation:
      return ((KeepsIntegers(d.ActMid()) ? 0 : 1) + (KeepsIntegers(d.ActOut()) ? 0 : 1)) * Repeats(d);
    case FillKind::kSpecial:
      return SpecialTurns(d);
    case FillKind::kSubnormal:
      return 1;
    case FillKind::kExact:
    case FillKind::kRandom:
      break;
  }
  return 0;
}

void FillProbeInput(const Shape& d, InputIndex index, assay_dtype dtype, const assay_promise& promise,
                    FillKind probe, std::uint64_t seed, std::span<float> values) {
  switch (probe) {
    case FillKind::kWide:
      return FillWide(d, index, PlanWide(d, dtype, promise, seed), seed, values);
    case FillKind::kActivation:
      return FillActivation(d, index, seed, values);
    case FillKind::kSpecial:
      return FillSpecial(d, index, dtype, seed, values);
    case FillKind::kSubnormal:
      return FillSubnormal(d, index, dtype, promise, seed, values);
    case FillKind::kExact:
    case FillKind::kRandom:
      break;
  }
  throw std::invalid_argument("not a probe");
}

std::string ProbeKeyOf(const Shape& d, assay_dtype dtype, const assay_promise& promise, FillKind probe,
                       std::uint64_t seed) {
  if (probe == FillKind::kSubnormal) return SubnormalKey(d, dtype, promise);
  if (probe != FillKind::kWide) return {};  // the others take nothing from it
  // Every member of the plan, which the compiler counts.
  const auto& [taps, tap, spread, columns, equal_filters, both_wide, rounds_middle, wide_biases, x, w_dw,
               b_dw, w_pw, b_pw, b_dw_step, b_pw_step, x_scale, w_dw_scale, w_pw_scale] =
      PlanWide(d, dtype, promise, seed);
  return fmt::format("{} {} {} {} {:d}{:d}{:d}{:d} {} {} {} {} {} {} {} {} {} {}", taps, tap, spread, columns,
                     equal_filters, both_wide, rounds_middle, wide_biases, x, w_dw, b_dw, w_pw, b_pw,
                     b_dw_step, b_pw_step, x_scale, w_dw_scale, w_pw_scale);
}

}  // namespace assay::dsconv
