// The pointwise half by FFMA, by the warps that otherwise feed the matrix unit: a warp has one row of all the
// tile's slots and a quarter of the block's columns, a lane two fours of pixels and every fourth four of
// these columns. Both operands stand in shared memory as [channel][...], and are read 16 bytes at a time.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/vector.h"
#include "kernels/dsconv/hopper_tf32/epilogue.h"
#include "kernels/dsconv/hopper_tf32/load.h"
#include "kernels/dsconv/hopper_tf32/plan.h"

namespace assay::dsconv::hopper_tf32 {

// A lane's share. Its slots are 4 pixels + 32 h + i, its columns first + 16 g + j, with i and j below 4. Of
// the lanes that read at once neighbours read the same, so that shared memory answers half a warp at a time.
template <int kMatrices>
struct FfmaLane {
  static constexpr int kFours = kMatrices / 8, kColumns = 4 * kFours;
  using Sums = float[8][kColumns];

  std::int32_t row, slot, first;

  __device__ __forceinline__ FfmaLane(int warp, int lane)
      : row(warp % 2),
        slot((lane >> 1 & 7) * 4),
        first(warp / 2 * (kMatrices * 2) + ((lane & 1) | (lane >> 3 & 2)) * 4) {}
};

template <int kMatrices>
__device__ __forceinline__ void MultiplyUnitByFfma(const FfmaLane<kMatrices>& at, const char* operand,
                                                   const char* weights,
                                                   typename FfmaLane<kMatrices>::Sums& sums) {
  using At = FfmaLane<kMatrices>;
  const float* a = reinterpret_cast<const float*>(operand) + at.row * kSlots + at.slot;
  const float* b = reinterpret_cast<const float*>(weights) + at.first;
#pragma unroll
  for (int c = 0; c < UnitChannels(0); ++c) {
    float pixels[8], columns[At::kColumns];
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      const float4 four = device::LoadFloat4(a + c * kMidPitch + 32 * h);
      pixels[4 * h] = four.x, pixels[4 * h + 1] = four.y;
      pixels[4 * h + 2] = four.z, pixels[4 * h + 3] = four.w;
    }
#pragma unroll
    for (int g = 0; g < At::kFours; ++g) {
      const float4 four = device::LoadFloat4(b + c * (kMatrices * 8) + 16 * g);
      columns[4 * g] = four.x, columns[4 * g + 1] = four.y;
      columns[4 * g + 2] = four.z, columns[4 * g + 3] = four.w;
    }
    // To and fro, so that at each turn one of the operands is the one just read. Columns in the outer loop
    // take 0.99 of the time that pixels there take, but of 16 columns more registers than there are.
    constexpr bool kByPixel = At::kColumns > 8;
    constexpr int kOuter = kByPixel ? 8 : At::kColumns, kInner = kByPixel ? At::kColumns : 8;
#pragma unroll
    for (int outer = 0; outer < kOuter; ++outer) {
#pragma unroll
      for (int step = 0; step < kInner; ++step) {
        const int inner = outer % 2 == 0 ? step : kInner - 1 - step;
        const int i = kByPixel ? outer : inner, j = kByPixel ? inner : outer;
        sums[i][j] = fmaf(columns[j], pixels[i], sums[i][j]);
      }
    }
  }
}

// b_pw and act_out.
template <int kMatrices>
__device__ __forceinline__ void EndFfma(device::Activation out, const float* __restrict__ biases,
                                        typename FfmaLane<kMatrices>::Sums& sums) {
  using At = FfmaLane<kMatrices>;
#pragma unroll
  for (int g = 0; g < At::kFours; ++g) {
    const float4 bias = device::LoadFloat4(biases + 16 * g);
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      sums[i][4 * g] += bias.x, sums[i][4 * g + 1] += bias.y;
      sums[i][4 * g + 2] += bias.z, sums[i][4 * g + 3] += bias.w;
    }
  }
  if (out == device::Activation::kNone) return;
  const auto all = [&](auto&& activate) {
#pragma unroll
    for (int i = 0; i < 8 * At::kColumns; ++i) {
      float& sum = sums[i / At::kColumns][i % At::kColumns];
      sum = activate(sum);
    }
  };
  if (IsClamp(out)) {
    all(Clamp(out));
  } else if (out == device::Activation::kSilu) {
    all([](float z) { return Silu(z); });
  } else {
    all([](float z) { return Hardswish(z); });
  }
}

// NHWC: four channels of a pixel at a time; four lanes fill 64 bytes. `k`: the lane's first channel.
template <int kMatrices>
__device__ __forceinline__ void StoreFfmaPixels(const Shape& shape, const Plan& plan, const TileAt& tile,
                                                const FfmaLane<kMatrices>& at, std::int32_t k,
                                                float* __restrict__ y,
                                                const typename FfmaLane<kMatrices>::Sums& sums) {
  using At = FfmaLane<kMatrices>;
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    const PixelAt pixel(shape, plan, tile, at.slot + i / 4 * 32 + i % 4, at.row);
    if (!pixel.inside) continue;
    float* to = y + pixel.n * shape.y.n + (pixel.p * shape.y.h + pixel.q * shape.y.w + k);
#pragma unroll
    for (int g = 0; g < At::kFours; ++g) {
      if (plan.vectors) {
        if (k + 16 * g < shape.k) {
          *reinterpret_cast<float4*>(to + 16 * g) =
              make_float4(sums[i][4 * g], sums[i][4 * g + 1], sums[i][4 * g + 2], sums[i][4 * g + 3]);
        }
      } else {
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          if (k + 16 * g + j < shape.k) to[16 * g + j] = sums[i][4 * g + j];
        }
      }
    }
  }
}

