// The harness's own kernels around a sample. All enqueue on the stream and throw DeviceError if that fails.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

namespace assay::cuda {

// Writes `bytes` (a multiple of 16) of pseudo-random words that depend on `salt`.
void EnqueueWriteOver(void* buffer, std::size_t bytes, std::uint32_t salt, cudaStream_t stream);
// Reads `bytes` (a multiple of 16) with ordinary loads. `sink` is never really written.
void EnqueueReadOver(const void* buffer, std::size_t bytes, std::uint32_t* sink, cudaStream_t stream);

// What host and blocking kernel tell each other, in pinned host memory.
struct BlockFlags {
  std::uint32_t released;   // the host: the last ticket that may pass
  std::uint32_t timed_out;  // the kernel: the last ticket that passed because it had waited too long
};
// Holds the stream until flags->released reaches `ticket`, or for `timeout_ns`.
void EnqueueBlock(BlockFlags* flags, std::uint32_t ticket, std::uint64_t timeout_ns, cudaStream_t stream);

void EnqueueEmpty(cudaStream_t stream);

}  // namespace assay::cuda
