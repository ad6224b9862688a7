#include "tests/reference/dsconv/simulated_kernel.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>

#include "reference/dtype.h"

namespace assay::dsconv {
namespace {

double RoundTo(double value, assay_format format, bool truncate) {
  switch (format) {
    case ASSAY_FORMAT_F64:
      return value;
    case ASSAY_FORMAT_F32:
      return static_cast<float>(value);
    case ASSAY_FORMAT_TF32: {  // an fp32 with the last 13 fraction bits gone
      std::uint32_t bits = std::bit_cast<std::uint32_t>(static_cast<float>(value));
      if (!truncate) bits += 0x0fff + ((bits >> 13) & 1);
      return std::bit_cast<float>(bits & ~std::uint32_t{0x1fff});
    }
    case ASSAY_FORMAT_F16:
      return RoundToDType(value, ASSAY_F16);
    case ASSAY_FORMAT_BF16:
      return RoundToDType(value, ASSAY_BF16);
    case ASSAY_FORMAT_TF32X3: {
      const double high = RoundTo(value, ASSAY_FORMAT_TF32, truncate);
      return high + RoundTo(value - high, ASSAY_FORMAT_TF32, truncate);
    }
  }
  return value;
}

struct Product {
  double a;
  double b;
};

class Adder {
 public:
  explicit Adder(const Arithmetic& arithmetic) : arithmetic_(arithmetic) {}

  // bias + sum of the products. All factors have at most 24 bits, so a * b is exact in double.
  double Sum(double bias, std::vector<Product> products) {
    switch (arithmetic_.order) {
      case SumOrder::kForward:
        break;
      case SumOrder::kBackward:
        std::reverse(products.begin(), products.end());
        break;
      case SumOrder::kShuffled:
        std::shuffle(products.begin(), products.end(), random_);
        break;
      case SumOrder::kPairwise:
        return Rounded(Pairwise(products, 0, products.size()) + bias);
      case SumOrder::kMatrixUnit:
        return MatrixUnit(bias, products);
    }
    double sum = bias;
    for (const Product& product : products) {
      const double term = product.a * product.b;
      sum = Rounded(sum + (arithmetic_.fused ? term : Rounded(term)));
    }
    return sum;
  }

 private:
  double Rounded(double value) const { return RoundTo(value, arithmetic_.promise.accumulator, false); }

  double Pairwise(const std::vector<Product>& products, std::size_t first, std::size_t last) const {
    if (last == first) return 0;
    if (last - first == 1) return Rounded(products[first].a * products[first].b);
    const std::size_t middle = first + (last - first) / 2;
    return Rounded(Pairwise(products, first, middle) + Pairwise(products, middle, last));
  }

  double MatrixUnit(double bias, const std::vector<Product>& products) const {
    constexpr std::size_t kBlock = 4;
    double sum = bias;
    for (std::size_t first = 0; first < products.size(); first += kBlock) {
      std::vector<double> addends = {sum};
      for (std::size_t i = first; i < std::min(first + kBlock, products.size()); ++i) {
        addends.push_back(products[i].a * products[i].b);
      }
      sum = AddCutOff(addends);
    }
    return sum;
  }

  double AddCutOff(const std::vector<double>& addends) const {
    double largest = 0;
    for (double addend : addends) largest = std::max(largest, std::fabs(addend));
    if (largest == 0) return 0;
    const int bits = arithmetic_.promise.accumulator == ASSAY_FORMAT_F16 ? 11 : 24;
    const auto cut = [bits](double value, double scale) {
      const double unit = std::ldexp(1.0, std::ilogb(scale) + 1 - bits);
      return std::trunc(value / unit) * unit;
    };
    double sum = 0;
    for (double addend : addends) sum += cut(addend, largest);
    return sum == 0 ? 0 : cut(sum, sum);
  }

