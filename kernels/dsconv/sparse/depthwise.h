// The depthwise half by sparse products. The left operand of one holds, for 8 channels and two rows of
// outputs, one column of taps: in a row of it, of 8 channels of four rows of x, three weights of one channel,
// so at most one of any four neighbours. The right one is 8 pixels of each of these rows, 8 channels of each,
// as ldmatrix loads them. So three products make 8 channels of 2 x 8 outputs. A warp goes down a strip of 8
// columns with 16 channels, and loads each row of x once for each column of taps, four rows at once: at
// stride 1 every other pair of rows of outputs needs the lower two of four and the upper two of the next, in
// two products of half the depth.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/element.h"
#include "kernels/device/ptx/ldmatrix.h"
#include "kernels/device/ptx/mma_sparse.h"
#include "kernels/device/ptx/opaque.h"
#include "kernels/device/ptx/pair.h"
#include "kernels/device/ptx/shared_load.h"
#include "kernels/device/ptx/wgmma.h"
#include "kernels/dsconv/sparse/block.h"

namespace assay::dsconv::sparse {

// What a lane needs to make its words of the left operands out of a column of taps, [w0, w1, w2, 0]: of each
// word, which of their bytes it takes. Lane 4g + t holds words of channel g, where its four neighbours are
// among the columns that it has (t % 2); the rows of x are t / 2 and 2 + t / 2.
struct Selectors {
  std::uint32_t words[4], last;
  std::uint32_t places;  // which two of four neighbours are stored: the channel is one of them

  __device__ __forceinline__ Selectors(int lane, int stride) {
    const int g = lane / 4, t = lane % 4;
#pragma unroll
    for (int word = 0; word < 4; ++word)
      words[word] = SelectorOf(g, t, word / 2 * 2 + t / 2 - word % 2 * stride);
    last = SelectorOf(g, t, t / 2 == 0 ? 2 : -1);
    const auto at = static_cast<std::uint32_t>(g % 4);
    places = (at == 3 ? 0u | 3u << 2 : at | 3u << 2) * 0x11111111u;
  }

 private:
  static __device__ __forceinline__ std::uint32_t SelectorOf(int g, int t, int tap) {
    constexpr std::uint32_t kZero = 0x66;
    if (t % 2 != g / 4 || tap < 0 || tap > 2) return kZero << 8 | kZero;
    const std::uint32_t bytes = static_cast<std::uint32_t>(2 * tap) * 0x11 + 0x10;
    return g % 4 == 3 ? bytes << 8 | kZero : kZero << 8 | bytes;
  }
};

// A column of taps of 8 channels, and the rows of x that it is multiplied by, four and the next four.
template <class T, int kStride>
struct Taps {
  std::uint32_t weights[4];
  std::uint32_t last;  // at stride 2: the lower row of outputs has a tap in the first of the next four rows
  std::uint32_t x[2][4];

  __device__ __forceinline__ void SetWeights(const Selectors& selectors, uint2 taps) {
#pragma unroll
    for (int i = 0; i < 4; ++i) weights[i] = __byte_perm(taps.x, taps.y, selectors.words[i]);
    if constexpr (kStride == 2) last = __byte_perm(taps.x, taps.y, selectors.last);
  }

  // A pair of rows of outputs.
  template <int kPair>
  __device__ __forceinline__ void Multiply(float (&d)[4], const float (&c)[4], std::uint32_t places) const {
    constexpr device::ElementTag<T> kTag;
    if constexpr (kStride == 2) {
      const auto& next = x[(kPair + 1) % 2];
      device::MmaSparse16832From(d, c, weights, x[kPair % 2], places, kTag);
      device::MmaSparse16816From(d, d, 0u, last, next[0], next[1], places, kTag);
    } else if constexpr (kPair % 2 == 0) {
      device::MmaSparse16832From(d, c, weights, x[kPair / 2 % 2], places, kTag);
    } else {
      const auto &upper = x[kPair / 2 % 2], &lower = x[(kPair / 2 + 1) % 2];
      device::MmaSparse16816From(d, c, weights[0], weights[1], upper[2], upper[3], places, kTag);
      device::MmaSparse16816From(d, d, weights[2], weights[3], lower[0], lower[1], places, kTag);
    }
  }
};

// 16 channels of a strip of 8 columns. Of pairs of rows some are made at once, up to the one before kEnd.
template <class T, int kStride, int kPitch, bool kFromZero = true>
struct Strip {
  Taps<T, kStride> taps[2][3];  // of either 8 channels
  float bias[2][4];
  std::uint32_t from[3];  // where the lane's first pixel is, for each column of taps
  std::uint32_t places, high;

