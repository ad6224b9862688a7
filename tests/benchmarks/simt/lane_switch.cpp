// What a collective costs a lane on the host device, on one operating-system thread: counter "ns/lane", the
// time divided by the number of lanes and collectives.
#include <benchmark/benchmark.h>
#include <cuda_runtime.h>

#include "harness/simt/simt.h"

namespace {

constexpr int kRounds = 1000;

__global__ void ShuffleRounds(int rounds, int* out) {
  int value = static_cast<int>(threadIdx.x);
  for (int round = 0; round < rounds; ++round) value += __shfl_sync(0xffffffffu, value, round % 32);
  out[threadIdx.x] = value;
}

__global__ void XorRounds(int rounds, float* out) {
  float value = static_cast<float>(threadIdx.x);
  for (int round = 0; round < rounds; ++round) value += __shfl_xor_sync(0xffffffffu, value, 1 << (round % 5));
  out[threadIdx.x] = value;
}

__global__ void BarrierRounds(int rounds, int* out) {
  int value = 0;
  for (int round = 0; round < rounds; ++round) {
    __syncthreads();
    value += round;
  }
  out[threadIdx.x] = value;
}

__global__ void Independent(int, int* out) {
  out[blockIdx.x * blockDim.x + threadIdx.x] = static_cast<int>(threadIdx.x);
}

template <class T>
void Run(benchmark::State& state, void (*kernel)(int, T*), int rounds, unsigned blocks) {
  assay::simt::Options options;
  options.threads = 1;
  const assay::simt::ScopedOptions scoped(options);
  const auto threads = static_cast<unsigned>(state.range(0));
  T* out = nullptr;
  if (cudaMalloc(&out, sizeof(T) * threads * blocks) != cudaSuccess) return state.SkipWithError("no memory");
  cudaLaunchConfig_t config{};
  config.gridDim = blocks;
  config.blockDim = threads;
  for (auto _ : state) {
    if (cudaLaunchKernelEx(&config, kernel, rounds, out) != cudaSuccess) {
      state.SkipWithError(assay::simt::LastFault().c_str());
      break;
    }
  }
  state.counters["ns/lane"] =
      benchmark::Counter(1e-9 * threads * blocks * rounds,
                         benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
  if (cudaFree(out) != cudaSuccess) state.SkipWithError("cudaFree");
}

void Shuffle(benchmark::State& state) { Run(state, ShuffleRounds, kRounds, 1); }
void ShuffleXor(benchmark::State& state) { Run(state, XorRounds, kRounds, 1); }
void SyncThreads(benchmark::State& state) { Run(state, BarrierRounds, kRounds, 1); }
void NoCollective(benchmark::State& state) { Run(state, Independent, 1, 64); }

BENCHMARK(Shuffle)->Arg(32)->Arg(256)->Arg(1024)->Unit(benchmark::kMicrosecond);
BENCHMARK(ShuffleXor)->Arg(32)->Arg(256)->Unit(benchmark::kMicrosecond);
BENCHMARK(SyncThreads)->Arg(32)->Arg(256)->Arg(1024)->Unit(benchmark::kMicrosecond);
BENCHMARK(NoCollective)->Arg(256)->Unit(benchmark::kMicrosecond);

}  // namespace
