// From the accumulators of a warp that multiplies to the output tensor.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/ptx/tma_store.h"
#include "kernels/device/ptx/wgmma.h"
#include "kernels/dsconv/hopper_tf32/activate.h"
#include "kernels/dsconv/hopper_tf32/load.h"
#include "kernels/dsconv/hopper_tf32/plan.h"

namespace assay::dsconv::hopper_tf32 {

// The pixel of a slot's upper or lower row.
struct PixelAt {
  std::int32_t n, p, q;
  bool inside;

  __device__ __forceinline__ PixelAt(const Shape& shape, const Plan& plan, const TileAt& at,
                                     std::int32_t slot, std::int32_t row) {
    const std::int32_t band = plan.by_columns.Quotient(slot), image_band = at.image_band + band;
    const std::int32_t images = plan.by_image_bands.Quotient(image_band);
    n = at.n + images;
    p = (image_band - images * plan.image_bands) * kBandRows + row;
    q = at.q0 + slot - band * plan.columns;
    inside = band < plan.bands && n < shape.n && p < shape.p && q < shape.q;
  }
};

// A multiplying warp's boxes on their way to y: 32 slots of a row by BoxChannels() channels at a time. A
// channel's 128 bytes are written in fours of pixels, at places that depend on the channel (the map's swizzle
// of 128 bytes), so that lanes with other channels meet in no bank.
template <int kParts>
class BoxesOut {
 public:
  __device__ __forceinline__ BoxesOut(const Block& block, int warp, int lane)
      : map_(block.y_map), room_(block.Boxes() + warp * (2 * BoxBytes(kParts))), lane_(lane) {
    if (lane == 0) device::WaitBoxesRead<0>();  // the last tile's
  }

  // To slots 32 * half and on of row `row`.
  __device__ __forceinline__ void MoveTo(const Plan& plan, const TileAt& at, std::int32_t half,
                                         std::int32_t row) {
    const std::int32_t slot = half * kBoxColumns, band = plan.by_columns.Quotient(slot);
    q_ = at.q0 + slot - band * plan.columns, p_ = (at.image_band + band) * kBandRows + row;
    n_ = band < plan.bands ? at.n : -1;
  }

  // Before a box is written: what it is written to has been read.
  __device__ __forceinline__ void Begin() {
    if (lane_ == 0) device::WaitBoxesRead<1>();
    __syncwarp();
  }
  // Pixels 4 * four to 4 * four + 3 of channel `channel` of the box.
  __device__ __forceinline__ void Put(std::int32_t channel, std::int32_t four, float4 pixels) const {
    *reinterpret_cast<float4*>(room_ + in_use_ + channel * 128 + (four ^ channel % 8) * 16) = pixels;
  }
  // Output channels k and on.
  __device__ __forceinline__ void End(std::int32_t k) {
    device::FenceAsyncProxy();
    __syncwarp();
    if (lane_ == 0 && n_ >= 0) device::StoreBox4(&map_, room_ + in_use_, q_, k, p_, n_);
    if (lane_ == 0) device::CommitBoxes();
    in_use_ ^= BoxBytes(kParts);
  }

 private:
  const CUtensorMap& map_;
  char* room_;
  int lane_;
  std::int32_t in_use_ = 0;
  std::int32_t q_ = 0, p_ = 0, n_ = 0;
};

// b_pw of a lane's columns: with 2t and 2t + 1 in each eight these are pairs.
struct LoadedBiases {
  const float* from;

  __device__ __forceinline__ LoadedBiases(const float* __restrict__ biases, int lane)
      : from(biases + lane % 4 * 2) {}
  __device__ __forceinline__ float2 operator[](int i) const {
    return *reinterpret_cast<const float2*>(from + i * 8);
  }
};

// The same, kept for as long as the block of output channels is the same.
template <int kColumns>
struct KeptBiases {
  std::int32_t at = -1;
  float2 pairs[kColumns];

