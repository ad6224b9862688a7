// The inputs of the probes (FillKind::kWide and behind it), and what their outputs are held against; told in
// words in docs/judging.md. Counter-based like fill.h.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "reference/dsconv/problem.h"

namespace assay::dsconv {

// Integers whose sums of |terms| stay within what the promised formats hold exactly, one tensor being as wide
// as the formats allow. Every channel has the same x and, but for a few units on one tap, the same filter; a
// row of w_pw has two channels whose products nearly cancel. So the output is small, and a unit lost anywhere
// before it shows in its leading digits.
struct WidePlan {
  std::int64_t taps = 1;    // non-zero ones of each filter, `tap` among them
  std::int64_t tap = 0;     // the one on which channels differ: that with the most output pixels in the image
  std::int64_t spread = 0;  // channel c has (c mod (spread + 1)) units more there
  std::int64_t columns = 1;    // non-zero weights of each pointwise row: 1 or 2
  bool equal_filters = false;  // the rows' two weights differ instead
  bool both_wide = false;      // x and w_dw use their first and their last bit, with one term in either sum
  // What act_mid gives is wider than the dtype that it is promised to be rounded to.
  bool rounds_middle = false;
  bool wide_biases = false;  // the biases are wide, beside one term of one unit
  std::int64_t x = 1, w_dw = 1, b_dw = 0, w_pw = 1, b_pw = 0;  // largest magnitudes, in units
  std::int64_t b_dw_step = 1,
               b_pw_step = 1;  // biases are multiples of these, so as to be numbers of the dtype
  int x_scale = 0, w_dw_scale = 0, w_pw_scale = 0;  // log2 of the units

  std::int64_t MiddleSum() const { return x * (taps * w_dw + spread) + b_dw; }
  std::int64_t OutputSum() const { return columns * (w_pw + (equal_filters ? 3 : 0)) * MiddleSum() + b_pw; }
};
// A bias's largest magnitude, in steps, where it is not what is wide.
inline constexpr std::int64_t kWideBias = 2;

// What the formats allow for either sum.
struct WideLimits {
  std::int64_t input = 0, partner = 0, middle = 0, output = 0;
};
WideLimits WideLimitsOf(assay_dtype dtype, const assay_promise& promise);
// How wide the intermediate may be where it is promised to be rounded to the dtype, and the output is then
// that number, rounded once, up to a power of two; 0 where it is not. Rounding it again, on the way to the
// pointwise half or at the end, or not before the end, gives the same.
std::int64_t WidestRoundedMiddle(const Shape& shape, assay_dtype dtype, const assay_promise& promise);
int WideFlavours(const Shape& shape);
// The seed decides in turns what is wide: x, w_dw, w_pw, x and w_dw alike (then with one term in either sum),
// and the biases if there are any.
WidePlan PlanWide(const Shape& shape, assay_dtype dtype, const assay_promise& promise, std::uint64_t seed);

int ProbeTurnsOf(const Shape& shape, FillKind probe);

void FillProbeInput(const Shape& shape, InputIndex index, assay_dtype dtype, const assay_promise& promise,
                    FillKind probe, std::uint64_t seed, std::span<float> values);

// See Operator::ProbeKey().
std::string ProbeKeyOf(const Shape& shape, assay_dtype dtype, const assay_promise& promise, FillKind probe,
                       std::uint64_t seed);

// Output rows, or columns, for which a row (column) of the filter reads inside the image.
struct Places {
  std::int64_t first, count;
};
Places RowsInSight(const Shape& shape, std::int64_t tap_row);
Places ColumnsInSight(const Shape& shape, std::int64_t tap_column);
// The tap that lies inside the image for the most output pixels.
std::int64_t BestTap(const Shape& shape);

// The share of output pixels whose window reaches into the image.
double ShareInSight(const Shape& shape);
// Windows in the padding give zeros where there is no bias, and of outputs that are mostly zero nothing is
// believed. Gives a shape both biases if fewer than 0.7 of its windows reach into the image and it has none:
// half would do, but some of the other outputs are zero as well.
void AddBiasIfMostlyPadding(Shape& shape);

// True if the activation probe of this seed asks about act_mid, false if about act_out.
bool AsksMiddle(const Shape& shape, std::uint64_t seed);

}  // namespace assay::dsconv
