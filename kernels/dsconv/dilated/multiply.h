// The pointwise half, by one warpgroup: 256 output channels, the rows of its products, and all pixels of a
// block, their columns: wgmma with both operands from shared memory, on sums that begin as b_pw,
// then activation and stores straight from registers.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/ptx/global_flag.h"
#include "kernels/device/ptx/wgmma.h"
#include "kernels/device/ptx/wgmma_shared.h"
#include "kernels/device/vector.h"
#include "kernels/dsconv/dilated/block.h"
#include "kernels/dsconv/dilated/lane.h"
#include "kernels/dsconv/wide/clamp.h"
#include "kernels/dsconv/wide/place.h"

namespace assay::dsconv::dilated {

// The sums of 256 output channels, as four times 64.
inline constexpr int kParts = 4, kMatrices = kColumns / 8;
using Sums = float[kParts][kMatrices][4];

// The first of a lane's eight output channels (weights.h).
__device__ __forceinline__ std::int32_t FirstOutput(int warp, int lane) {
  return static_cast<std::int32_t>(blockIdx.y) * kOutputs + warp * 64 + lane / 4 * 8;
}

// How a warpgroup goes round the rings: slots that are filled, and the one whose products are done.
class Rings {
 public:
  __device__ __forceinline__ Rings(const Block& block, int lane)
      : block_(block),
        left_(device::SwizzledDescriptor(block.w_ring)),
        right_(device::SwizzledDescriptor(block.b_ring)) {
    // The first lane gives back weights, the next one operands.
    stages_ = lane == 0 ? block.plan.tile.weights : block.plan.tile.operands;
    give_back_ = lane == 0 ? block.w_free : block.b_free;
    gives_ = lane < 2;
  }

  __device__ __forceinline__ void Wait() const {
    device::WaitBarrier(block_.w_filled + w_.slot, w_.filled());
    device::WaitBarrier(block_.b_filled + b_.slot, b_.filled());
  }
  __device__ __forceinline__ std::uint64_t Left() const {
    return left_ + static_cast<std::uint32_t>(w_.slot * (block_.plan.weight_bytes / 16));
  }
  __device__ __forceinline__ std::uint64_t Right() const {
    return right_ + static_cast<std::uint32_t>(b_.slot * (block_.plan.operand_bytes / 16));
  }
  __device__ __forceinline__ void Next() {
    w_.Next(block_.plan.tile.weights), b_.Next(block_.plan.tile.operands);
  }

  // The products of a chunk are done.
  __device__ __forceinline__ void GiveBack() {
    if (gives_) device::ArriveBarrier(give_back_ + used_);
    if (++used_ == stages_) used_ = 0;
  }

 private:
  const Block& block_;
  const std::uint64_t left_, right_;
  std::uint64_t* give_back_;
  std::int32_t stages_, used_ = 0;  // of the ring whose slots this lane gives back
  bool gives_;
  wide::RingAt w_, b_;
};

// Of a chunk. Products are not the limit: what they read is given back as soon as it can be.
template <class Kind>
__device__ __forceinline__ void MultiplyChunk(Rings& rings, Sums& sums) {
  constexpr auto kTag = device::ElementTag<typename Kind::Element>{};
  constexpr std::uint64_t kRestOfWeights = kWeightBytes / 16, kRestOfOperands = kOperandBytes / 16;
  rings.Wait();
  const std::uint64_t left = rings.Left(), right = rings.Right();
  device::FenceProducts();
  // Products on the same sums one after the other: it is 1 % faster.
#pragma unroll
  for (int part = 0; part < kParts; ++part) {
#pragma unroll
    for (int i = 0; i < kPixelBytes / 32; ++i) {
      const std::uint64_t a = left + static_cast<std::uint64_t>(part * (64 * kPixelBytes / 16) + 2 * i),
                          b = right + static_cast<std::uint64_t>(2 * i);
      if constexpr (Kind::kParts == 2) {
        device::MultiplyShared(sums[part], a + kRestOfWeights, b, kTag);
        device::MultiplyShared(sums[part], a, b + kRestOfOperands, kTag);
      }
      device::MultiplyShared(sums[part], a, b, kTag);
    }
  }
  device::CommitProducts();
  rings.Next();
  device::WaitProducts<0>();
  rings.GiveBack();
}

// A lane's eight channels of a pixel, of which `left` are there; nothing where that is not above 0.
template <class T, bool kVectors>
__device__ __forceinline__ void StoreEight(const Block& block, T* to, std::int32_t left, const Sums& sums,
                                           int matrix, int right) {
  std::uint32_t pairs[kParts];
#pragma unroll
  for (int part = 0; part < kParts; ++part) {
    pairs[part] =
        wide::PackClamped<T>(block.plan.output, sums[part][matrix][right], sums[part][matrix][2 + right]);
  }
  if constexpr (kVectors) {
    device::StoreFourIf(left > 0, to, make_uint4(pairs[0], pairs[1], pairs[2], pairs[3]));
  } else {
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      if (i < left) to[i] = device::FromBits<T>(static_cast<std::uint16_t>(pairs[i / 2] >> (i % 2 * 16)));
    }
  }
}
template <class, bool kVectors>
__device__ __forceinline__ void StoreEight(const Block& block, float* to, std::int32_t left, const Sums& sums,
                                           int matrix, int right) {
  float eight[2 * kParts];
#pragma unroll
  for (int i = 0; i < 2 * kParts; ++i)
    eight[i] = wide::Clamped(block.plan.output, sums[i / 2][matrix][right + i % 2 * 2]);
#pragma unroll
  for (int i = 0; i < 2 * kParts; ++i) {
    if constexpr (kVectors) {
      if (i % 4 != 0) continue;
      device::StoreFourIf(left > 0, to + i,
                          make_uint4(__float_as_uint(eight[i]), __float_as_uint(eight[i + 1]),
                                     __float_as_uint(eight[i + 2]), __float_as_uint(eight[i + 3])));
    } else if (i < left) {
      to[i] = eight[i];
    }
  }
}

