// Stand-in for CUDA's header of the same name: with harness/simt/include first on the include path, the C++
// compiler turns a .cu file into code for the host device (docs/host-device.md). What is missing here is
// missing on purpose, so that a kernel that needs it does not compile rather than behave otherwise than on a
// GPU.
#pragma once

#define ASSAY_SIMT 1

#include <cmath>
#include <cstdint>
#include <tuple>
#include <utility>

#include "cuda_runtime_api.h"
#include "device_launch_parameters.h"
#include "harness/simt/device_api.h"
#include "vector_types.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(bytes) alignas(bytes)
// Named in the compiler's message when a kernel declares static shared memory.
#define __shared__ static_shared_memory_is_not_supported_use_dynamic_shared

#include "simt_device_functions.h"

// The opt-in for more than 48 KiB of dynamic shared memory; other attributes are accepted and ignored.
template <class R, class... E>
cudaError_t cudaFuncSetAttribute(R (*kernel)(E...), cudaFuncAttribute attribute, int value) {
  return assay::simt::SetKernelAttribute(reinterpret_cast<const void*>(kernel), attribute, value);
}

template <class R, class... E>
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, R (*kernel)(E...)) {
  return assay::simt::GetKernelAttributes(reinterpret_cast<const void*>(kernel), attributes);
}

// Runs the kernel and returns when it has ended. A fault inside it gives cudaErrorLaunchFailure, with the
// report in assay::simt::LastFault() (harness/simt/simt.h).
template <class... E, class... A>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(E...), A&&... arguments) {
  static_assert(sizeof...(E) == sizeof...(A), "the kernel takes another number of arguments");
  struct Call {
    void (*kernel)(E...);
    std::tuple<E...> arguments;
    static void Run(const void* self) {
      const Call& call = *static_cast<const Call*>(self);
      std::apply(call.kernel, call.arguments);
    }
  };
  const Call call{kernel, std::tuple<E...>(static_cast<E>(std::forward<A>(arguments))...)};
  return assay::simt::LaunchKernel(config, reinterpret_cast<const void*>(kernel), &Call::Run, &call);
}
