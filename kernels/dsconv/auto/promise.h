// What is promised where another variant is picked, by `auto` and by what hands a problem on in another form:
// no more than each of those that may be picked keeps.
#pragma once

#include <string>

#include "kernels/dsconv/variant.h"

namespace assay::dsconv::automatic {

// What fp32 operands of the pointwise half may become.
enum class Fp32Operands { kAccurate, kTf32 };

template <Fp32Operands kOperands>
assay_promise Promise(assay_dtype dtype) {
  if (dtype != ASSAY_F32) return SixteenBitPromise(dtype);
  return PrepackedPromise(kOperands == Fp32Operands::kTf32 ? ASSAY_FORMAT_TF32 : ASSAY_FORMAT_TF32X3);
}

template <Fp32Operands kOperands>
std::string WhyNotDtype(assay_dtype dtype) {
  if (kOperands == Fp32Operands::kTf32 && dtype != ASSAY_F32) return "fp16 and bf16 are not taken; fp32 is";
  return {};
}

}  // namespace assay::dsconv::automatic
