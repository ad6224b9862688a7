#include "harness/device/device.h"
#include "harness/measure/cuda/ceiling_kernels.h"
#include "harness/measure/cuda/ceiling_random.cuh"
#include "harness/measure/cuda/launch.cuh"
#include "harness/measure/cuda/tensor_loop.cuh"

namespace assay::cuda {
namespace {

constexpr unsigned kThreads = 256;

__global__ void RandomFill(uint4* buffer, std::size_t count) {
  const std::size_t step = static_cast<std::size_t>(gridDim.x) * blockDim.x;
  for (std::size_t i = static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
       i += step) {
    const std::uint32_t seed = static_cast<std::uint32_t>(4 * i);
    buffer[i] =
        make_uint4(RandomWord(seed), RandomWord(seed + 1), RandomWord(seed + 2), RandomWord(seed + 3));
  }
}

constexpr int kCopiesInFlight = 4;

// A block copies kCopiesInFlight consecutive runs of kThreads vectors, all loaded before the first is stored.
__global__ void __launch_bounds__(kThreads)
    Copy(uint4* __restrict__ to, const uint4* __restrict__ from, std::size_t count) {
  const std::size_t run = static_cast<std::size_t>(kThreads) * kCopiesInFlight;
  for (std::size_t base = blockIdx.x * run + threadIdx.x; base < count; base += gridDim.x * run) {
    uint4 words[kCopiesInFlight];
#pragma unroll
    for (int j = 0; j < kCopiesInFlight; ++j) {
      const std::size_t i = base + static_cast<std::size_t>(j) * kThreads;
      if (i < count) words[j] = __ldcs(from + i);
    }
#pragma unroll
    for (int j = 0; j < kCopiesInFlight; ++j) {
      const std::size_t i = base + static_cast<std::size_t>(j) * kThreads;
      if (i < count) __stcs(to + i, words[j]);
    }
  }
}

constexpr int kChains = 16;
constexpr int kPairsPerIteration = 8;

// Each chain goes x -> a x + b and back by x -> x / a - b / a, so that its values keep two random mantissas
// forever instead of running into a fixed point, whose unchanging bits would draw less power.
__global__ void __launch_bounds__(kThreads)
    FfmaLoop(int iterations, float* sink, double* flops_per_iteration) {
  const std::uint32_t thread = blockIdx.x * kThreads + threadIdx.x;
  const float a = RandomFactor(thread), b = RandomReal(thread + 0x10000000u);
  const float back_a = 1.0f / a, back_b = -b / a;
  float x[kChains];
#pragma unroll
  for (int c = 0; c < kChains; ++c) x[c] = RandomReal(thread * kChains + c);
  for (int i = 0; i < iterations; ++i) {
#pragma unroll
    for (int pair = 0; pair < kPairsPerIteration; ++pair) {
#pragma unroll
      for (int c = 0; c < kChains; ++c) x[c] = fmaf(x[c], a, b);
#pragma unroll
      for (int c = 0; c < kChains; ++c) x[c] = fmaf(x[c], back_a, back_b);
    }
  }
  float sum = 0;
#pragma unroll
  for (int c = 0; c < kChains; ++c) sum += x[c];
  sink[thread % (kArithmeticSinkBytes / sizeof(float))] = sum;
  if (thread == 0) *flops_per_iteration = 2.0 * 2 * kPairsPerIteration * kChains * kThreads;
}

template <class... Params>
unsigned BlocksThatFill(void (*kernel)(Params...), unsigned threads, std::size_t shared_bytes, int sms) {
  int per_sm = 0;
  ASSAY_CUDA_CHECK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&per_sm, kernel, static_cast<int>(threads),
                                                                 shared_bytes));
  if (per_sm < 1) throw DeviceError("a ceiling kernel does not fit on this GPU");
  return static_cast<unsigned>(per_sm) * static_cast<unsigned>(sms);
}

template <TensorType kType>
ArithmeticLaunch EnqueueTensor(int iterations, int sms, float* sink, double* flops_per_iteration,
                               cudaStream_t stream) {
  ASSAY_CUDA_CHECK(cudaFuncSetAttribute(TensorLoop<kType>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                        kTensorSharedBytes));
  const unsigned blocks = BlocksThatFill(TensorLoop<kType>, kTensorThreads, kTensorSharedBytes, sms);
  Launch("launching a tensor-core ceiling", TensorLoop<kType>, blocks, kTensorThreads, kTensorSharedBytes,
         stream, iterations, sink, flops_per_iteration);
  return {blocks};
}

}  // namespace

void EnqueueRandomFill(void* buffer, std::size_t bytes, cudaStream_t stream) {
  Launch("launching a random fill", RandomFill, 2048, kThreads, 0, stream, static_cast<uint4*>(buffer),
         bytes / sizeof(uint4));
}

void EnqueueCopy(void* to, const void* from, std::size_t bytes, int sms, cudaStream_t stream) {
  Launch("launching the copy ceiling", Copy, BlocksThatFill(Copy, kThreads, 0, sms), kThreads, 0, stream,
         static_cast<uint4*>(to), static_cast<const uint4*>(from), bytes / sizeof(uint4));
}

ArithmeticLaunch EnqueueArithmetic(Arithmetic arithmetic, int iterations, int sms, float* sink,
                                   double* flops_per_iteration, cudaStream_t stream) {
  switch (arithmetic) {
    case Arithmetic::kTensorFp16:
      return EnqueueTensor<TensorType::kFp16>(iterations, sms, sink, flops_per_iteration, stream);
    case Arithmetic::kTensorBf16:
      return EnqueueTensor<TensorType::kBf16>(iterations, sms, sink, flops_per_iteration, stream);
    case Arithmetic::kTensorTf32:
      return EnqueueTensor<TensorType::kTf32>(iterations, sms, sink, flops_per_iteration, stream);
    case Arithmetic::kFfma:
      break;
  }
  const unsigned blocks = BlocksThatFill(FfmaLoop, kThreads, 0, sms);
  Launch("launching the FFMA ceiling", FfmaLoop, blocks, kThreads, 0, stream, iterations, sink,
         flops_per_iteration);
  return {blocks};
}

}  // namespace assay::cuda
