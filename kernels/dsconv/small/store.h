// From a warp's sums to the output tensor: straight where a warp has all input channels, else by way of
// shared memory, where the sums of the warps that share them are added up.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/ptx/pair.h"
#include "kernels/device/vector.h"
#include "kernels/dsconv/mma/depthwise.h"
#include "kernels/dsconv/small/load.h"
#include "kernels/dsconv/small/plan.h"
#include "kernels/dsconv/small/special.h"

namespace assay::dsconv::small {

// An output pixel: the upper one of a strip, or the lower one (`below` is 1).
struct PixelAt {
  std::int32_t p, q;
  bool inside;

  __device__ __forceinline__ PixelAt(const Plan& plan, std::int32_t strip, std::int32_t below) {
    const std::int32_t pair = strip * plan.columns_magic >> 16;
    p = static_cast<std::int32_t>(blockIdx.y) * plan.rows + 2 * pair + below;
    q = static_cast<std::int32_t>(blockIdx.x) * plan.columns + strip - pair * plan.columns;
    inside = strip < plan.strips && p < plan.p && q < plan.q;
  }
  // Modulo 2^32: only pixels inside have one.
  __device__ __forceinline__ std::uint32_t Offset(const Plan& plan, const BlockAt& at) const {
    return static_cast<std::uint32_t>(at.n * plan.y_image) +
           static_cast<std::uint32_t>(p) * static_cast<std::uint32_t>(plan.y_row) +
           static_cast<std::uint32_t>(q) * static_cast<std::uint32_t>(plan.k);
  }
};

__device__ __forceinline__ bool IsNan(const float (&sums)[4]) {
  return sums[0] != sums[0] || sums[1] != sums[1] || sums[2] != sums[2] || sums[3] != sums[3];
}

__device__ __forceinline__ void Add(float (&sums)[4], const uint4& four) {
  sums[0] += __uint_as_float(four.x), sums[1] += __uint_as_float(four.y);
  sums[2] += __uint_as_float(four.z), sums[3] += __uint_as_float(four.w);
}

// A warp's own sums, where k is a multiple of 8. A lane has pixel g of the strips of each matrix, and of the
// matrices' columns those that ChannelOf makes neighbours: four, or twice four.
template <class T, Filter kFilter, int kMatrices, int kTiles>
__device__ __forceinline__ void StoreSums(const Plan& plan, const BlockAt& at, const mma::Tensors<T>& tensors,
                                          const float (&sums)[kMatrices][kTiles][4]) {
  constexpr int kGroup = kTiles < 4 ? kTiles : 4;
  const mma::Clamping out = mma::ClampingOf<T>(plan.act_out);
  const std::int32_t k0 = at.block_k * kTiles * 8 + static_cast<std::int32_t>(at.lane % 4) * 2 * kGroup;
  const char* biases = plan.packed + static_cast<std::uint32_t>(plan.biases_at + k0 * 4);
  std::uint32_t nan = 0;
#pragma unroll
  for (int j = 0; j < kTiles; j += kGroup) {
    if (k0 + j * 8 >= plan.k) break;
    uint4 bias[kGroup / 2];
#pragma unroll
    for (int i = 0; i < kGroup / 2; ++i) bias[i] = device::LoadUint4(biases + (j * 8 + i * 4) * 4);
#pragma unroll
    for (int i = 0; i < kMatrices * 2; ++i) {
      const auto strip = static_cast<std::int32_t>((at.warp_m * kMatrices + i / 2) * kStrips + at.lane / 4);
      const PixelAt pixel(plan, strip, i % 2);
      std::uint32_t pairs[kGroup];
#pragma unroll
      for (int quad = 0; quad < kGroup / 2; ++quad) {
        const float(&one)[4] = sums[i / 2][j + 2 * quad], (&two)[4] = sums[i / 2][j + 2 * quad + 1];
        float four[4] = {one[i % 2 * 2], one[i % 2 * 2 + 1], two[i % 2 * 2], two[i % 2 * 2 + 1]};
        Add(four, bias[quad]);
        if (IsNan(four)) nan |= 1u << i;
        if constexpr (kFilter == Filter::kAny) mma::ActivateUnlessClamp(out, four);
        pairs[2 * quad] = mma::PackClamped<T>(out, four[0], four[1]);
        pairs[2 * quad + 1] = mma::PackClamped<T>(out, four[2], four[3]);
      }
      T* to = static_cast<T*>(plan.y) + (pixel.Offset(plan, at) + static_cast<std::uint32_t>(k0 + j * 8));
      if (!pixel.inside) continue;
      if constexpr (kGroup == 4) {
        device::StoreUint4(to, make_uint4(pairs[0], pairs[1], pairs[2], pairs[3]));
      } else {
        device::StoreUint2(to, make_uint2(pairs[0], pairs[1]));
      }
    }
  }
  if (nan == 0) return;
#pragma unroll 1
  for (int i = 0; i < kMatrices * 2; ++i) {
    const auto strip = static_cast<std::int32_t>((at.warp_m * kMatrices + i / 2) * kStrips + at.lane / 4);
    const PixelAt pixel(plan, strip, i % 2);
    if ((nan >> i & 1u) == 0 || !pixel.inside) continue;
#pragma unroll 1
    for (int j = 0; j < kTiles; j += kGroup) {
      RecomputeOutputs(plan, tensors, at.n, pixel.p, pixel.q, k0 + j * 8, 2 * kGroup);
    }
  }
}

// A warp's sums into its group's shared memory, [strip][SumPitch] of upper pixels, then of lower ones.
template <int kMatrices, int kTiles>
__device__ __forceinline__ void LeaveSums(const BlockAt& at, const float (&sums)[kMatrices][kTiles][4],
                                          char* group) {
  constexpr int kGroup = kTiles < 4 ? kTiles : 4;
  constexpr std::uint32_t kPitch = SumPitch(kTiles) * 4;
  char* first = group + (at.warp_m * kMatrices * kStrips + at.lane / 4) * kPitch + at.lane % 4 * kGroup * 8;
  const std::uint32_t lower = at.warps_m * kMatrices * kStrips * kPitch;
#pragma unroll
  for (int i = 0; i < kMatrices * 2; ++i) {
    char* to = first + i / 2 * kStrips * kPitch + (i % 2 == 0 ? 0 : lower);
#pragma unroll
    for (int j = 0; j < kTiles; j += 2) {
      const float(&one)[4] = sums[i / 2][j], (&two)[4] = sums[i / 2][j + 1];
      const int pixel = i % 2 * 2;
      device::StoreUint4(to + j / kGroup * kGroup * 32 + j % kGroup * 8,
                         make_uint4(__float_as_uint(one[pixel]), __float_as_uint(one[pixel + 1]),
                                    __float_as_uint(two[pixel]), __float_as_uint(two[pixel + 1])));
    }
  }
}

// Four neighbouring channels from k on.
template <class T, Filter kFilter>
__device__ __forceinline__ void StoreQuad(const Plan& plan, const mma::Clamping& out, T* to, std::int32_t k,
                                          float (&sums)[4]) {
  if constexpr (kFilter == Filter::kAny) mma::ActivateUnlessClamp(out, sums);
  const std::uint32_t pairs[2] = {mma::PackClamped<T>(out, sums[0], sums[1]),
                                  mma::PackClamped<T>(out, sums[2], sums[3])};
  if (plan.k % 4 == 0) {
    device::StoreUint2(to, make_uint2(pairs[0], pairs[1]));
    return;
  }
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    if (k + i < plan.k) to[i] = device::FromBits<T>(static_cast<std::uint16_t>(pairs[i / 2] >> i % 2 * 16));
  }
}

