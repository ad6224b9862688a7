#include "reference/dsconv/activation.h"

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
