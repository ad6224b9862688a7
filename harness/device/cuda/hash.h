// The GPU's half of device.h's hash.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

namespace assay {

// Throws DeviceError if this program holds no code for the current GPU.
void CheckHashKernelLoads();

// Enqueues: *sum = hash of `bytes` bytes of device memory at `from`. `sum` is device memory, 8-byte aligned.
void EnqueueHash(const std::byte* from, std::size_t bytes, std::uint64_t* sum, int num_sms,
                 cudaStream_t stream);

}  // namespace assay