// Four output channels of a pixel a thread: adds up the groups' sums, in their order.
template <class T, Filter kFilter, int kMatrices, int kTiles>
__device__ __forceinline__ void AddUpAndStore(const Plan& plan, const BlockAt& at,
                                              const mma::Tensors<T>& tensors, const char* shared) {
  constexpr std::int32_t kQuads = kTiles * 2;
  const auto strips = static_cast<std::int32_t>(at.warps_m * kMatrices * kStrips);  // with those left empty
  const auto quad = static_cast<std::int32_t>(at.thread() % kQuads);
  const auto first = static_cast<std::int32_t>(at.thread() / kQuads);
  const auto step = static_cast<std::int32_t>(at.threads() / kQuads);
  const std::int32_t k = at.block_k * kTiles * 8 + quad * 4;
  const mma::Clamping out = mma::ClampingOf<T>(plan.act_out);
  const uint4 bias = device::LoadUint4(plan.packed + static_cast<std::uint32_t>(plan.biases_at + k * 4));
  bool nan = false;
  __syncthreads();
#pragma unroll 1
  for (std::int32_t i = first; i < 2 * strips; i += step) {
    const std::int32_t below = i >= strips ? 1 : 0;
    const PixelAt pixel(plan, i - below * strips, below);
    float sums[4] = {};
    const char* from = shared + (i * SumPitch(kTiles) + quad * 4) * 4;
#pragma unroll 4
    for (std::uint32_t j = 0; j < at.warps_c; ++j, from += plan.group_bytes) {
      Add(sums, device::LoadUint4(from));
    }
    Add(sums, bias);
    if (!pixel.inside || k >= plan.k) continue;
    nan |= IsNan(sums);
    StoreQuad<T, kFilter>(plan, out, static_cast<T*>(plan.y) + pixel.Offset(plan, at) + k, k, sums);
  }
  if (!nan) return;
#pragma unroll 1
  for (std::int32_t i = first; i < 2 * strips; i += step) {
    const std::int32_t below = i >= strips ? 1 : 0;
    const PixelAt pixel(plan, i - below * strips, below);
    if (pixel.inside) RecomputeOutputs(plan, tensors, at.n, pixel.p, pixel.q, k, 4);
  }
}

}  // namespace assay::dsconv::small
