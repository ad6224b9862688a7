// The pointwise half, by two warpgroups, each of 64 pixels and all columns of a block: wgmma with both
// operands from shared memory, activation, and y through boxes in shared memory by the copy engine; the last
// columns of a tile behind the first products of the next one.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/ptx/mma_sparse.h"
#include "kernels/device/ptx/tma_store.h"
#include "kernels/dsconv/phases/block.h"
#include "kernels/dsconv/wide/sums.h"

namespace assay::dsconv::phases {

// How a warpgroup goes round the stages, for wide::MultiplyChunk.
class Rings {
 public:
  __device__ __forceinline__ Rings(const Block& block, int warp, int lane)
      : block_(block),
        left_(device::SwizzledDescriptor(block.stages + warp / 4 * (64 * kPixelBytes))),
        right_(device::SwizzledDescriptor(block.stages + kOperandBytes)),
        gives_(lane < block.plan.tile.pixel_blocks) {
    give_back_to_ = device::SharedAddressIn(block.free, static_cast<std::uint32_t>(gives_ ? lane : 0));
  }

  __device__ __forceinline__ void Wait() const { device::WaitBarrier(block_.filled + at_.slot, at_.parity); }
  __device__ __forceinline__ std::uint64_t Left() const { return left_ + Offset(); }
  __device__ __forceinline__ std::uint64_t Right() const { return right_ + Offset(); }
  __device__ __forceinline__ void Next() { at_.Next(block_.plan.stages); }

  // The oldest products are done.
  __device__ __forceinline__ void GiveBack() {
    if (gives_) device::ArriveBarrierIn(give_back_to_ + static_cast<std::uint32_t>(used_) * 8);
    if (++used_ == block_.plan.stages) used_ = 0;
  }

 private:
  __device__ __forceinline__ std::uint32_t Offset() const {
    return static_cast<std::uint32_t>(at_.slot * block_.plan.stage_bytes / 16);
  }

  const Block& block_;
  const std::uint64_t left_, right_;
  const bool gives_;
  std::uint32_t give_back_to_;
  std::int32_t used_ = 0;
  RingAt at_;
};

// A warp's 16 pixels of a tile, up to kBoxes boxes of 64 columns at once.
class BoxStore {
 public:
  __device__ __forceinline__ BoxStore(const Block& block, const CUtensorMap* map, int warp, int lane)
      : map_(map), boxes_(block.outputs + warp * (kBoxes * kBoxBytes)), lane_(lane) {
    // Lane 8i + j names pixel j of the upper or lower eight, 8 channels or the next 8.
    row_ = device::SharedAddress(boxes_) +
           static_cast<std::uint32_t>(lane / 8 % 2 * 1024 + lane % 8 * kPixelBytes +
                                      ((lane / 16) ^ lane % 8) * 16);
  }

  // pairs[i]: of matrix i of eight columns, the pair of the upper and of the lower pixel.
  template <int kMatrices>
  __device__ __forceinline__ void Store(std::int32_t k, std::int32_t pixel,
                                        const std::uint32_t (&pairs)[kMatrices][2]) const {
    if (lane_ == 0) device::WaitBoxesRead<0>();
    __syncwarp();
#pragma unroll
    for (int i = 0; i < kMatrices; i += 2) {
      const std::uint32_t four[4] = {pairs[i][0], pairs[i][1], pairs[i + 1][0], pairs[i + 1][1]};
      device::StoreMatrix4(
          (row_ + static_cast<std::uint32_t>(i / 8 * kBoxBytes)) ^ static_cast<std::uint32_t>(i % 8 * 16),
          four);
    }
    device::FenceAsyncProxy();
    __syncwarp();
    if (lane_ == 0) {
#pragma unroll
      for (int i = 0; i < (kMatrices + 7) / 8; ++i)
        device::StoreBox4(map_, boxes_ + i * kBoxBytes, k + i * kBoxColumns, pixel, 0, 0);
      device::CommitBoxes();
    }
  }

