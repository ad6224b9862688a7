#include "reference/dsconv/special.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "reference/dsconv/draw.h"
#include "reference/dsconv/fill.h"
#include "reference/dsconv/probe.h"
#include "reference/dtype.h"

namespace assay::dsconv {
namespace {

constexpr int kKinds = 3;
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr std::array<float, kKinds> kSpecials = {std::numeric_limits<float>::quiet_NaN(), kInfinity,
                                                 -kInfinity};

// Pixels of x with a special value in one channel each, such that a quarter of the output pixels or fewer see
// one. (All channels of a pixel meet in the pointwise half.)
double WantedPixels(const Shape& d) {
  const auto seen_by = [](std::int64_t taps, std::int64_t stride) { return (taps + stride - 1) / stride; };
  const auto reach = static_cast<double>(seen_by(d.r, d.stride_h) * seen_by(d.s, d.stride_w));
  return static_cast<double>(d.n * d.p) * static_cast<double>(d.q) / (4 * reach);
}

// With fewer than these, each seed has a single one.
constexpr double kEnough = 6;

struct SpecialPixels {
  SpecialPixels(const Shape& d, std::uint64_t seed) : stream(seed, 400) {
    const double wanted = WantedPixels(d);
    const auto add = [&](std::size_t kind) {
      // Different kinds at different places, so that a single one is seen for what it is.
      for (std::uint64_t number = 0; number < 8; ++number) {
        const std::int64_t element = ElementInSight(d, seed, 8 * kind + number);
        const bool taken =
            std::any_of(sure.begin(), sure.end(), [&](const Sure& s) { return s.element == element; });
        if (element < 0 || taken) continue;
        sure.push_back({element, kSpecials[kind]});
        return;
      }
    };
    if (wanted < kEnough) {
      add(static_cast<std::size_t>(seed % kKinds));
      return;
    }
    for (std::size_t kind = 0; kind < kKinds; ++kind) add(kind);
    const double share =
        std::min(0.125, wanted / (static_cast<double>(d.n * d.h) * static_cast<double>(d.w)));
    threshold = static_cast<std::uint64_t>(share * 0x1p64);
  }

