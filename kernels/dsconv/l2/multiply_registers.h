// Products of more than 192 columns with operands through registers, of TF32 and, with 208 columns, of 16
// bits. One instruction of so many columns would need more registers than a thread has at first, and two
// would read the operands from shared memory twice, which is what TF32's products wait for: so they are read
// once.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/element.h"
#include "kernels/device/ptx/ldmatrix.h"
#include "kernels/device/ptx/opaque.h"
#include "kernels/device/ptx/wgmma_shared.h"
#include "kernels/dsconv/l2/block.h"
#include "kernels/dsconv/wide/place.h"

namespace assay::dsconv::l2 {

// As Rings (multiply.h), with fewer registers: of addresses it keeps one.
class RegisterRings {
 public:
  __device__ __forceinline__ RegisterRings(const Block& block, int warp, int lane)
      : plan_(block.plan),
        shared_(device::SharedAddress(block.a_filled)),
        // Of the lane's row of ldmatrix, the upper and the lower 8 of the warp's pixels by twice 4 channels.
        row_(
            static_cast<std::uint32_t>((warp * 16 + lane % 16) * kPixelBytes + (lane / 16 ^ lane % 8) * 16)) {
    const Tile& tile = plan_.tile;
    const bool gives_weights = lane < tile.pixel_blocks;
    give_back_to_ = device::SharedAddressIn(gives_weights ? block.w_free : block.a_free,
                                            static_cast<std::uint32_t>(gives_weights ? lane : block.rank));
    if (gives_weights ? tile.resident : lane != tile.pixel_blocks) give_back_to_ = kNone;
  }

  __device__ __forceinline__ void Wait() const {
    device::WaitBarrierAt(shared_ + (2 * kMostStages + w_.slot) * 8, plan_.tile.resident ? 0 : w_.filled());
    device::WaitBarrierAt(shared_ + a_.slot * 8, a_.filled());
  }
  __device__ __forceinline__ std::uint32_t Left() const {
    return shared_ + kHeadBytes + row_ + static_cast<std::uint32_t>(a_.slot * kOperandBytes);
  }
  __device__ __forceinline__ std::uint64_t Right() const {
    return device::SwizzledDescriptorAt(
        shared_ + kHeadBytes +
        static_cast<std::uint32_t>(plan_.tile.operands * kOperandBytes + w_.slot * plan_.weight_bytes));
  }
  __device__ __forceinline__ void Next() { w_.Next(plan_.tile.weights), a_.Next(plan_.tile.operands); }
  __device__ __forceinline__ void BeginWeights() { w_.slot = 0; }

  // What Next() went past.
  __device__ __forceinline__ void GiveBack() const {
    const bool weights = device::ThreadAgain() % 32 < plan_.tile.pixel_blocks;
    const std::int32_t slot = weights ? w_.slot : a_.slot,
                       slots = weights ? plan_.tile.weights : plan_.tile.operands;
    if (give_back_to_ == kNone) return;
    device::ArriveBarrierIn(give_back_to_ + static_cast<std::uint32_t>((slot == 0 ? slots : slot) - 1) * 8);
  }

 private:
  static constexpr std::uint32_t kNone = 0;  // where a_filled may lie, and nothing that is given back

  const Plan& plan_;
  const std::uint32_t shared_, row_;
  std::uint32_t give_back_to_;
  wide::RingAt a_, w_;
};

// Begins a product of 32 bytes of channels, all columns of them.
template <class T, int kTiles>
__device__ __forceinline__ void BeginStep(std::uint32_t (&operands)[4], std::uint32_t left,
                                          std::uint64_t right, float (&sums)[kTiles][4]) {
  constexpr int kHalf = kTiles / 2;
  constexpr auto kTag = device::ElementTag<T>{};
  static_assert(kHalf * 8 * kPixelBytes % 1024 == 0, "where the swizzle begins again");
  device::LoadMatrix4At(operands, left);
  device::FenceProducts();
  device::MultiplyFrom(reinterpret_cast<float(&)[kHalf][4]>(sums[0]), operands, right, kTag);
  device::MultiplyFrom(reinterpret_cast<float(&)[kHalf][4]>(sums[kHalf]), operands,
                       right + kHalf * 8 * kPixelBytes / 16, kTag);
  device::CommitProducts();
}

// Ends all steps but the latest kLeft, of which this is the latest one that has ended.
template <int kLeft>
__device__ __forceinline__ void EndStep(const std::uint32_t (&operands)[4]) {
  device::WaitProducts<kLeft>();
  device::HoldOperands(operands);
}

// Makes the products of a chunk, kSteps times 32 bytes of channels. Operands of a step are on their way while
// those before are multiplied; but none are kept from chunk to chunk: the compiler would wait for each
// product. The other warpgroup's products fill the gap.
template <class T, int kSteps, int kTiles>
__device__ __forceinline__ void MultiplyFromRegisters(RegisterRings& rings, float (&sums)[kTiles][4]) {
  rings.Wait();
  const std::uint32_t left = rings.Left();
  const std::uint64_t right = rings.Right();
  std::uint32_t even[4], odd[4];
  BeginStep<T>(even, left, right, sums);
  BeginStep<T>(odd, left ^ 32u, right + 2, sums);
  if constexpr (kSteps > 2) {
    EndStep<1>(even);
    BeginStep<T>(even, left ^ 64u, right + 4, sums);
    EndStep<1>(odd);
    BeginStep<T>(odd, left ^ 96u, right + 6, sums);
  }
  EndStep<0>(odd);
  EndStep<0>(even);
  rings.Next();
  rings.GiveBack();
}

}  // namespace assay::dsconv::l2

#endif
