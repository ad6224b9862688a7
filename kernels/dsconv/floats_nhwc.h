// What the classes of kernels for fp32 in NHWC, by TMA and wgmma in TF32, have in common.
#pragma once

#include <cuda_runtime.h>

#include <string>
#include <utility>

#include "kernels/device/element.h"
#include "kernels/dsconv/variant.h"

namespace assay::dsconv {

// Of tensors of which products take kNumParts TF32 numbers each.
template <int kNumParts>
struct FloatsNhwc {
  static constexpr int kParts = kNumParts;

  static assay_promise Promise(assay_dtype) {
    return PrepackedPromise(kNumParts == 1 ? ASSAY_FORMAT_TF32 : ASSAY_FORMAT_TF32X3);
  }
  template <class Fn>
  static cudaError_t Dispatch(assay_dtype, Fn&& fn) {
    return std::forward<Fn>(fn)(device::ElementTag<float>{});
  }
};

// Why such a kernel does not take the device, the dtype or the layout; empty where it does. `others`: the
// variant that takes other rows.
inline std::string WhyNotFloatsNhwc(const assay_problem& problem, const Shape& shape,
                                    const assay_device_info& device, const std::string& others) {
  if (std::string why = WhyNotSm90a(device); !why.empty()) return why;
  if (problem.dtype != ASSAY_F32) return "fp16 and bf16 are not taken; fp32 is";
  if (problem.layout == ASSAY_NHWC && shape.c % 4 == 0) return {};
  return "takes nhwc with c a multiple of 4, whose rows are read 16 bytes at a time; " + others +
         " takes others";
}

}  // namespace assay::dsconv
