// The pointwise half, by two warpgroups, each of 64 pixels and all columns of a block: wgmma with both
// operands from shared memory, on sums that begin as b_pw, then activation and stores straight from
// registers.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/dsconv/wide/block.h"
#include "kernels/dsconv/wide/sums.h"

namespace assay::dsconv::wide {

template <class T, int kTiles, bool kVectors>
__device__ __forceinline__ void StoreSums(const Block& block, T* y, std::int32_t tile, int warp, int lane,
                                          const float (&sums)[kTiles][4]) {
  const Shape& shape = block.shape;
  const std::int32_t first = block.FirstPixel(tile) + warp * 16 + lane / 4;
  const std::int32_t k0 = block.ColumnTile(tile) * (kTiles * 8) + lane % 4 * 8;
#pragma unroll
  for (int lower = 0; lower < 2; ++lower) {
    const std::int64_t pixel = OutputPixel(shape, block.plan, first + 8 * lower);
    if (pixel < 0) continue;
    T* to = y + pixel * shape.k;
#pragma unroll
    for (int i = 0; i < kTiles; i += 4) {
      StoreEight<T, kVectors>(shape, block.plan.output, to, k0 + i * 8, lower, sums + i);
    }
  }
}

// How a warpgroup goes round the rings: slots that are filled, and those whose products are done.
class Rings {
 public:
  __device__ __forceinline__ Rings(const Block& block, int warp, int lane)
      : block_(block),
        left_(device::SwizzledDescriptor(block.a_ring + warp / 4 * (64 * kPixelBytes))),
        right_(device::SwizzledDescriptor(block.w_ring)),
        lane_(lane) {
    // The first lanes give back weights, to a block each, the next ones operands, to the one that made them.
    const Tile& tile = block.plan.tile;
    if (lane < tile.pixel_blocks) {
      give_back_to_ = device::SharedAddressIn(block.w_free, block.RankOf(lane, block.column));
    } else if (lane < tile.pixel_blocks + tile.column_blocks) {
      give_back_to_ =
          device::SharedAddressIn(block.a_free, block.RankOf(block.row, lane - tile.pixel_blocks));
    }
  }

  __device__ __forceinline__ void Wait() const {
    device::WaitBarrier(block_.w_filled + w_.slot, block_.plan.resident ? 0 : w_.filled());
    device::WaitBarrier(block_.a_filled + a_.slot, a_.filled());
  }
  __device__ __forceinline__ std::uint64_t Left() const {
    return left_ + static_cast<std::uint32_t>(a_.slot * (kOperandBytes / 16));
  }
  __device__ __forceinline__ std::uint64_t Right() const {
    return right_ + static_cast<std::uint32_t>(w_.slot * block_.plan.weight_bytes / 16);
  }
  __device__ __forceinline__ void Next() {
    w_.Next(block_.plan.tile.weights), a_.Next(block_.plan.tile.operands);
  }
  __device__ __forceinline__ void BeginWeights() { w_.slot = 0; }

  // The oldest products are done.
  __device__ __forceinline__ void GiveBack() {
    const Tile& tile = block_.plan.tile;
    if (lane_ < tile.pixel_blocks) {
      device::ArriveBarrierIn(give_back_to_ + static_cast<std::uint32_t>(w_used_) * 8);
    } else if (lane_ == tile.pixel_blocks + maker_) {
      device::ArriveBarrierIn(give_back_to_ + static_cast<std::uint32_t>(a_used_) * 8);
    }
    if (++w_used_ == tile.weights) w_used_ = 0;
    if (++a_used_ == tile.operands) a_used_ = 0;
    if (++maker_ == tile.column_blocks) maker_ = 0;
  }

 private:
  const Block& block_;
  const std::uint64_t left_, right_;
  const int lane_;
  std::uint32_t give_back_to_ = 0;
  RingAt w_, a_;
  std::int32_t w_used_ = 0, a_used_ = 0, maker_ = 0;
};

template <class T, int kTiles>
__device__ __forceinline__ void MultiplyOperands(const Block& block, const float* biases, T* y, int warp,
                                                 int lane) {
  static_assert(kTiles % 4 == 0, "a lane stores the columns of four matrices at once");
  const Plan& plan = block.plan;
  Rings rings(block, warp, lane);
  for (std::int32_t tile = block.cluster; tile < plan.cluster_tiles; tile += block.clusters) {
    float sums[kTiles][4];
    StartSums<kTiles>(biases + block.ColumnTile(tile) * (kTiles * 8), lane, sums);
    const std::int32_t last = plan.chunks - 1;
    for (std::int32_t chunk = 0; chunk < last; ++chunk) MultiplyChunk<T, kTiles, 4>(rings, chunk, sums);
    MultiplyLastChunk<T>(rings, last, plan.last_steps, sums);
    if (plan.resident) rings.BeginWeights();
    device::WaitProducts<0>();
    device::HoldSums(sums);
    rings.GiveBack();
    if (block.shape.k % 8 == 0) {
      StoreSums<T, kTiles, true>(block, y, tile, warp, lane, sums);
    } else {
      StoreSums<T, kTiles, false>(block, y, tile, warp, lane, sums);
    }
  }
}

}  // namespace assay::dsconv::wide

#endif
