// What the classes of kernels for fp16 and bf16 in NHWC, by TMA and wgmma, have in common.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <string>
#include <utility>

#include "kernels/device/element.h"
#include "kernels/device/launch.h"
#include "kernels/dsconv/variant.h"
#include "kernels/dsconv/wide/clamp.h"

namespace assay::dsconv {

// `fn` with the ElementTag of the dtype, which is one of the two.
template <class Fn>
cudaError_t DispatchSixteenBits(assay_dtype dtype, Fn&& fn) {
  if (dtype == ASSAY_F16) return std::forward<Fn>(fn)(device::ElementTag<__half>{});
  return std::forward<Fn>(fn)(device::ElementTag<__nv_bfloat16>{});
}

// Packs the weights into the workspace: by the kernel that `kernel_of` gives for the tag of `dispatch`, which
// is called with a function of it.
template <class Dispatch, class KernelOf, class Plan>
cudaError_t LaunchPrepack(Dispatch&& dispatch, KernelOf&& kernel_of, const Shape& shape, const Plan& plan,
                          const assay_buffers& buffers, void* stream) {
  return dispatch([&](auto tag) {
    using T = typename decltype(tag)::Type;
    const auto in = [&](int i) { return static_cast<const T*>(buffers.inputs[i]); };
    return device::LaunchKernel(kernel_of(tag), dim3(512), dim3(256), 0, stream, shape, plan, in(kWDw),
                                in(kBDw), in(kWPw), in(kBPw), static_cast<char*>(buffers.workspace));
  });
}
// The same in fp16 or bf16.
template <class KernelOf, class Plan>
cudaError_t LaunchPrepack(assay_dtype dtype, KernelOf&& kernel_of, const Shape& shape, const Plan& plan,
                          const assay_buffers& buffers, void* stream) {
  return LaunchPrepack([&](auto&& fn) { return DispatchSixteenBits(dtype, fn); }, kernel_of, shape, plan,
                       buffers, stream);
}

// Why such a kernel does not take the device, the dtype or the layout; empty where it does.
inline std::string WhyNotSixteenBits(const assay_problem& problem, const Shape& shape,
                                     const assay_device_info& device) {
  if (std::string why = WhyNotSm90a(device); !why.empty()) return why;
  if (problem.dtype == ASSAY_F32) return "fp32 is not taken; fp16 and bf16 are";
  if (problem.layout == ASSAY_NHWC && shape.c % 8 == 0) return {};
  return "takes nhwc with c a multiple of 8, whose rows are read 16 bytes at a time; mma takes others";
}

// The same of a kernel for 3x3 filters without dilation, as far from pixel to pixel as from row to row.
inline std::string WhyNotFilters(const Shape& shape, const std::string& others = "hopper") {
  if (shape.r == 3 && shape.s == 3 && shape.stride_h == shape.stride_w && shape.stride_h <= 2 &&
      shape.dilation_h == 1 && shape.dilation_w == 1) {
    return {};
  }
  return "takes 3x3 filters at stride 1 or 2 without dilation; " + others + " takes others";
}

// The same of a kernel whose activations are clamps.
inline std::string WhyNotClamps(const Shape& shape, const std::string& others = "hopper") {
  if (wide::IsClamp(shape.act_mid) && wide::IsClamp(shape.act_out)) return {};
  return "takes the activations none, relu and relu6: others would cost all of them registers; " + others +
         " takes those";
}

}  // namespace assay::dsconv
