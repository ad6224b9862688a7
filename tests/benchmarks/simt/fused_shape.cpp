// Is a fused layer affordable on the host device? A stand-in shaped like the warp_shuffle kernel, 56x56
// pixels, 64 -> 128 channels, 256-thread blocks, beside a serial fp64 product of the same size. The dsconv
// benchmark measures the real kernel.
#include <benchmark/benchmark.h>
#include <cuda_runtime.h>

#include <vector>

#include "harness/simt/simt.h"

namespace {

constexpr int kPixels = 56 * 56;
constexpr int kChannels = 64;
constexpr int kOutputs = 128;
constexpr int kOutputsPerLane = kOutputs / 32;
constexpr unsigned kThreads = 256;
constexpr unsigned kWarps = kThreads / 32;

// A warp owns a pixel. Each lane holds the depthwise result of two channels and sums four outputs; it gets
// the other lanes' channels by shuffles.
__global__ void __launch_bounds__(kThreads)
    PixelAWarp(const float* __restrict__ middle, const float* __restrict__ weights, float* __restrict__ out) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int pixel = static_cast<int>(blockIdx.x * kWarps + threadIdx.x / 32);
  if (pixel >= kPixels) return;
  float sum[kOutputsPerLane] = {};
  for (int first = 0; first < kChannels; first += 32) {
    const float own = middle[pixel * kChannels + first + lane];
    for (int source = 0; source < 32; ++source) {
      const float value = __shfl_sync(0xffffffffu, own, source);
      const float* row = weights + (first + source) * kOutputs + lane;
      for (int k = 0; k < kOutputsPerLane; ++k) sum[k] = fmaf(value, row[32 * k], sum[k]);
    }
  }
  for (int k = 0; k < kOutputsPerLane; ++k) out[pixel * kOutputs + 32 * k + lane] = sum[k];
}

struct Layer {
  std::vector<float> middle = std::vector<float>(std::size_t{kPixels} * kChannels, 0.5f);
  std::vector<float> weights = std::vector<float>(std::size_t{kChannels} * kOutputs, 0.25f);
  std::vector<float> out = std::vector<float>(std::size_t{kPixels} * kOutputs);
};

void WarpShuffleShape(benchmark::State& state) {
  assay::simt::Options options;
  options.threads = static_cast<int>(state.range(0));
  const assay::simt::ScopedOptions scoped(options);
  Layer layer;
  cudaLaunchConfig_t config{};
  config.gridDim = (kPixels + kWarps - 1) / kWarps;
  config.blockDim = kThreads;
  for (auto _ : state) {
    if (cudaLaunchKernelEx(&config, PixelAWarp, layer.middle.data(), layer.weights.data(),
                           layer.out.data()) != cudaSuccess) {
      state.SkipWithError(assay::simt::LastFault().c_str());
      break;
    }
  }
  if (layer.out.back() != 0.125f * kChannels) state.SkipWithError("wrong result");
  state.counters["ns/lane-shuffle"] =
      benchmark::Counter(1e-9 * kPixels * kChannels * 32,
                         benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK(WarpShuffleShape)->Arg(1)->Arg(0)->UseRealTime()->Unit(benchmark::kMillisecond);

// The pointwise half as the plain reference does it: one output after the other, NCHW, with the sum of
// |terms| beside.
void SerialFp64(benchmark::State& state) {
  Layer layer;
  std::vector<double> out(layer.out.size());
  std::vector<double> magnitude(layer.out.size());
  for (auto _ : state) {
    for (int k = 0; k < kOutputs; ++k) {
      for (int pixel = 0; pixel < kPixels; ++pixel) {
        double sum = 0;
        double terms = 0;
        for (int c = 0; c < kChannels; ++c) {
          const double term = double{layer.weights[c * kOutputs + k]} * layer.middle[c * kPixels + pixel];
          sum += term;
          terms += std::abs(term);
        }
        out[k * kPixels + pixel] = sum;
        magnitude[k * kPixels + pixel] = terms;
      }
    }
    benchmark::DoNotOptimize(out.data());
    benchmark::DoNotOptimize(magnitude.data());
  }
}
BENCHMARK(SerialFp64)->Unit(benchmark::kMillisecond);

}  // namespace