  // Four rows of x; the last of all may be two, of which only the first one counts where the stride is 2.
  template <int kEnd, int kQuad, int kColumn>
  __device__ __forceinline__ void Load() {
    constexpr int kRows = kStride == 1 ? 2 * kEnd + 2 : 4 * kEnd + 2;
    if constexpr (kQuad * 4 < kRows) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const std::uint32_t at =
            (half == 0 ? from[kColumn] : from[kColumn] ^ 16) + kQuad * 4 * kPitch * kPixelBytes;
        auto& rows = taps[half][kColumn].x[kQuad % 2];
        if constexpr (kQuad * 4 + 2 == kRows) {
          device::LoadMatrix2(reinterpret_cast<std::uint32_t(&)[2]>(rows), at);
        } else {
          device::LoadMatrix4(rows, at);
        }
      }
    }
  }

  // The products of a column of taps, and then the loads that take the place of what no other pair needs.
  template <int kEnd, int kPair, int kColumn>
  __device__ __forceinline__ void Multiply(float (&sums)[2][2][4]) {
    if constexpr (kPair < kEnd) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        auto& sum = sums[kPair % 2][half];
        taps[half][kColumn].template Multiply<kPair>(sum, kColumn == 0 ? bias[half] : sum, places);
      }
      if constexpr (kStride == 2) Load<kEnd, kPair + 2, kColumn>();
      if constexpr (kStride == 1 && kPair % 2 == 1) Load<kEnd, kPair / 2 + 2, kColumn>();
    }
  }

  // Products of one sum wait for each other: those of the pair below go between them.
  template <int kEnd, int kPair>
  __device__ __forceinline__ void MakeFrom(std::uint32_t to, float (&sums)[2][2][4]) {
    if constexpr (kPair < kEnd) {
      constexpr device::ElementTag<T> kTag;
      Multiply<kEnd, kPair + 1, 0>(sums);
      Multiply<kEnd, kPair, 2>(sums);
      Multiply<kEnd, kPair + 1, 1>(sums);
      std::uint32_t packed[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const auto& sum = sums[kPair % 2][i / 2];
        const float first = sum[i % 2 * 2], second = sum[i % 2 * 2 + 1];
        if constexpr (kFromZero) {
          packed[i] = device::LowerPair(device::PackFromZero(first, second, kTag), high, kTag);
        } else {
          packed[i] = device::Pack(first, second, kTag);
        }
      }
      device::StoreMatrix4Transposed(to + kPair * 2048, packed);
      MakeFrom<kEnd, kPair + 1>(to, sums);
    }
  }
  // From pair kFirst on, where four rows of x begin. `to`: where the lane's row of the first matrices goes.
  template <int kEnd, int kFirst = 0>
  __device__ __forceinline__ void Make(std::uint32_t to) {
    constexpr int kQuad = kStride == 1 ? kFirst / 2 : kFirst;
    static_assert(kStride == 2 || kFirst % 2 == 0);
    float sums[2][2][4];
    Load<kEnd, kQuad, 0>(), Load<kEnd, kQuad, 1>(), Load<kEnd, kQuad, 2>();
    Load<kEnd, kQuad + 1, 0>(), Load<kEnd, kQuad + 1, 1>(), Load<kEnd, kQuad + 1, 2>();
    Multiply<kEnd, kFirst, 0>(sums);
    Multiply<kEnd, kFirst, 1>(sums);
    MakeFrom<kEnd, kFirst>(to, sums);
  }
};