template <class T, bool kVectors>
__device__ __forceinline__ void StoreSums(const Block& block, T* y, int warp, int lane, const Sums& sums) {
  const Shape& shape = block.shape;
  const Plan& plan = block.plan;
  const std::int32_t k = FirstOutput(warp, lane);
  if (k >= shape.k) return;
  const TileAt at = TileOf(shape, plan, static_cast<std::int32_t>(blockIdx.x));
  const std::int32_t length = min(plan.piece, shape.q - at.first_q), first = lane % 4 * 2;
  const auto begin = [&](const Segment& segment) {
    return (static_cast<std::int64_t>(segment.image) * shape.p + segment.row) * shape.q + at.first_q;
  };
  T* const upper = y + (begin(at.upper) + first) * shape.k + k;
  T* const lower = y + (begin(at.lower) + first - plan.lower_at) * shape.k + k;
  const std::int32_t lower_at = plan.pairs ? plan.lower_at : kColumns;
  const std::int32_t lower_end = at.lower.row >= 0 ? lower_at + length : 0;
#pragma unroll
  for (int i = 0; i < kMatrices; ++i) {
#pragma unroll
    for (int right = 0; right < 2; ++right) {
      const std::int32_t pixel = i * 8 + first + right;
      const bool is_lower = pixel >= lower_at, is_there = pixel < (is_lower ? lower_end : length);
      T* to = (is_lower ? lower : upper) + static_cast<std::int64_t>(i * 8 + right) * shape.k;
      StoreEight<T, kVectors>(block, to, is_there ? shape.k - k : 0, sums, i, right);
    }
  }
}

template <class Kind>
__device__ __forceinline__ void MultiplyOperands(const Block& block, typename Kind::Element* y, int warp,
                                                 int lane) {
  using T = typename Kind::Element;
  Rings rings(block, lane);
  Sums sums;
  const float* biases = reinterpret_cast<const float*>(block.workspace) + FirstOutput(warp, lane);
#pragma unroll
  for (int part = 0; part < kParts; ++part) {
    const float2 bias = device::LoadFloat2(biases + 2 * part);
#pragma unroll
    for (int i = 0; i < kMatrices; ++i) {
      sums[part][i][0] = sums[part][i][1] = bias.x, sums[part][i][2] = sums[part][i][3] = bias.y;
    }
  }
#pragma unroll 1
  for (std::int32_t chunk = 0; chunk < block.plan.chunks; ++chunk) MultiplyChunk<Kind>(rings, sums);
#pragma unroll
  for (int part = 0; part < kParts; ++part) device::HoldSums(sums[part]);
  if (block.shape.k % 8 == 0) {
    StoreSums<T, true>(block, y, warp, lane, sums);
  } else {
    StoreSums<T, false>(block, y, warp, lane, sums);
  }
}

}  // namespace assay::dsconv::dilated

#endif
