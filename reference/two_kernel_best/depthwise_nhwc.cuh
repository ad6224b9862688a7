// A block owns a group of channels and some tiles of output pixels; a thread owns a vector of channels of one
// tile. The group's filters wait in shared memory, in fp32, tap by tap. A thread walks down its input rows,
// reads each row once (the vectors of a warp lie side by side), and adds it to every output row that it
// reaches: sums and one input row are all that it keeps. Time goes into reading x and writing y; a 3x3 tile
// of 2x4 pixels reads each input vector 3 times, twice out of L1 or L2.
#pragma once

#include "reference/two_kernel_best/depthwise_args.cuh"

namespace assay::cudnn {

// The numbers are those of a DepthwiseTile: nvcc takes no kernels with an argument of class type.
template <typename T, int kTileChannels, int kTileRows, int kTileColumns, int kKernel, int kStride,
          bool kVector>
__global__ void __launch_bounds__(kDepthwiseThreads, kKernel > 0 ? 2 : 8)
    DepthwiseNhwc(DepthwiseArgs args, const T* __restrict__ x, const T* __restrict__ filter,
                  const T* __restrict__ bias, T* __restrict__ y) {
  constexpr DepthwiseTile kTile = {kTileChannels, kTileRows, kTileColumns, kKernel, kStride, kVector};
  constexpr int V = kTile.channels, kRows = kTile.rows, kColumns = kTile.columns;
  using Values = Pack<T, V>;
  extern __shared__ __align__(16) float taps[];
  const std::int32_t kernel_h = kTile.kernel > 0 ? kTile.kernel : args.r;
  const std::int32_t kernel_w = kTile.kernel > 0 ? kTile.kernel : args.s;
  const int group = static_cast<int>(blockDim.x) * V;
  const std::int32_t first_channel = static_cast<std::int32_t>(blockIdx.y) * group;
  const int count = kernel_h * kernel_w;
  for (int i = static_cast<int>(threadIdx.y * blockDim.x + threadIdx.x); i < count * group;
       i += kDepthwiseThreads) {
    const int channel = i / count;
    const bool inside = first_channel + channel < args.c;
    taps[i % count * group + channel] =
        inside ? Widen(filter[static_cast<std::int64_t>(first_channel) * count + i]) : 0.0f;
  }
  __syncthreads();

  const int lane_channel = static_cast<int>(threadIdx.x) * V;
  const std::int32_t channel = first_channel + lane_channel;
  const std::int64_t tile = static_cast<std::int64_t>(blockIdx.x) * blockDim.y + threadIdx.y;
  if (tile >= args.tiles || channel >= args.c) return;
  const auto in_image = static_cast<std::int32_t>(tile % (args.tiles_p * args.tiles_q));
  const std::int64_t n = tile / (args.tiles_p * args.tiles_q);
  const std::int32_t p0 = FirstPixel(in_image / args.tiles_q, args.step_h, kRows);
  const std::int32_t q0 = FirstPixel(in_image % args.tiles_q, args.step_w, kColumns);
  const std::int32_t h0 = p0 * args.stride_h - args.pad_h, w0 = q0 * args.stride_w - args.pad_w;
  const T* image = x + n * args.h * args.w * args.c + channel;

  float sums[kRows][kColumns][V];
#pragma unroll
  for (int v = 0; v < V; ++v) {
    const float start = bias != nullptr ? Widen(bias[channel + v]) : 0.0f;
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
#pragma unroll
      for (int j = 0; j < kColumns; ++j) sums[i][j][v] = start;
    }
  }
  const auto load = [&](std::int32_t h, std::int32_t w) {
    Values values = {};
    if (h >= 0 && h < args.h && w >= 0 && w < args.w)
      values = *reinterpret_cast<const Values*>(image + (h * args.w + w) * args.c);
    return values;
  };
  if constexpr (kTile.kernel > 0) {
    constexpr int K = kTile.kernel, S = kTile.stride;
    constexpr int kInRows = (kRows - 1) * S + K, kInColumns = (kColumns - 1) * S + K;
#pragma unroll
    for (int ii = 0; ii < kInRows; ++ii) {
      Values row[kInColumns];
#pragma unroll
      for (int jj = 0; jj < kInColumns; ++jj)
        row[jj] = load(h0 + ii * args.dilation_h, w0 + jj * args.dilation_w);
#pragma unroll
      for (int i = 0; i < kRows; ++i) {
        const int r = ii - i * S;
        if (r < 0 || r >= K) continue;
#pragma unroll
        for (int s = 0; s < K; ++s) {
          const float* tap = taps + (r * K + s) * group + lane_channel;
#pragma unroll
          for (int v = 0; v < V; ++v) {
            const float weight = tap[v];
#pragma unroll
            for (int j = 0; j < kColumns; ++j)
              sums[i][j][v] = fmaf(Widen(row[j * S + s].values[v]), weight, sums[i][j][v]);
          }
        }
      }
    }
  } else {
    for (std::int32_t r = 0; r < kernel_h; ++r) {
      for (std::int32_t s = 0; s < kernel_w; ++s) {
        const Values values = load(h0 + r * args.dilation_h, w0 + s * args.dilation_w);
        const float* tap = taps + (r * kernel_w + s) * group + lane_channel;
#pragma unroll
        for (int v = 0; v < V; ++v) sums[0][0][v] = fmaf(Widen(values.values[v]), tap[v], sums[0][0][v]);
      }
    }
  }

  T* out = y + n * args.p * args.q * args.c + channel;
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    const std::int32_t p = p0 + i * args.step_h;
    if (p >= args.p) break;
#pragma unroll
    for (int j = 0; j < kColumns; ++j) {
      const std::int32_t q = q0 + j * args.step_w;
      if (q >= args.q) break;
      Values values;
#pragma unroll
      for (int v = 0; v < V; ++v) values.values[v] = static_cast<T>(Activate(sums[i][j][v], args.activation));
      *reinterpret_cast<Values*>(out + (p * args.q + q) * args.c) = values;
    }
  }
}

}  // namespace assay::cudnn