  struct Sure {
    std::int64_t element;
    float value;
  };
  Stream stream;
  std::vector<Sure> sure;
  std::uint64_t threshold = 0;  // of 2^64
};

// A few percent zeros and subnormal numbers of either sign among the ordinary ones.
float OrdinaryX(float value, double smallest, std::uint64_t bits) {
  const float sign = (bits & 16) != 0 ? -1.0F : 1.0F;
  if ((bits & 15) == 0) return sign * 0.0F;
  if ((bits & 15) == 1) {
    return sign * static_cast<float>(smallest * static_cast<double>(1 + (bits >> 8) % 100));
  }
  return value;
}

void FillSpecialX(const Shape& d, assay_dtype dtype, std::uint64_t seed, std::span<float> x) {
  const SpecialPixels pixels(d, seed);
  const Stream ordinary(seed, 401);
  const std::int64_t plane = d.h * d.w;
  const double smallest = SmallestSubnormal(dtype);
  ForEachPiece(d, [&](std::int64_t n, std::int64_t c, std::int64_t first, std::int64_t count) {
    for (std::int64_t i = first; i < first + count; ++i) {
      const std::int64_t element = (n * d.c + c) * plane + i, pixel = n * plane + i;
      float& value = x[static_cast<std::size_t>(element)];
      value = OrdinaryX(value, smallest, ordinary.At(element));
      if (pixels.threshold == 0) continue;
      const std::uint64_t bits = pixels.stream.At(2 * pixel);
      if (bits >= pixels.threshold) continue;
      const std::uint64_t which = pixels.stream.At(2 * pixel + 1);
      const auto channel = static_cast<std::int64_t>((which >> 8) % static_cast<std::uint64_t>(d.c));
      if (c == channel) value = kSpecials[which % kKinds];
    }
  });
  for (const SpecialPixels::Sure& sure : pixels.sure) x[static_cast<std::size_t>(sure.element)] = sure.value;
}

struct SubnormalScales {
  int x, w_dw, w_pw, columns_left;
};

int LogOf(double power) { return static_cast<int>(std::lround(std::log2(power))); }

SubnormalScales ScalesOf(const Shape& d, assay_dtype dtype, const assay_promise& promise,
                         const ExactPlan& plan) {
  SubnormalScales scales{};
  // Subnormal in the dtype, and a number of the formats that operands and sums are promised in.
  scales.x = LogOf(std::max({SmallestSubnormal(dtype), SmallestSubnormal(promise.operand),
                             SmallestSubnormal(promise.accumulator)}));
  // To numbers that are normal in every format that holds them, by weights that the dtype holds.
  scales.w_dw = std::min(-12 - scales.x, 100);
  const int middle = scales.x + scales.w_dw;
  // At most 1 before act_out: see ExpectationOf.
  const int output = -static_cast<int>(std::ceil(std::log2(static_cast<double>(plan.OutputSum()))));
  scales.w_pw = output - middle;
  // An activation that rounds leaves one term a row, whose relative error is bounded.
  scales.columns_left = KeepsIntegers(d.ActMid()) ? 0 : 1;
  return scales;
}

}  // namespace

std::int64_t ElementInSight(const Shape& d, std::uint64_t seed, std::uint64_t number) {
  const Stream stream(seed, 500 + number);
  const std::int64_t tap = BestTap(d);
  const Places rows = RowsInSight(d, tap / d.s), columns = ColumnsInSight(d, tap % d.s);
  if (rows.count == 0 || columns.count == 0) return -1;
  const auto draw = [&](std::int64_t place, std::int64_t size) {
    return static_cast<std::int64_t>(stream.At(place) % static_cast<std::uint64_t>(size));
  };
  const std::int64_t p = rows.first + draw(0, rows.count), q = columns.first + draw(1, columns.count);
  const std::int64_t h = p * d.stride_h - d.pad_top + tap / d.s * d.dilation_h;
  const std::int64_t w = q * d.stride_w - d.pad_left + tap % d.s * d.dilation_w;
  return ((draw(2, d.n) * d.c + draw(3, d.c)) * d.h + h) * d.w + w;
}

int SpecialTurns(const Shape& d) {
  if (ElementInSight(d, 0, 0) < 0) return 0;
  return WantedPixels(d) < kEnough ? kKinds : 1;
}

void FillSpecial(const Shape& d, InputIndex index, assay_dtype dtype, std::uint64_t seed,
                 std::span<float> values) {
  FillInput(d, index, dtype, FillKind::kRandom, seed + 1000, values);
  if (index == kX) return FillSpecialX(d, dtype, seed, values);
  // An infinity times zero would be NaN.
  std::replace(values.begin(), values.end(), 0.0F, 0.125F);
}

void FillSubnormal(const Shape& d, InputIndex index, assay_dtype dtype, const assay_promise& promise,
                   std::uint64_t seed, std::span<float> values) {
  const ExactPlan plan = PlanExact(d, ExactDTypeOf(dtype, promise));
  const SubnormalScales scales = ScalesOf(d, dtype, promise, plan);
  FillUnits(d, index, plan, seed, values);
  const int scale = index == kX     ? scales.x
                    : index == kWDw ? scales.w_dw
                    : index == kBDw ? scales.x + scales.w_dw
                    : index == kWPw ? scales.w_pw
                                    : scales.x + scales.w_dw + scales.w_pw;
  const auto count = static_cast<std::int64_t>(values.size());
  const double power = PowerOfTwo(scale);
#pragma omp parallel for schedule(static)
  for (std::int64_t i = 0; i < count; ++i) {
    values[i] = static_cast<float>(static_cast<double>(values[i]) * power);
  }
  if (scales.columns_left == 0) return;
  if (index == kBPw) std::fill(values.begin(), values.end(), 0.0F);
  for (std::int64_t k = 0; index == kWPw && k < d.k; ++k) {
    float* row = values.data() + k * d.c;
    float* kept = std::find_if(row, row + d.c, [](float weight) { return weight != 0; });
    if (kept != row + d.c) std::fill(kept + 1, row + d.c, 0.0F);
  }
}

std::string SubnormalKey(const Shape& d, assay_dtype dtype, const assay_promise& promise) {
  const assay_dtype exact = ExactDTypeOf(dtype, promise);
  const auto& [x, w_dw, w_pw, columns_left] = ScalesOf(d, dtype, promise, PlanExact(d, exact));
  return fmt::format("{} {} {} {} {}", DTypeName(exact), x, w_dw, w_pw, columns_left);
}

bool ChangeOneElement(const Shape& d, assay_dtype dtype, FillKind kind, TensorRole role, std::uint64_t seed,
                      std::vector<TensorVector<float>>& inputs) {
  if (role == TensorRole::kActivation) {
    const std::int64_t element = ElementInSight(d, seed, 77);
    if (element < 0) return false;
    inputs[kX][static_cast<std::size_t>(element)] = std::numeric_limits<float>::quiet_NaN();
    return true;
  }
  TensorVector<float>& weights = inputs[kWPw];
  const Stream stream(seed, 600);
  const auto size = static_cast<std::uint64_t>(weights.size());
  std::uint64_t at = stream.At(0) % size;
  for (std::uint64_t tried = 0; weights[at] == 0 && tried < size; ++tried) at = (at + 1) % size;
  if (weights[at] == 0) return false;
  // The other sign keeps exact inputs exact. A random weight has to outweigh the bound of the whole sum.
  weights[at] = kind == FillKind::kExact ? -weights[at] : RoundToDType(weights[at] > 0 ? -8 : 8, dtype);
  return true;
}

}  // namespace assay::dsconv
