// The depthwise half by sparse products (sparse/depthwise.h): each warp makes 16 channels of every chunk.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/ptx/shared_load.h"
#include "kernels/device/ptx/shared_word.h"
#include "kernels/dsconv/sparse/depthwise.h"
#include "kernels/dsconv/strips/block.h"

namespace assay::dsconv::strips {

// 16 channels' weights as they lie in shared memory.
struct Filter {
  uint2 taps[6];
  std::uint32_t biases[2];

  __device__ __forceinline__ void Load(std::uint32_t from, int lane) {
#pragma unroll
    for (int i = 0; i < 6; ++i)
      taps[i] = device::LoadTwo(from + static_cast<std::uint32_t>(lane / 4 * 8 + i * 64));
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      biases[i] =
          device::LoadSharedWord(from + static_cast<std::uint32_t>(kStepTapBytes + lane / 4 * 4 + i * 32));
    }
  }
  template <class Strip>
  __device__ __forceinline__ void Enter(const sparse::Selectors& selectors, Strip& strip) const {
#pragma unroll
    for (int i = 0; i < 6; ++i) strip.taps[i % 2][i / 2].SetWeights(selectors, taps[i]);
#pragma unroll
    for (int i = 0; i < 8; ++i) strip.bias[i / 4][i % 4] = __uint_as_float(biases[i / 4]);
  }
};

// Where the lower half is another strip's, with rows of x of its own.
template <int kPairs, class Strip>
__device__ __forceinline__ void MakeSplit(Strip& strip, std::uint32_t to) {
  constexpr std::int32_t kHalf = kPairs / 2;
  strip.template Make<kHalf>(to);
  // They begin two rows further down; so in the swizzle's order pixels are others by four.
#pragma unroll
  for (auto& from : strip.from) from = (from + static_cast<std::uint32_t>(2 * kPitch * kPixelBytes)) ^ 64;
  strip.template Make<kPairs, kHalf>(to);
}

template <class T, int kStride, int kPairs, bool kFromZero>
__device__ __forceinline__ void MakeOperands(const Block& block, int step, int lane) {
  const Plan& plan = block.plan;
  sparse::Strip<T, kStride, kPitch, kFromZero> strip;
  const sparse::Selectors selectors(lane, kStride);
  strip.places = selectors.places, strip.high = plan.middle.high;
  // Lane 8i + j names column j of row i of four.
  const std::uint32_t x_ring = device::SharedAddress(block.x_ring);
  std::uint32_t from[3];
#pragma unroll
  for (int s = 0; s < 3; ++s) {
    const auto pixel = static_cast<std::uint32_t>(lane / 8 * kPitch + lane % 8 + plan.tap_at[s]);
    from[s] = x_ring + pixel * kPixelBytes + (static_cast<std::uint32_t>(step * 32) ^ (pixel & 7u) * 16);
  }
  // Lane 8i + j names pixel j of the upper or lower row, 8 channels or the next 8.
  const std::uint32_t to = device::SharedAddress(block.a_ring) +
                           static_cast<std::uint32_t>(lane / 8 % 2 * 1024 + lane % 8 * kPixelBytes +
                                                      ((2 * step + lane / 16) ^ lane % 8) * 16);
  const std::uint32_t filters =
      device::SharedAddress(block.filters) + static_cast<std::uint32_t>(step * kStepBytes);
  Filter filter;
  device::WaitBarrier(block.f_filled, 0);
  filter.Load(filters, lane);
  RingAt in, out;
  std::int32_t chunk = 0;
  HalfAt upper = HalfAt::First(plan);
  for (std::int32_t left = plan.rounds * plan.chunks; left > 0; --left) {
    const bool splits = upper.EndsStrip(plan);
    filter.Enter(selectors, strip);
    if (++chunk == plan.chunks) chunk = 0, upper.NextTile(plan);
    filter.Load(filters + static_cast<std::uint32_t>(chunk * kFilterBytes), lane);  // the next one
#pragma unroll
    for (int s = 0; s < 3; ++s)
      strip.from[s] = from[s] + static_cast<std::uint32_t>(in.slot * plan.input_bytes);
    const std::uint32_t slot = to + static_cast<std::uint32_t>(out.slot * plan.operand_bytes);
    device::WaitBarrier(block.a_free + out.slot, out.parity ^ 1);
    device::WaitBarrier(block.x_filled + in.slot, in.parity);
    if (splits) {
      MakeSplit<kPairs>(strip, slot);
    } else {
      strip.template Make<kPairs>(slot);
    }
    device::FenceAsyncProxy();
    __syncwarp();
    if (lane == 0) device::ArriveBarrier(block.a_filled + out.slot);
    in.Next(plan.tile.inputs), out.Next(plan.tile.operands);
  }
}

}  // namespace assay::dsconv::strips

#endif