  __device__ __forceinline__ void MoveTo(const char* packed, std::int32_t k0, int lane) {
    if (k0 == at) return;
    at = k0;
    const LoadedBiases loaded(reinterpret_cast<const float*>(packed) + k0, lane);
#pragma unroll
    for (int i = 0; i < kColumns; ++i) pairs[i] = loaded[i];
  }
  __device__ __forceinline__ float2 operator[](int i) const { return pairs[i]; }
};

// b_pw and act_out of all sums.
template <int kColumns, class Biases>
__device__ __forceinline__ void EndSums(device::Activation out, const Biases& biases,
                                        float (&sums)[kColumns][4]) {
#pragma unroll
  for (int i = 0; i < kColumns; ++i) {
    const float2 bias = biases[i];
    sums[i][0] += bias.x, sums[i][1] += bias.y, sums[i][2] += bias.x, sums[i][3] += bias.y;
  }
  if (out == device::Activation::kNone) return;
  // The switch stands outside: one for each sum makes the compiler keep twice the sums.
  const auto all = [&](auto&& activate) {
#pragma unroll
    for (int i = 0; i < kColumns * 4; ++i) sums[i / 4][i % 4] = activate(sums[i / 4][i % 4]);
  };
  if (IsClamp(out)) {
    all(Clamp(out));
  } else if (out == device::Activation::kSilu) {
    all([](float z) { return Silu(z); });
  } else {
    all([](float z) { return Hardswish(z); });
  }
}

// NHWC: four channels of a pixel at a time; four lanes fill 64 bytes. `half` 0 is row g, 1 row g + 8;
// `channels` are left from the lane's first on.
template <bool kVectors, int kMatrices>
__device__ __forceinline__ void StorePixel(float* __restrict__ to, std::int32_t channels, int half,
                                           const float (&sums)[kMatrices][4]) {
#pragma unroll
  for (int i = 0; i < kMatrices; i += 2) {
    const float four[4] = {sums[i][2 * half], sums[i][2 * half + 1], sums[i + 1][2 * half],
                           sums[i + 1][2 * half + 1]};
    if constexpr (kVectors) {
      if (i * 8 < channels) {
        *reinterpret_cast<float4*>(to + i * 8) = make_float4(four[0], four[1], four[2], four[3]);
      }
    } else {
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        if (i * 8 + j < channels) to[i * 8 + j] = four[j];
      }
    }
  }
}

// Where a lane stores its sums of 64 pixels: channel `first` and on of two pixels, or nowhere. A warp has
// slots 16 * warp and on of row `row`; in a small tile 32 slots of two rows are four warps'.
template <int kTileSlots>
struct LanePixels {
  std::int64_t in_y[2];  // below 0: nowhere

  __device__ __forceinline__ void MoveTo(const Shape& shape, const Plan& plan, const TileAt& at,
                                         std::int32_t first, int row, int warp, int lane) {
    if (kTileSlots == kFewSlots) row = warp / 2, warp %= 2;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const PixelAt pixel(shape, plan, at, warp * 16 + half * 8 + lane / 4, row);
      const std::int64_t there = pixel.n * shape.y.n + (pixel.p * shape.y.h + pixel.q * shape.y.w + first);
      in_y[half] = device::Opaque(pixel.inside ? there : -1);
    }
  }
};

// `channels` are left from the lane's first on.
template <int kTileSlots, int kMatrices>
__device__ __forceinline__ void StorePixels(const Plan& plan, const LanePixels<kTileSlots>& pixels,
                                            float* __restrict__ y, std::int32_t channels,
                                            const float (&sums)[kMatrices][4]) {
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    if (pixels.in_y[half] < 0) continue;
    float* to = y + pixels.in_y[half];
    if (plan.vectors) {
      StorePixel<true>(to, channels, half, sums);
    } else {
      StorePixel<false>(to, channels, half, sums);
    }
  }
}

// Among four lanes 4g + t, values[i] of lane t against values[t] of lane i.
__device__ __forceinline__ void Transpose4(int lane, float (&values)[4]) {
#pragma unroll
  for (int distance = 2; distance >= 1; distance /= 2) {
    const bool upper = (lane & distance) != 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if ((i & distance) != 0) continue;
      float &low = values[i], &high = values[i + distance];
      const float other = __shfl_xor_sync(0xffffffffu, upper ? low : high, distance);
      (upper ? low : high) = other;
    }
  }
}

