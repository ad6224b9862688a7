// y to its planes: a warpgroup's sums, 64 pixels by the columns of a block, go through boxes of 32 channels in
// shared memory, from which a warp takes pixels of a channel that follow each other.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/ptx/shared_load.h"
#include "kernels/device/vector.h"
#include "kernels/dsconv/phases/block.h"
#include "kernels/dsconv/planes/plan.h"
#include "kernels/dsconv/wide/clamp.h"

namespace assay::dsconv::planes {

// kAtOnce: pixels of a lane's store, 4 or 1.
template <int kAtOnce>
class StoreToPlanes {
  static constexpr int kLanes = kGroupPixels / kAtOnce;  // that store a channel: 16, or 64 in two turns
  static constexpr int kTurns = kLanes < 32 ? 1 : kLanes / 32, kChannelsAtOnce = kLanes < 32 ? 32 / kLanes : 1;
  static constexpr int kOfWarp = kBoxChannels / 4;  // channels of a box that a warp stores

 public:
  __device__ __forceinline__ StoreToPlanes(const phases::Block& block, const device::Divisor& by_plane,
                                           float* y, int warp, int lane)
      : block_(block), by_plane_(by_plane), y_(y), warp_(warp), lane_(lane) {
    boxes_ = reinterpret_cast<float*>(block.outputs) + warp / 4 * (2 * kBoxBytes / 4);
  }

  template <int kTiles>
  __device__ __forceinline__ void operator()(std::int32_t tile, const float (&sums)[kTiles][4]) const {
    const std::int32_t plane = static_cast<std::int32_t>(by_plane_.divisor), channels = block_.shape.k;
    const std::int32_t in_warp = lane_ / (32 / kChannelsAtOnce), pixel_of = lane_ % kLanes * kAtOnce;
    // This lane's first channel of the tile to store, and where its pixels of that are.
    const std::int32_t k = block_.ColumnTile(tile) * (kTiles * 8) + warp_ % 4 * kOfWarp + in_warp;
    const std::int32_t first = block_.PixelBlock(tile) * phases::kPixels + warp_ / 4 * kGroupPixels + pixel_of;
    float* to[kTurns];
    bool stores[kTurns];
#pragma unroll
    for (int i = 0; i < kTurns; ++i) {
      const std::int32_t pixel = first + 32 * i, image = by_plane_.Quotient(pixel);
      stores[i] = pixel < block_.plan.pixels;
      to[i] = y_ + (static_cast<std::int64_t>(image) * channels + k) * plane + (pixel - image * plane);
    }
#pragma unroll
    for (int box = 0; box < kTiles * 8 / kBoxChannels; ++box) {
      float* at = boxes_ + box % 2 * (kBoxBytes / 4);
      Fill(at, sums + box * (kBoxChannels / 8));
      device::SyncThreads(1 + warp_ / 4, 128);
#pragma unroll
      for (int i = 0; i < kOfWarp; i += kChannelsAtOnce) {
        const std::int32_t in_box = warp_ % 4 * kOfWarp + i + in_warp;
        const bool is_there = k + box * kBoxChannels + i < channels;
#pragma unroll
        for (int j = 0; j < kTurns; ++j) {
          const float* from = at + Place(in_box, pixel_of + 32 * j);
          if (!stores[j] || !is_there) continue;
          float* there = to[j] + static_cast<std::int64_t>(box * kBoxChannels + i) * plane;
          if constexpr (kAtOnce == 4) {
            device::StoreFloat4(there, device::LoadFloat4(from));
          } else {
            *there = *from;
          }
        }
      }
    }
  }

 private:
  // In a box. Lanes that fill it, 8 pixels by 4 channels each 4 apart, meet in no bank.
  static __device__ __forceinline__ std::int32_t Place(std::int32_t channel, std::int32_t pixel) {
    return channel * kGroupPixels + (pixel ^ (channel / 4 % 4 * 8));
  }

  __device__ __forceinline__ void Fill(float* box, const float (*sums)[4]) const {
#pragma unroll
    for (int i = 0; i < kBoxChannels / 8; i += 2) {
#pragma unroll
      for (int j = 0; j < 8; ++j) {
        const int channel = j / 2 % 4, lower = j % 2;
        box[Place(i * 8 + lane_ % 4 * 4 + channel, warp_ % 4 * 16 + lane_ / 4 + lower * 8)] =
            wide::Clamped(block_.plan.output, sums[i + channel / 2][2 * lower + channel % 2]);
      }
    }
  }

  const phases::Block& block_;
  const device::Divisor& by_plane_;
  float *y_, *boxes_;
  int warp_, lane_;
};

}  // namespace assay::dsconv::planes

#endif
