// The pointwise half, by two warpgroups, each of 64 pixels and all columns of a block: wgmma with both
// operands from shared memory, on sums that begin as b_pw, then activation and stores straight from
// registers.
#pragma once

#include <cuda_runtime.h>

#include <type_traits>

#ifndef ASSAY_SIMT

#include "kernels/device/ptx/global_flag.h"
#include "kernels/device/ptx/opaque.h"
#include "kernels/dsconv/l2/block.h"
#include "kernels/dsconv/l2/multiply_registers.h"
#include "kernels/dsconv/l2/type.h"
#include "kernels/dsconv/wide/place.h"
#include "kernels/dsconv/wide/sums.h"

namespace assay::dsconv::l2 {

// How a warpgroup goes round the rings: slots that are filled, and those whose products are done.
class Rings {
 public:
  __device__ __forceinline__ Rings(const Block& block, int warp, int lane)
      : block_(block),
        left_(device::SwizzledDescriptor(block.a_ring + warp / 4 * (64 * kPixelBytes))),
        right_(device::SwizzledDescriptor(block.w_ring)) {
    // The first lanes give back weights, to a block each, the next one operands.
    const Tile& tile = block.plan.tile;
    const bool gives_weights = lane < tile.pixel_blocks;
    give_back_to_ = device::SharedAddressIn(gives_weights ? block.w_free : block.a_free,
                                            static_cast<std::uint32_t>(gives_weights ? lane : block.rank));
    stages_ = gives_weights ? tile.weights : tile.operands;
    gives_ = gives_weights ? !tile.resident : lane == tile.pixel_blocks;
  }

  __device__ __forceinline__ void Wait() const {
    device::WaitBarrier(block_.w_filled + w_.slot, block_.plan.tile.resident ? 0 : w_.filled());
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
    if (gives_) device::ArriveBarrierIn(give_back_to_ + static_cast<std::uint32_t>(used_) * 8);
    if (++used_ == stages_) used_ = 0;
  }

 private:
  const Block& block_;
  const std::uint64_t left_, right_;
  std::uint32_t give_back_to_;
  std::int32_t stages_, used_ = 0;  // of the ring whose slots this lane gives back
  bool gives_;
  wide::RingAt a_, w_;
};

template <class T, int kTiles, bool kVectors, int kProducts>
__device__ __forceinline__ void StoreSums(const Block& block, T* y, std::int32_t tile, int warp, int lane,
                                          const float (&sums)[kProducts][4]) {
  const Shape& shape = block.shape;
  const std::int32_t first = block.PixelBlock(tile) * kPixels + warp * 16 + lane / 4;
  using Type = TypeOf<T>;
  constexpr int kMatrices = Type::template Matrices<kTiles>();
  // Of TF32 found again, for lack of registers, not kept since the sums began.
  const std::int32_t again = sizeof(T) == 4 ? device::Opaque(tile) : tile;
  const std::int32_t k0 = block.ColumnTile(again) * (kTiles * 8) + lane % 4 * (kMatrices * 2);
#pragma unroll
  for (int lower = 0; lower < 2; ++lower) {
    const std::int32_t pixel = first + 8 * lower;
    if (pixel >= block.plan.pixels) continue;
    T* to = y + static_cast<std::int64_t>(pixel) * shape.k;
#pragma unroll
    for (int i = 0; i < kProducts; i += kMatrices) {
      Type::template StoreSums<kVectors, kMatrices>(shape, block.plan.output, to, k0 + i * 8, lower,
                                                    sums + i);
    }
  }
}

// A tile of kTiles matrices of columns, of which the first kProducts have output channels.
template <class T, int kTiles, int kProducts, bool kAtOnce, class AnyRings>
__device__ __forceinline__ void MultiplyTile(const Block& block, T* y, std::int32_t tile, int warp, int lane,
                                             AnyRings& rings) {
  const Plan& plan = block.plan;
  const auto* biases = reinterpret_cast<const float*>(block.workspace);
  constexpr bool kFloats = std::is_same_v<T, float>, kFromRegisters = std::is_same_v<AnyRings, RegisterRings>;
  constexpr int kMost = kAtOnce ? kTiles : wide::kMostTiles;
  float sums[kProducts][4];
  TypeOf<T>::template StartSums<kProducts>(biases + block.ColumnTile(tile) * (kTiles * 8), lane, sums);
  const std::int32_t last = Products<TypeOf<T>::kPlanes>(block.shape, plan) - 1;
  if constexpr (kFromRegisters) {
    const std::int32_t whole = kFloats ? last + 1 : last;
    for (std::int32_t chunk = 0; chunk < whole; ++chunk) MultiplyFromRegisters<T, 4>(rings, sums);
    if constexpr (!kFloats) {
      if (plan.last_steps > 2) {
        MultiplyFromRegisters<T, 4>(rings, sums);
      } else {
        MultiplyFromRegisters<T, 2>(rings, sums);
      }
    }
  } else {
    for (std::int32_t chunk = 0; chunk < last; ++chunk)
      wide::MultiplyChunk<T, kProducts, 4, kMost>(rings, chunk, sums);
    wide::MultiplyLastChunk<T, kProducts, kMost>(rings, last, plan.last_steps, sums);
  }
  if (plan.tile.resident) rings.BeginWeights();
  // All of the tile's operands have been copied: others may take their place.
  const std::int32_t pixels = block.PixelBlock(device::Opaque(tile));
  if (plan.Recycles() && warp == 0 && lane == 0 && pixels < plan.blocks) {
    device::FenceGlobalForCopies();
    device::ReleaseAdd(block.Counters() + Plan::kDone + pixels, 1);
  }
  __syncwarp();
  device::WaitProducts<0>();
  device::HoldSums(sums);
  if constexpr (!kFromRegisters) rings.GiveBack();
  if (block.shape.k % (16 / static_cast<int>(sizeof(T))) == 0) {
    StoreSums<T, kTiles, true>(block, y, tile, warp, lane, sums);
  } else {
    StoreSums<T, kTiles, false>(block, y, tile, warp, lane, sums);
  }
}

// kAtOnce: a thread has registers for products of all columns by one instruction.
template <class T, int kTiles, bool kAtOnce>
__device__ __forceinline__ void MultiplyOperands(const Block& block, T* y, int warp, int lane) {
  static_assert(kTiles % TypeOf<T>::template Matrices<kTiles>() == 0, "a lane stores their columns at once");
  const Plan& plan = block.plan;
  // Of 16 bits, 256 columns are no faster for it.
  constexpr bool kFloats = std::is_same_v<T, float>,
                 kFromRegisters = !kAtOnce && (kFloats ? kTiles > 24 : kTiles == 26);
  // Of 728 channels in blocks of 256 the last has 216.
  constexpr int kNarrow = kTiles == 32 && !kFloats ? 28 : kTiles;
  std::conditional_t<kFromRegisters, RegisterRings, Rings> rings(block, warp, lane);
  for (std::int32_t tile = block.cluster; tile < plan.tiles; tile += plan.clusters) {
    if (kNarrow < kTiles && block.shape.k - block.ColumnTile(tile) * (kTiles * 8) <= kNarrow * 8) {
      MultiplyTile<T, kTiles, kNarrow, kAtOnce>(block, y, tile, warp, lane, rings);
    } else {
      MultiplyTile<T, kTiles, kTiles, kAtOnce>(block, y, tile, warp, lane, rings);
    }
  }
}

}  // namespace assay::dsconv::l2

#endif
