#include "reference/dsconv/activation.h"

#include <cmath>
#include <limits>

namespace assay::dsconv {

std::string_view ActivationName(Activation activation) {
  switch (activation) {
    case Activation::kNone:
      return "none";
    case Activation::kRelu:
      return "relu";
    case Activation::kRelu6:
      return "relu6";
    case Activation::kSilu:
      return "silu";
    case Activation::kHardswish:
      return "hardswish";
  }
  return "unknown activation";
}

std::optional<Activation> ParseActivation(std::string_view name) {
  for (std::int64_t i = 0; i < kNumActivations; ++i) {
    const auto activation = static_cast<Activation>(i);
    if (name == ActivationName(activation)) return activation;
  }
  return std::nullopt;
}

double Activate(Activation activation, double z) {
  // Comparisons are written so that NaN passes through.
  switch (activation) {
    case Activation::kNone:
      return z;
    case Activation::kRelu:
      return z < 0 ? 0 : z;
    case Activation::kRelu6:
      return z < 0 ? 0 : (z > 6 ? 6 : z);
    case Activation::kSilu:
      // exp(-z) overflows to infinity for very negative z, and z / infinity is the right limit; except at
      // -infinity.
      return z == -std::numeric_limits<double>::infinity() ? 0 : z / (1 + std::exp(-z));
    case Activation::kHardswish:
      return z <= -3 ? 0 : (z >= 3 ? z : z * (z + 3) / 6);
  }
  return std::numeric_limits<double>::quiet_NaN();
}

double LipschitzConstant(Activation activation) {
  switch (activation) {
    case Activation::kNone:
    case Activation::kRelu:
    case Activation::kRelu6:
      return 1;
    case Activation::kSilu:
      return 1.1;  // the derivative's maximum is 1.09984 at z = 2.3994
    case Activation::kHardswish:
      return 1.5;  // the derivative is (2z + 3) / 6 up to z = 3
  }
  return std::numeric_limits<double>::infinity();
}

bool KeepsIntegers(Activation activation) {
  return activation != Activation::kSilu && activation != Activation::kHardswish;
}

}  // namespace assay::dsconv
