// A thread owns a tile of output pixels of one channel; the threads of a warp stand side by side along the
// image's rows, and go on in the next row of tiles and the next plane. The channel's filter lies in
// registers. A thread walks down its input rows, reads each once and adds it to every output row that it
// reaches. Where rows are whole vectors, a row of the tile is read as one vector and its edges element by
// element out of L1. Time goes into reading x and writing y.
#pragma once

#include "reference/two_kernel_best/depthwise_args.cuh"

namespace assay::cudnn {

// The numbers are those of a DepthwiseTile: nvcc takes no kernels with an argument of class type.
template <typename T, int kTileChannels, int kTileRows, int kTileColumns, int kKernel, int kStride,
          bool kVector>
__global__ void __launch_bounds__(kDepthwiseThreads, kKernel > 0 ? 2 : 8)
    DepthwiseNchw(DepthwiseArgs args, const T* __restrict__ x, const T* __restrict__ filter,
                  const T* __restrict__ bias, T* __restrict__ y) {
  constexpr DepthwiseTile kTile = {kTileChannels, kTileRows, kTileColumns, kKernel, kStride, kVector};
  constexpr int kRows = kTile.rows, kColumns = kTile.columns;
  using Values = Pack<T, kTile.vector ? kColumns : 1>;
  const std::int64_t tile = static_cast<std::int64_t>(blockIdx.x) * kDepthwiseThreads + threadIdx.x;
  if (tile >= args.tiles) return;
  const auto tile32 = static_cast<std::uint32_t>(tile);  // there are fewer than 2^31
  const auto per_plane = static_cast<std::uint32_t>(args.tiles_p * args.tiles_q);
  const auto plane = static_cast<std::int64_t>(tile32 / per_plane);
  const auto in_plane = static_cast<std::int32_t>(tile32 % per_plane);
  const auto channel = static_cast<std::int32_t>(static_cast<std::uint32_t>(plane) % args.c);
  const std::int32_t p0 = FirstPixel(in_plane / args.tiles_q, args.step_h, kRows);
  const std::int32_t q0 = FirstPixel(in_plane % args.tiles_q, args.step_w, kColumns);
  const std::int32_t h0 = p0 * args.stride_h - args.pad_h, w0 = q0 * args.stride_w - args.pad_w;
  const T* image = x + plane * args.h * args.w;
  const T* taps = filter + static_cast<std::int64_t>(channel) * args.r * args.s;
  const float start = bias != nullptr ? Widen(bias[channel]) : 0.0f;
  const auto load = [&](std::int32_t h, std::int32_t w) {
    return h >= 0 && h < args.h && w >= 0 && w < args.w ? Widen(image[h * args.w + w]) : 0.0f;
  };

  float sums[kRows][kColumns];
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
#pragma unroll
    for (int j = 0; j < kColumns; ++j) sums[i][j] = start;
  }
  if constexpr (kTile.kernel > 0) {
    constexpr int K = kTile.kernel, S = kTile.stride, kPad = (K - 1) / 2;
    constexpr int kInRows = (kRows - 1) * S + K, kInColumns = (kColumns - 1) * S + K;
    float weights[K * K];
#pragma unroll
    for (int t = 0; t < K * K; ++t) weights[t] = Widen(taps[t]);
#pragma unroll
    for (int ii = 0; ii < kInRows; ++ii) {
      const std::int32_t h = h0 + ii * args.dilation_h;
      float row[kInColumns];
#pragma unroll
      for (int jj = 0; jj < kInColumns; ++jj) {
        if (kTile.vector && jj >= kPad && jj < kPad + kColumns) continue;
        row[jj] = load(h, w0 + jj * args.dilation_w);
      }
      if constexpr (kTile.vector) {  // the padding is kPad, and the tile's columns start with q0
        Values values = {};
        if (h >= 0 && h < args.h) values = *reinterpret_cast<const Values*>(image + h * args.w + q0);
#pragma unroll
        for (int j = 0; j < kColumns; ++j) row[kPad + j] = Widen(values.values[j]);
      }
#pragma unroll
      for (int i = 0; i < kRows; ++i) {
        const int r = ii - i * S;
        if (r < 0 || r >= K) continue;
#pragma unroll
        for (int s = 0; s < K; ++s) {
#pragma unroll
          for (int j = 0; j < kColumns; ++j)
            sums[i][j] = fmaf(row[j * S + s], weights[r * K + s], sums[i][j]);
        }
      }
    }
  } else {
    for (std::int32_t r = 0; r < args.r; ++r) {
      for (std::int32_t s = 0; s < args.s; ++s) {
        sums[0][0] = fmaf(load(h0 + r * args.dilation_h, w0 + s * args.dilation_w),
                          Widen(taps[r * args.s + s]), sums[0][0]);
      }
    }
  }

  T* out = y + plane * args.p * args.q;
#pragma unroll
  for (int i = 0; i < kRows; ++i) {
    const std::int32_t p = p0 + i * args.step_h;
    if (p >= args.p) break;
    if constexpr (kTile.vector) {
      Values values;
#pragma unroll
      for (int j = 0; j < kColumns; ++j)
        values.values[j] = static_cast<T>(Activate(sums[i][j], args.activation));
      *reinterpret_cast<Values*>(out + p * args.q + q0) = values;
    } else {
#pragma unroll
      for (int j = 0; j < kColumns; ++j) {
        const std::int32_t q = q0 + j * args.step_w;
        if (q < args.q) out[p * args.q + q] = static_cast<T>(Activate(sums[i][j], args.activation));
      }
    }
  }
}

}  // namespace assay::cudnn