// NCHW: four pixels of a channel at a time; eight lanes fill 128 bytes. Four slots are in one row.
template <int kMatrices>
__device__ __forceinline__ void StoreFfmaPlanes(const Shape& shape, const Plan& plan, const TileAt& tile,
                                                const FfmaLane<kMatrices>& at, std::int32_t k,
                                                float* __restrict__ y,
                                                const typename FfmaLane<kMatrices>::Sums& sums) {
  using At = FfmaLane<kMatrices>;
#pragma unroll
  for (int h = 0; h < 2; ++h) {
    const PixelAt pixel(shape, plan, tile, at.slot + h * 32, at.row);
    if (!pixel.inside) continue;
    float* to = y + pixel.n * shape.y.n + k * shape.y.c + pixel.p * shape.y.h + pixel.q;
    const std::int32_t pixels = shape.q - pixel.q;
#pragma unroll
    for (int j = 0; j < At::kColumns; ++j) {
      if (k + 16 * (j / 4) + j % 4 < shape.k) {
        if (plan.vectors) {
          *reinterpret_cast<float4*>(to) =
              make_float4(sums[4 * h][j], sums[4 * h + 1][j], sums[4 * h + 2][j], sums[4 * h + 3][j]);
        } else {
#pragma unroll
          for (int i = 0; i < 4; ++i) {
            if (i < pixels) to[i] = sums[4 * h + i][j];
          }
        }
      }
      to += (j % 4 == 3 ? 13 : 1) * shape.y.c;
    }
  }
}

// The same through shared memory.
template <int kMatrices>
__device__ __forceinline__ void StoreFfmaBoxes(const Block& block, const TileAt& tile,
                                               const FfmaLane<kMatrices>& at, std::int32_t k, int warp,
                                               int lane, const typename FfmaLane<kMatrices>::Sums& sums) {
  using At = FfmaLane<kMatrices>;
  static_assert(BoxChannels(0) == 16);
  const std::int32_t in_box = ((lane & 1) | (lane >> 3 & 2)) * 4;  // the lane's first channel
  BoxesOut<0> boxes(block, warp, lane);
#pragma unroll
  for (int g = 0; g < At::kFours; ++g) {
    const std::int32_t first = k - in_box + 16 * g;
    if (first >= block.shape.k) return;
#pragma unroll
    for (int h = 0; h < 2; ++h) {
      boxes.MoveTo(block.plan, tile, h, at.row);
      boxes.Begin();
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        boxes.Put(in_box + j, lane >> 1 & 7,
                  make_float4(sums[4 * h][4 * g + j], sums[4 * h + 1][4 * g + j], sums[4 * h + 2][4 * g + j],
                              sums[4 * h + 3][4 * g + j]));
      }
      boxes.End(first);
    }
  }
}

template <bool kChannelsLast, int kMatrices, int kChunk>
__device__ __forceinline__ void MultiplyByFfma(const Block& block, float* __restrict__ y, int warp,
                                               int lane) {
  constexpr std::int32_t kUnits = kChunk / UnitChannels(0);
  const Plan& plan = block.plan;
  const FfmaLane<kMatrices> at(warp, lane);
  RingAt a, w;
  if (plan.resident) device::WaitBarrier(block.w_filled, 0);
#pragma unroll 1
  for (;;) {
    typename FfmaLane<kMatrices>::Sums sums = {};
    device::WaitBarrier(block.AFilled(0, a.slot), a.filled());
    const std::int32_t item = block.AItem(a.slot);
    if (item < 0) {
      if (!kChannelsLast && lane == 0) device::WaitBoxesRead<0>();
      return;
    }
#pragma unroll 1
    for (std::int32_t unit = 0; unit < plan.units; ++unit) {
      const std::int32_t in_chunk = unit % kUnits;
      if (!plan.resident) device::WaitBarrier(block.w_filled + w.slot, w.filled());
      if (in_chunk == 0 && unit > 0) device::WaitBarrier(block.AFilled(0, a.slot), a.filled());
      MultiplyUnitByFfma<kMatrices>(
          at, block.a_ring + a.slot * block.operand_bytes + in_chunk * (UnitChannels(0) * kMidPitch * 4),
          block.w_ring + (plan.resident ? unit : w.slot) * plan.pointwise_bytes, sums);
      if (!plan.resident) {
        device::ArriveBarrier(block.w_free + w.slot);
        w.Next(plan.weight_stages);
      }
      if (in_chunk == kUnits - 1 || unit == plan.units - 1) {
        device::ArriveBarrier(block.a_free + a.slot);
        a.Next(plan.operand_stages);
      }
    }
    const TileAt tile(plan, item, block.rank);
    const std::int32_t k = tile.channel_block * (kMatrices * 8) + at.first;
    EndFfma<kMatrices>(block.shape.act_out, reinterpret_cast<const float*>(block.packed) + k, sums);
    if constexpr (kChannelsLast) {
      StoreFfmaPixels<kMatrices>(block.shape, plan, tile, at, k, y, sums);
    } else if (plan.boxes_out) {
      StoreFfmaBoxes<kMatrices>(block, tile, at, k, warp, lane, sums);
    } else {
      StoreFfmaPlanes<kMatrices>(block.shape, plan, tile, at, k, y, sums);
    }
  }
}

}  // namespace assay::dsconv::hopper_tf32

#endif