  const Arithmetic& arithmetic_;
  std::mt19937_64 random_{99};
};

float ActivateInFloat(Activation activation, float z) {
  switch (activation) {
    case Activation::kNone:
      return z;
    case Activation::kRelu:
      return std::fmax(z, 0.0F);
    case Activation::kRelu6:
      return std::fmin(std::fmax(z, 0.0F), 6.0F);
    case Activation::kSilu:
      return z / (1.0F + std::exp(-z));
    case Activation::kHardswish:
      return z * std::fmin(std::fmax(z + 3.0F, 0.0F), 6.0F) * (1.0F / 6.0F);
  }
  return z;
}

double ActivateRounded(Activation activation, double z, assay_format accumulator) {
  if (accumulator == ASSAY_FORMAT_F64) return Activate(activation, z);
  return RoundTo(ActivateInFloat(activation, static_cast<float>(z)), accumulator, false);
}

std::vector<Product> DepthwiseProducts(const Shape& d, const InputSet& inputs, const Arithmetic& arithmetic,
                                       std::int64_t n, std::int64_t c, std::int64_t p, std::int64_t q) {
  const auto operand = [&](float value) {
    return RoundTo(value, arithmetic.promise.operand, arithmetic.truncates_operands);
  };
  std::vector<Product> products;
  for (std::int64_t r = 0; r < d.r; ++r) {
    for (std::int64_t s = 0; s < d.s; ++s) {
      const std::int64_t row = p * d.stride_h - d.pad_top + r * d.dilation_h;
      const std::int64_t column = q * d.stride_w - d.pad_left + s * d.dilation_w;
      if (row < 0 || row >= d.h || column < 0 || column >= d.w) continue;
      if (r * d.s + s == arithmetic.dropped_tap) continue;
      products.push_back({operand(inputs.views[kWDw][(c * d.r + r) * d.s + s]),
                          operand(inputs.views[kX][((n * d.c + c) * d.h + row) * d.w + column])});
    }
  }
  return products;
}

// One half's sum and bias; stored in the dtype between the two if the promise says so.
double SumOfHalf(Adder& adder, const Arithmetic& arithmetic, double bias, std::vector<Product> products) {
  if (arithmetic.promise.rounds_sums == 0) return adder.Sum(bias, std::move(products));
  const double stored = RoundToDType(adder.Sum(0.0, std::move(products)), arithmetic.dtype);
  return RoundTo(stored + bias, arithmetic.promise.accumulator, false);
}

}  // namespace

std::vector<float> Simulate(const Shape& d, const InputSet& inputs, const Arithmetic& arithmetic) {
  const assay_promise& promise = arithmetic.promise;
  const auto operand = [&](double value) {
    return RoundTo(value, promise.operand, arithmetic.truncates_operands);
  };
  Adder adder(arithmetic);
  std::vector<float> output(static_cast<std::size_t>(d.n * d.k * d.p * d.q));
  std::vector<double> middle(static_cast<std::size_t>(d.c));
  for (std::int64_t pixel = 0; pixel < d.n * d.p * d.q; ++pixel) {
    const std::int64_t n = pixel / (d.p * d.q), p = pixel / d.q % d.p, q = pixel % d.q;
    for (std::int64_t c = 0; c < d.c; ++c) {
      const double bias = d.bias_dw != 0 ? inputs.views[kBDw][c] : 0.0F;
      double value = SumOfHalf(adder, arithmetic, bias, DepthwiseProducts(d, inputs, arithmetic, n, c, p, q));
      value = ActivateRounded(d.ActMid(), value, promise.accumulator);
      if (promise.rounds_intermediate != 0) value = RoundToDType(value, arithmetic.dtype);
      middle[c] = operand(value);
    }
    for (std::int64_t k = 0; k < d.k; ++k) {
      std::vector<Product> products;
      for (std::int64_t c = 0; c < d.c; ++c)
        products.push_back({operand(inputs.views[kWPw][k * d.c + c]), middle[c]});
      const double bias = d.bias_pw != 0 ? inputs.views[kBPw][k] : 0.0F;
      const double value = ActivateRounded(
          d.ActOut(), SumOfHalf(adder, arithmetic, bias, std::move(products)), promise.accumulator);
      output[((n * d.k + k) * d.p + p) * d.q + q] = RoundToDType(value, arithmetic.dtype);
    }
  }
  return output;
}

}  // namespace assay::dsconv
