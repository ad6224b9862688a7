// The operator by a block that shares its intermediate in shared memory, and by a warp that passes it round.
// What the threads do for each other can be left out, one thing at a time.
#pragma once

#include "kernels/device/shared_memory.h"
#include "tests/faulty/faulty_kernel.h"

namespace assay::faulty {

inline constexpr int kTilePixels = 8;     // of one output row
inline constexpr int kTileChannels = 16;  // summed over between two barriers
static_assert(kTilePixels * kTileChannels == kThreads, "a thread computes one depthwise result a chunk");

struct TileStorage {
  float mid[kTilePixels][kTileChannels];
};

// As it should be.
struct BlockSteps {
  static constexpr bool kWaitsBeforeUse = true;  // a barrier between writing the intermediate and reading it
  static constexpr bool kWaitsBeforeReuse = true;  // and before it is written again
  static constexpr bool kClearsRaggedEnd = true;   // zero for channels past the last
  static constexpr bool kFillsEveryTile = true;    // and not only the row's first
};

template <class Steps, class T>
__device__ __forceinline__ void FillTile(const Shape& shape, const Tensors<T>& t, TileStorage& tile,
                                         std::int32_t n, std::int32_t p, std::int32_t q0, std::int32_t c0) {
  const int pixel = static_cast<int>(threadIdx.x) / kTileChannels, channel = threadIdx.x % kTileChannels;
  if (!Steps::kFillsEveryTile && q0 > 0) return;
  if (q0 + pixel < shape.q && c0 + channel < shape.c) {
    tile.mid[pixel][channel] = DepthwiseAt<Correct>(shape, t, n, c0 + channel, p, q0 + pixel);
  } else if (Steps::kClearsRaggedEnd) {
    tile.mid[pixel][channel] = 0.0f;
  }
}

// A block owns one row of outputs, a thread one output channel of it (or every 128th).
template <class Steps, class T>
__global__ void __launch_bounds__(kThreads) TileKernel(Shape shape, Tensors<T> t) {
  TileStorage& tile = dynamic_shared<TileStorage>();
  const auto p = static_cast<std::int32_t>(blockIdx.x) % shape.p,
             n = static_cast<std::int32_t>(blockIdx.x) / shape.p;
  for (std::int32_t k0 = 0; k0 < shape.k; k0 += kThreads) {
    const std::int32_t k = k0 + static_cast<std::int32_t>(threadIdx.x);
    for (std::int32_t q0 = 0; q0 < shape.q; q0 += kTilePixels) {
      float sums[kTilePixels] = {};
#pragma unroll 1
      for (std::int32_t c0 = 0; c0 < shape.c; c0 += kTileChannels) {
        FillTile<Steps>(shape, t, tile, n, p, q0, c0);
        if (Steps::kWaitsBeforeUse) __syncthreads();
#pragma unroll 1
        for (int channel = kTileChannels - 1; channel >= 0; --channel) {
          const bool there = k < shape.k && c0 + channel < shape.c;
          const float weight = there ? ToFloat(t.w_pw[Correct::Weight(shape, k, c0 + channel)]) : 0.0f;
          for (int pixel = kTilePixels - 1; pixel >= 0; --pixel) {
            sums[pixel] = fmaf(weight, tile.mid[pixel][channel], sums[pixel]);
          }
        }
        if (Steps::kWaitsBeforeReuse) __syncthreads();
      }
      for (int pixel = 0; pixel < kTilePixels; ++pixel) {
        if (k >= shape.k || q0 + pixel >= shape.q) continue;
        t.y[n * shape.y.n + k * shape.y.c + static_cast<std::int64_t>(p) * shape.y.h +
            (q0 + pixel) * shape.y.w] =
            FromFloat<T>(Correct::Out<T>(shape, Correct::BiasPw(shape, t, k), sums[pixel]));
      }
    }
  }
}

template <class Steps, class T>
cudaError_t RunTiles(const Shape& shape, const assay_buffers& buffers, void* stream) {
  return device::LaunchKernel(TileKernel<Steps, T>, dim3(static_cast<unsigned>(shape.n * shape.p)),
                              dim3(kThreads), sizeof(TileStorage), stream, shape, TensorsOf<T>(buffers));
}

inline constexpr int kWarp = 32;

struct WarpSteps {
  static constexpr bool kStaysToTheEnd =
      true;  // lanes without an output of their own still lend their channel
};

// A warp owns one output pixel; a lane holds the depthwise result of one channel in 32 and sums one output
// in 32.
template <class Steps, class T>
__global__ void __launch_bounds__(kWarp) ShuffleKernel(Shape shape, Tensors<T> t) {
  const auto lane = static_cast<std::int32_t>(threadIdx.x);
  const auto q = static_cast<std::int32_t>(blockIdx.x) % shape.q;
  const auto p = static_cast<std::int32_t>(blockIdx.x) / shape.q % shape.p;
  const auto n = static_cast<std::int32_t>(blockIdx.x) / shape.q / shape.p;
  for (std::int32_t k = lane; k < (shape.k + kWarp - 1) / kWarp * kWarp; k += kWarp) {
    if (!Steps::kStaysToTheEnd && k >= shape.k) return;
    float sum = 0.0f;
    for (std::int32_t c0 = 0; c0 < shape.c; c0 += kWarp) {
      const float mid = c0 + lane < shape.c ? DepthwiseAt<Correct>(shape, t, n, c0 + lane, p, q) : 0.0f;
      for (std::int32_t c = 0; c < min(kWarp, shape.c - c0); ++c) {
        const float value = __shfl_sync(0xffffffffU, mid, c);
        if (k < shape.k) sum = fmaf(ToFloat(t.w_pw[Correct::Weight(shape, k, c0 + c)]), value, sum);
      }
    }
    if (k >= shape.k) continue;
    t.y[n * shape.y.n + k * shape.y.c + static_cast<std::int64_t>(p) * shape.y.h + q * shape.y.w] =
        FromFloat<T>(Correct::Out<T>(shape, Correct::BiasPw(shape, t, k), sum));
  }
}

template <class Steps, class T>
cudaError_t RunShuffles(const Shape& shape, const assay_buffers& buffers, void* stream) {
  return device::LaunchKernel(ShuffleKernel<Steps, T>,
                              dim3(static_cast<unsigned>(shape.n * shape.p * shape.q)), dim3(kWarp), 0,
                              stream, shape, TensorsOf<T>(buffers));
}

// Why the kernels of this file do not take a problem: their grids are one-dimensional in 32 bits.
inline std::string WhyNoBlocks(const Shape& shape) {
  const bool fits = static_cast<std::int64_t>(shape.n) * shape.p * shape.q <= 0x7fffffff;
  return fits ? "" : "n * p * q is above 2^31 - 1";
}

}  // namespace assay::faulty
