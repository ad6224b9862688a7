#include "reference/dsconv/plain.h"

#include <cmath>

namespace assay::dsconv {
namespace {

struct Sum {
  double value = 0;
  double magnitude = 0;

  void Add(double term) {
    value += term;
    magnitude += std::fabs(term);
  }
};

// The depthwise half at one output pixel, before its activation.
Sum Depthwise(const Shape& d, std::span<const std::span<const float>> inputs, std::int64_t n, std::int64_t c,
              std::int64_t p, std::int64_t q) {
  Sum sum;
  if (d.bias_dw != 0) sum.Add(inputs[kBDw][c]);
  for (std::int64_t r = 0; r < d.r; ++r) {
    for (std::int64_t s = 0; s < d.s; ++s) {
      const std::int64_t row = p * d.stride_h - d.pad_top + r * d.dilation_h;
      const std::int64_t column = q * d.stride_w - d.pad_left + s * d.dilation_w;
      if (row < 0 || row >= d.h || column < 0 || column >= d.w) continue;
      const double x = inputs[kX][((n * d.c + c) * d.h + row) * d.w + column];
      const double weight = inputs[kWDw][(c * d.r + r) * d.s + s];
      sum.Add(weight * x);
    }
  }
  return sum;
}

}  // namespace

PlainResult EvaluatePlain(const Shape& d, std::span<const std::span<const float>> inputs) {
  PlainResult result;
  result.reference.resize(d.n * d.k * d.p * d.q);
  result.magnitude.resize(result.reference.size());
  std::vector<Sum> middle(d.c);
  for (std::int64_t n = 0; n < d.n; ++n) {
    for (std::int64_t p = 0; p < d.p; ++p) {
      for (std::int64_t q = 0; q < d.q; ++q) {
        for (std::int64_t c = 0; c < d.c; ++c) {
          middle[c] = Depthwise(d, inputs, n, c, p, q);
          middle[c].value = Activate(d.ActMid(), middle[c].value);
          middle[c].magnitude += kUnderflowFloor;
        }
        for (std::int64_t k = 0; k < d.k; ++k) {
          Sum sum;
          if (d.bias_pw != 0) sum.Add(inputs[kBPw][k]);
          for (std::int64_t c = 0; c < d.c; ++c) {
            const double weight = inputs[kWPw][k * d.c + c];
            sum.value += weight * middle[c].value;
            sum.magnitude += std::fabs(weight) * middle[c].magnitude;
          }
          const std::int64_t element = ((n * d.k + k) * d.p + p) * d.q + q;
          result.reference[element] = Activate(d.ActOut(), sum.value);
          result.magnitude[element] = sum.magnitude;
        }
      }
    }
  }
  return result;
}

}  // namespace assay::dsconv