// NCHW: a warp has 32 slots of a row, a lane pixels 4g to 4g + 3 of them, of channels 2t and 2t + 1 of every
// eight. It stores these at once, eight lanes 128 bytes. `channels` are left from the lane's first on.
template <int kColumns>
__device__ __forceinline__ void StoreFours(const Shape& shape, float* __restrict__ to, std::int32_t channels,
                                           const float (&sums)[2][kColumns][4]) {
#pragma unroll
  for (int i = 0; i < kColumns; ++i) {
#pragma unroll
    for (int j = 0; j < 2; ++j) {
      if (i * 8 + j < channels) {
        *reinterpret_cast<float4*>(to) =
            make_float4(sums[0][i][j], sums[0][i][2 + j], sums[1][i][j], sums[1][i][2 + j]);
      }
      to += (j == 0 ? 1 : 7) * shape.y.c;
    }
  }
}

// Where that is not aligned lanes swap pixels first, and a warp stores 32 of a channel.
template <int kColumns>
__device__ __forceinline__ void StoreSingles(const Shape& shape, float* __restrict__ to,
                                             std::int32_t channels, bool inside, int lane,
                                             const float (&sums)[2][kColumns][4]) {
#pragma unroll
  for (int i = 0; i < kColumns; ++i) {
    float fours[2][4];
#pragma unroll
    for (int j = 0; j < 2; ++j) {
      fours[j][0] = sums[0][i][j], fours[j][1] = sums[0][i][2 + j];
      fours[j][2] = sums[1][i][j], fours[j][3] = sums[1][i][2 + j];
      Transpose4(lane, fours[j]);
    }
#pragma unroll
    for (int c = 0; c < 8; ++c) {
      if (inside && i * 8 + c < channels) *to = fours[c % 2][c / 2];
      to += shape.y.c;
    }
  }
}

// The same through shared memory: `box_warp` is the warp's number among all that multiply, `warp` in its
// warpgroup.
template <int kParts, int kColumns>
__device__ __forceinline__ void StorePlanesByBoxes(const Block& block, const TileAt& at, std::int32_t k0,
                                                   int box_warp, int warp, int lane,
                                                   const float (&sums)[2][kColumns][4]) {
  constexpr int kMatrices = BoxChannels(kParts) / 8;  // of a box
  static_assert(kColumns % kMatrices == 0);
  BoxesOut<kParts> boxes(block, box_warp, lane);
  boxes.MoveTo(block.plan, at, warp % 2, warp / 2);
#pragma unroll
  for (int i = 0; i < kColumns; i += kMatrices) {
    if (k0 + i * 8 >= block.shape.k) return;
    boxes.Begin();
#pragma unroll
    for (int m = i; m < i + kMatrices; ++m) {
#pragma unroll
      for (int j = 0; j < 2; ++j) {
        boxes.Put((m - i) * 8 + lane % 4 * 2 + j, lane / 4,
                  make_float4(sums[0][m][j], sums[0][m][2 + j], sums[1][m][j], sums[1][m][2 + j]));
      }
    }
    boxes.End(k0 + i * 8);
  }
}

// Channels k0 and on.
template <int kParts, bool kTurns, int kColumns>
__device__ __forceinline__ void StorePlanes(const Block& block, const TileAt& at, std::int32_t k0,
                                            float* __restrict__ y, int box_warp, int warp, int lane,
                                            float (&sums)[2][kColumns][4]) {
  const Shape& shape = block.shape;
  const Plan& plan = block.plan;
  const char* packed = block.packed;
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    EndSums<kColumns>(shape.act_out, LoadedBiases(reinterpret_cast<const float*>(packed) + k0, lane),
                      sums[i]);
  }
  if constexpr (HasBoxesOut(kParts, kTurns)) {
    if (plan.boxes_out) {
      StorePlanesByBoxes<kParts, kColumns>(block, at, k0, box_warp, warp, lane, sums);
      return;
    }
  }
  const std::int32_t first = plan.vectors ? lane % 4 * 2 : 0;  // channel of every eight
  const PixelAt pixel(shape, plan, at, warp % 2 * 32 + (plan.vectors ? lane / 4 * 4 : lane), warp / 2);
  float* to = y + pixel.n * shape.y.n + (k0 + first) * shape.y.c + pixel.p * shape.y.h + pixel.q;
  const std::int32_t channels = shape.k - k0 - first;
  if (plan.vectors) {
    if (pixel.inside) StoreFours<kColumns>(shape, to, channels, sums);
  } else {
    StoreSingles<kColumns>(shape, to, channels, pixel.inside, lane, sums);
  }
}

}  // namespace assay::dsconv::hopper_tf32

#endif
