#include "harness/device/cuda/cuda_check.h"
#include "harness/device/cuda/hold.h"

namespace assay {
namespace {

// PTX ISA, "Special Registers: %globaltimer": nanoseconds, common to all SMs.
__device__ std::uint64_t GlobalNanoseconds() {
  std::uint64_t now;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
  return now;
}

__global__ void HoldKernel(const volatile std::uint32_t* released, std::uint32_t ticket,
                           std::uint64_t timeout_ns) {
  const std::uint64_t start = GlobalNanoseconds();
  // Tickets only grow; the difference stays right when they wrap around.
  while (static_cast<std::int32_t>(*released - ticket) < 0 && GlobalNanoseconds() - start < timeout_ns) {
  }
}

}  // namespace

StreamHolder::StreamHolder() {
  void* memory = nullptr;
  ASSAY_CUDA_CHECK(cudaHostAlloc(&memory, sizeof(std::uint32_t), cudaHostAllocMapped));
  released_ = static_cast<volatile std::uint32_t*>(memory);
  *released_ = 0;
}

StreamHolder::~StreamHolder() {
  ReleaseAll();
  static_cast<void>(cudaFreeHost(const_cast<std::uint32_t*>(released_)));
}

void StreamHolder::Hold(cudaStream_t stream, double seconds) {
  ++ticket_;
  cudaLaunchConfig_t config = {};
  config.gridDim.x = config.blockDim.x = 1;
  config.stream = stream;
  // With unified addressing the GPU reads page-locked memory at the CPU's address.
  const volatile std::uint32_t* released = released_;
  ASSAY_CUDA_CHECK(
      cudaLaunchKernelEx(&config, HoldKernel, released, ticket_, static_cast<std::uint64_t>(seconds * 1e9)));
}

void StreamHolder::ReleaseAll() { *released_ = ticket_; }

}  // namespace assay
