// Kernels of which a test knows what they should read as.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

namespace assay {

// Busy for `nanoseconds` of the GPU's global timer, in one thread.
void EnqueueSpin(std::uint64_t nanoseconds, cudaStream_t stream);
// Reads all of the buffer, a multiple of 16 bytes.
void EnqueueRead(const void* buffer, std::size_t bytes, std::uint32_t* sink, cudaStream_t stream);
// Asks for more shared memory than any GPU has.
void EnqueueImpossible(cudaStream_t stream);

}  // namespace assay
