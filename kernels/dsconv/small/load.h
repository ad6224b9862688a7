// Input tiles and weights on their way to shared memory.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/ptx/async_copy.h"
#include "kernels/dsconv/small/plan.h"

namespace assay::dsconv::small {

// What a block works on, and what of it a thread. Blocks are 32 lanes x warps_m x warps_c.
struct BlockAt {
  std::int32_t n, block_k;
  std::uint32_t lane, warp_m, warp_c, warps_m, warps_c;

  __device__ __forceinline__ explicit BlockAt(const Plan& plan) {
    block_k = static_cast<std::int32_t>(blockIdx.z), n = 0;
    if (plan.n > 1) n = block_k / plan.blocks_k, block_k -= n * plan.blocks_k;
    lane = threadIdx.x;
    warp_m = threadIdx.y, warps_m = blockDim.y;
    warp_c = threadIdx.z, warps_c = blockDim.z;
  }
  __device__ __forceinline__ std::uint32_t thread() const { return lane + 32 * (warp_m + warps_m * warp_c); }
  __device__ __forceinline__ std::uint32_t threads() const { return 32 * warps_m * warps_c; }
};

// Copies are begun in batches without a branch between them, so that they do not wait for each other's
// addresses.
inline constexpr int kBatch = 4;

// Begins to copy `bytes`, a multiple of 16, by the warps of a group together.
__device__ __forceinline__ void CopyBytes(const BlockAt& at, const char* from, std::int32_t bytes, char* to) {
  const auto step = static_cast<std::int32_t>(at.warps_m) * 512;
#pragma unroll 1
  for (auto first = static_cast<std::int32_t>(at.warp_m * 32 + at.lane) * 16; first < bytes;
       first += kBatch * step) {
#pragma unroll
    for (int i = 0; i < kBatch; ++i) {
      const std::int32_t at_byte = first + i * step;
      device::CopyAsync16If(at_byte < bytes, to + at_byte, from + static_cast<std::uint32_t>(at_byte), true);
    }
  }
}

// A slice's weights for the block, in the workspace.
__device__ __forceinline__ const char* WeightsOf(const Plan& plan, const BlockAt& at, std::int32_t slice) {
  return plan.packed + static_cast<std::uint32_t>(at.block_k * plan.slices + slice) *
                           static_cast<std::uint32_t>(plan.slice_bytes);
}

// Begins to copy what the depthwise half of a slice needs, by the warps of a group together: the input tile,
// four lanes a pixel, with eight channels each and zeros outside of the image, and the weights.
template <class T, Filter kFilter>
__device__ __forceinline__ void LoadDepthwise(const Plan& plan, const BlockAt& at, std::int32_t slice,
                                              char* stage) {
  const auto in_group = static_cast<std::int32_t>(at.warp_m * 32 + at.lane), unit = in_group & 3;
  const std::int32_t step = static_cast<std::int32_t>(at.warps_m) * 8, c = slice * kSlice + unit * 8;
  const std::int32_t h0 = static_cast<std::int32_t>(blockIdx.y) * plan.tile_h - plan.pad_h;
  const std::int32_t w0 = static_cast<std::int32_t>(blockIdx.x) * plan.tile_w - plan.pad_w;
  std::int32_t image = c;
  if (plan.n > 1) image += at.n * plan.x_image;
  const T* x = static_cast<const T*>(plan.x);
#pragma unroll 1
  for (std::int32_t first = in_group >> 2; first < plan.halo_pixels; first += kBatch * step) {
#pragma unroll
    for (int i = 0; i < kBatch; ++i) {
      const std::int32_t place = first + i * step;
      const auto row =
          static_cast<std::int32_t>(__umulhi(static_cast<std::uint32_t>(place), plan.halo_magic));
      std::int32_t column = place - row * plan.halo_columns;
      if (kFilter == Filter::k3x3Stride2 || (kFilter == Filter::kAny && plan.odd != 0)) {
        column = column < plan.odd ? 2 * column : 2 * (column - plan.odd) + 1;
      }
      const std::int32_t h = h0 + row, w = w0 + column;
      const bool inside = static_cast<std::uint32_t>(h) < static_cast<std::uint32_t>(plan.h) &&
                          static_cast<std::uint32_t>(w) < static_cast<std::uint32_t>(plan.w) && c < plan.c;
      // Modulo 2^32: only pixels inside have an offset.
      const std::uint32_t from = static_cast<std::uint32_t>(h) * static_cast<std::uint32_t>(plan.x_row) +
                                 static_cast<std::uint32_t>(w * plan.c + image);
      device::CopyAsync16If(place < plan.halo_pixels, stage + (UnitOffset(place) ^ unit << 4),
                            x + (inside ? from : 0u), inside);
    }
  }
  CopyBytes(at, WeightsOf(plan, at, slice), plan.depthwise_bytes, stage + plan.x_bytes);
}

// And what its products need.
__device__ __forceinline__ void LoadPointwise(const Plan& plan, const BlockAt& at, std::int32_t slice,
                                              char* stage) {
  CopyBytes(at, WeightsOf(plan, at, slice) + static_cast<std::uint32_t>(plan.depthwise_bytes),
            plan.slice_bytes - plan.depthwise_bytes, stage + plan.x_bytes + plan.depthwise_bytes);
}

// Waits for all groups of copies that this thread began but the latest `left`, or fewer.
__device__ __forceinline__ void WaitCopies(std::int32_t left) {
  if (left <= 0) {
    device::WaitCopies<0>();
  } else if (left == 1) {
    device::WaitCopies<1>();
  } else if (left == 2) {
    device::WaitCopies<2>();
  } else if (left == 3) {
    device::WaitCopies<3>();
  } else if (left < 7) {
    device::WaitCopies<4>();
  } else {
    device::WaitCopies<7>();
  }
}

}  // namespace assay::dsconv::small