template <class T, int kStride, int kPitch, int kPairs>
__device__ __forceinline__ void MakeOperands(const Block& block, int warp, int lane) {
  const Plan& plan = block.plan;
  // A warp has one strip, and of every chunk one or two times 16 channels, or of every other one.
  constexpr int kStrips = kPitch / 8, kJobs = kSteps * kStrips,
                kEvery = kJobs < kMakers ? kMakers / kJobs : 1,
                kTimes = kJobs > kMakers ? kJobs / kMakers : 1;
  const int column = warp % kStrips, first_step = warp / kStrips % kSteps;

  Strip<T, kStride, kPitch> strip;
  const Selectors selectors(lane, kStride);
  strip.places = selectors.places, strip.high = plan.middle.high;
  // Lane 8i + j names column j of row i of four.
  const std::uint32_t x_ring = device::SharedAddress(block.x_ring);
  std::uint32_t from[3];
#pragma unroll
  for (int s = 0; s < 3; ++s) {
    const std::uint32_t pixel =
        static_cast<std::uint32_t>(lane / 8 * kPitch + column * 8 + lane % 8 + plan.tap_at[s]);
    from[s] =
        x_ring + pixel * kPixelBytes + (static_cast<std::uint32_t>(first_step * 32) ^ (pixel & 7u) * 16);
  }
  // Lane 8i + j names pixel j of the upper or lower row, 8 channels or the next 8.
  const std::uint32_t to =
      device::SharedAddress(block.a_ring) +
      static_cast<std::uint32_t>(column * kPairs * 2048 + lane / 8 % 2 * 1024 + lane % 8 * kPixelBytes +
                                 ((2 * first_step + lane / 16) ^ lane % 8) * 16);
  const std::uint32_t filter = x_ring + static_cast<std::uint32_t>(plan.stage_pixels * kPixelBytes +
                                                                   first_step * kStepBytes + lane / 4 * 8);

  RingAt in, out;
  const std::int32_t all = plan.rounds * plan.chunks;
  std::int32_t chunk = 0;  // of all rounds
  if constexpr (kEvery > 1) {
    chunk = warp / kJobs;
    in.Skip(chunk, plan.tile.inputs), out.Skip(chunk, plan.tile.operands);
  }
  // The first time on whatever lies in the last stage, while the first input is on its way: it fetches the
  // code. The last stage's input begins its way only when all warps have done so.
  bool rehearsal = true;
  while (chunk < all) {
    // In this order: since this slot is free, all chunks up to that which was there have been made.
    if (!rehearsal) device::WaitBarrier(block.a_free + out.slot, out.parity ^ 1);
    if (!rehearsal) device::WaitBarrier(block.x_filled + in.slot, in.parity);
    const std::int32_t from_slot = rehearsal ? plan.tile.inputs - 1 : in.slot;
    const std::uint32_t stage = static_cast<std::uint32_t>(from_slot * plan.input_bytes);
    const std::uint32_t slot = static_cast<std::uint32_t>(out.slot * plan.operand_bytes);
#pragma unroll 1
    for (int time = 0; time < kTimes; ++time) {
      const std::uint32_t words = filter + stage + static_cast<std::uint32_t>(time * 2 * kStepBytes);
#pragma unroll
      for (int i = 0; i < 6; ++i)
        strip.taps[i % 2][i / 2].SetWeights(selectors, device::LoadTwo(words + i * 64));
#pragma unroll
      for (int i = 0; i < 8; ++i) {
        if (i % 4 == 0) {
          strip.bias[i / 4][0] =
              __uint_as_float(device::LoadSharedWord(words + kStepTapBytes + i / 4 * 32 - lane / 4 * 4));
        }
        strip.bias[i / 4][i % 4] = strip.bias[i / 4][0];
      }
      // Two steps further on are 64 bytes further on, or back: units are flipped.
      const std::uint32_t flip = static_cast<std::uint32_t>(time * 64);
#pragma unroll
      for (int s = 0; s < 3; ++s) strip.from[s] = (from[s] + stage) ^ flip;
      strip.template Make<kPairs>((to + slot) ^ flip);
    }
    device::FenceAsyncProxy();
    __syncwarp();
    // Every lane says for itself that it has read: racecheck does not see that __syncwarp hands that over.
    if (rehearsal) {
      device::ArriveBarrier(block.rehearsed);
      rehearsal = false;
      continue;
    }
    device::ArriveBarrier(block.x_free + in.slot);
    if (lane == 0) device::ArriveBarrier(block.a_filled + out.slot);
    if constexpr (kEvery == 1) {
      in.Next(plan.tile.inputs), out.Next(plan.tile.operands);
    } else {
      in.Skip(kEvery, plan.tile.inputs), out.Skip(kEvery, plan.tile.operands);
    }
    chunk += kEvery;
  }
  if (rehearsal) device::ArriveBarrier(block.rehearsed);  // there was nothing to make
}

}  // namespace assay::dsconv::sparse

#endif
