// The activations that may follow either half, in fp64, and what the error bound needs to know of them.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace assay::dsconv {

// The values are those of the parameters act_mid and act_out.
enum class Activation : std::int64_t {
  kNone = 0,       // z
  kRelu = 1,       // max(z, 0)
  kRelu6 = 2,      // min(max(z, 0), 6)
  kSilu = 3,       // z / (1 + exp(-z))
  kHardswish = 4,  // z * min(max(z + 3, 0), 6) / 6
};
inline constexpr std::int64_t kNumActivations = 5;

std::string_view ActivationName(Activation activation);  // "none", "relu", ...
std::optional<Activation> ParseActivation(std::string_view name);

// NaN stays NaN, also through relu and relu6. |Activate(a, z)| <= |z| for each of them.
inline double Activate(Activation activation, double z) {
  // Comparisons are written so that NaN passes through.
  switch (activation) {
    case Activation::kNone:
      return z;
    case Activation::kRelu:
      return z < 0 ? 0 : z;
    case Activation::kRelu6:
      z = z < 0 ? 0 : z;  // one after the other, so that loops become vector instructions
      return z > 6 ? 6 : z;
    case Activation::kSilu:
      // exp(-z) overflows to infinity for very negative z, and z / infinity is the right limit; except at
      // -infinity.
      return z == -std::numeric_limits<double>::infinity() ? 0 : z / (1 + std::exp(-z));
    case Activation::kHardswish:
      return z <= -3 ? 0 : (z >= 3 ? z : z * (z + 3) / 6);
  }
  return std::numeric_limits<double>::quiet_NaN();
}

// |Activate(z1) - Activate(z2)| <= LipschitzConstant * |z1 - z2|.
double LipschitzConstant(Activation activation);

// True if an integer is mapped to an integer, and exactly so in any arithmetic.
bool KeepsIntegers(Activation activation);

}  // namespace assay::dsconv
