#include "harness/measure/cuda/launch.cuh"
#include "harness/measure/cuda/sampling_kernels.h"

namespace assay::cuda {
namespace {

constexpr unsigned kThreads = 256;
constexpr unsigned kBlocks = 2048;  // enough to fill any GPU; the kernels stride

__device__ std::uint32_t Mix(std::uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  return x;
}

__global__ void WriteOver(uint4* buffer, std::size_t count, std::uint32_t salt) {
  const std::size_t step = static_cast<std::size_t>(gridDim.x) * blockDim.x;
  for (std::size_t i = static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
       i += step) {
    const std::uint32_t word = Mix(static_cast<std::uint32_t>(i) ^ salt);
    buffer[i] = make_uint4(word, ~word, word * 3, word ^ salt);
  }
}

// Ordinary loads: a streaming hint would let the lines evict each other instead of what is to be driven out.
__global__ void ReadOver(const uint4* buffer, std::size_t count, std::uint32_t* sink) {
  const std::size_t step = static_cast<std::size_t>(gridDim.x) * blockDim.x;
  uint4 all = make_uint4(0, 0, 0, 0);
  for (std::size_t i = static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
       i += step) {
    const uint4 word = buffer[i];
    all.x |= word.x;
    all.y |= word.y;
    all.z |= word.z;
    all.w |= word.w;
  }
  // The buffer holds zeros, which the compiler cannot know: without this the loads would be left out.
  if ((all.x | all.y | all.z | all.w) != 0) *sink = 1;
}

// PTX ISA, "Special Registers: %globaltimer": nanoseconds, common to all SMs.
__device__ std::uint64_t GlobalNanoseconds() {
  std::uint64_t now;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
  return now;
}

__global__ void Block(volatile BlockFlags* flags, std::uint32_t ticket, std::uint64_t timeout_ns) {
  const std::uint64_t start = GlobalNanoseconds();
  // Tickets only grow; the difference stays right when they wrap around.
  while (static_cast<std::int32_t>(flags->released - ticket) < 0) {
    if (GlobalNanoseconds() - start > timeout_ns) {
      flags->timed_out = ticket;
      __threadfence_system();
      return;
    }
  }
}

__global__ void Empty() {}

}  // namespace

void EnqueueWriteOver(void* buffer, std::size_t bytes, std::uint32_t salt, cudaStream_t stream) {
  Launch("launching the L2 write-over", WriteOver, kBlocks, kThreads, 0, stream, static_cast<uint4*>(buffer),
         bytes / sizeof(uint4), salt);
}

void EnqueueReadOver(const void* buffer, std::size_t bytes, std::uint32_t* sink, cudaStream_t stream) {
  Launch("launching the L2 read-over", ReadOver, kBlocks, kThreads, 0, stream,
         static_cast<const uint4*>(buffer), bytes / sizeof(uint4), sink);
}

void EnqueueBlock(BlockFlags* flags, std::uint32_t ticket, std::uint64_t timeout_ns, cudaStream_t stream) {
  Launch("launching the blocking kernel", Block, 1, 1, 0, stream, flags, ticket, timeout_ns);
}

void EnqueueEmpty(cudaStream_t stream) { Launch("launching an empty kernel", Empty, 1, 1, 0, stream); }

}  // namespace assay::cuda