 private:
  const CUtensorMap* map_;
  char* boxes_;
  const int lane_;
  std::uint32_t row_;
};

// What is stored of a tile behind the first products of the next.
template <int kMatrices>
struct Deferred {
  std::uint32_t pairs[kMatrices][2];
  std::int32_t k, pixel;
};

template <class T, int kFirst, int kMatrices, int kTiles>
__device__ __forceinline__ void PackSums(const wide::Clamp& clamp, const float (&sums)[kTiles][4],
                                         std::uint32_t (&pairs)[kMatrices][2]) {
#pragma unroll
  for (int i = 0; i < kMatrices * 2; ++i) {
    if (kFirst + i / 2 >= kTiles) continue;
    const float* two = sums[kFirst + i / 2] + i % 2 * 2;
    pairs[i / 2][i % 2] = wide::PackClamped<T>(clamp, two[0], two[1]);
  }
}

// A tile of kTiles matrices of columns, of which the first kProducts have output channels.
template <class T, int kTiles, int kProducts, int kLater>
__device__ __forceinline__ void MultiplyTile(const Block& block, std::int32_t tile, int warp, int lane,
                                             Rings& rings, const BoxStore& store, Deferred<kLater>& later) {
  const Plan& plan = block.plan;
  constexpr int kNow = kTiles - kLater;
  const std::int32_t k = block.ColumnTile(tile) * (kTiles * 8);
  float sums[kProducts][4];
#pragma unroll
  for (int i = 0; i < kProducts; ++i) {
    float2 bias = make_float2(0, 0);
    if (plan.has_bias)
      bias = device::LoadFloat2(reinterpret_cast<const float*>(block.workspace) + k + i * 8 + lane % 4 * 2);
    sums[i][0] = sums[i][2] = bias.x, sums[i][1] = sums[i][3] = bias.y;
  }
  constexpr int kMost = kTiles;
  wide::MultiplyChunk<T, kProducts, 4, kMost>(rings, 0, sums);
  store.Store(later.k, later.pixel, later.pairs);
  for (std::int32_t chunk = 1; chunk < plan.chunks - 1; ++chunk)
    wide::MultiplyChunk<T, kProducts, 4, kMost>(rings, chunk, sums);
  wide::MultiplyLastChunk<T, kProducts, kMost>(rings, 1, plan.last_steps, sums);
  device::WaitProducts<0>();
  device::HoldSums(sums);
  rings.GiveBack();
  const std::int32_t pixel = block.PixelBlock(tile) * kPixels + warp * kBoxPixels;
  std::uint32_t now[kNow][2];
  PackSums<T, 0, kNow>(plan.output, sums, now);
  PackSums<T, kNow, kLater>(plan.output, sums, later.pairs);
  later.k = k + kNow * 8, later.pixel = pixel;
  store.Store(k, pixel, now);
}

// A warp's 16 pixels of a tile in fp32 go to rows of y, a lane's four channels at once.
struct StoreToPixels {
  const Block& block;
  float* y;
  int warp, lane;

  template <int kTiles>
  __device__ __forceinline__ void operator()(std::int32_t tile, const float (&sums)[kTiles][4]) const {
    block.shape.k % 4 == 0 ? Store<true>(tile, sums) : Store<false>(tile, sums);
  }

 private:
  template <bool kVectors, int kTiles>
  __device__ __forceinline__ void Store(std::int32_t tile, const float (&sums)[kTiles][4]) const {
    const std::int32_t k = block.ColumnTile(tile) * (kTiles * 8) + lane % 4 * 4;
    const std::int32_t first = block.PixelBlock(tile) * kPixels + warp * kBoxPixels + lane / 4;
#pragma unroll
    for (int lower = 0; lower < 2; ++lower) {
      const std::int32_t pixel = first + 8 * lower;
      if (pixel >= block.plan.pixels) continue;
      float* to = y + static_cast<std::int64_t>(pixel) * block.shape.k;
#pragma unroll
      for (int i = 0; i < kTiles; i += 2)
        wide::StoreFour<kVectors>(block.shape, block.plan.output, to, k + i * 8, lower, sums + i);
    }
  }
};

// store(tile, sums): a lane has of matrices i and i + 1, i even, four channels in a row from 8i + 4(lane % 4)
// on, of pixels lane / 4 and lane / 4 + 8 of the warp's 16.
template <int kTiles, class Store>
__device__ __forceinline__ void MultiplyFloats(const Block& block, int warp, int lane, const Store& store) {
  const Plan& plan = block.plan;
  Rings rings(block, warp, lane);
  for (std::int32_t tile = block.cluster; tile < plan.tiles; tile += plan.clusters) {
    float sums[kTiles][4];
    wide::StartFours<kTiles>(
        reinterpret_cast<const float*>(block.workspace) + block.ColumnTile(tile) * (kTiles * 8), lane, sums);
    for (std::int32_t chunk = 0; chunk < plan.chunks - 1; ++chunk)
      wide::MultiplyChunk<float, kTiles, 4, kTiles>(rings, chunk, sums);
    wide::MultiplyLastChunk<float, kTiles, kTiles>(rings, 1, plan.last_steps, sums);
    device::WaitProducts<0>();
    device::HoldSums(sums);
    rings.GiveBack();
    store(tile, sums);
  }
}

template <class T, int kTiles>
__device__ __forceinline__ void MultiplyOperands(const Block& block, const CUtensorMap* y_map, int warp,
                                                 int lane) {
  // The most that boxes hold, or half.
  constexpr int kNow = kTiles > 16 ? 16 : 8, kLater = kTiles - kNow;
  // Of 728 channels in blocks of 256 the last has 216.
  constexpr int kNarrow = kTiles == 32 ? 28 : kTiles;
  Rings rings(block, warp, lane);
  const BoxStore store(block, y_map, warp, lane);
  Deferred<kLater> later{};
  later.pixel = block.plan.pixels;  // nothing is stored behind the last one
  for (std::int32_t tile = block.cluster; tile < block.plan.tiles; tile += block.plan.clusters) {
    if (kNarrow < kTiles && block.shape.k - block.ColumnTile(tile) * (kTiles * 8) <= kNarrow * 8) {
      MultiplyTile<T, kTiles, kNarrow>(block, tile, warp, lane, rings, store, later);
    } else {
      MultiplyTile<T, kTiles, kTiles>(block, tile, warp, lane, rings, store, later);
    }
  }
  store.Store(later.k, later.pixel, later.pairs);
  if (lane == 0) device::WaitBoxesWritten();
  __syncwarp();
}

}  // namespace assay::dsconv::phases

#endif
