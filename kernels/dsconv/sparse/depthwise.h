// The depthwise half by sparse products: the left operand of one holds, for 8 channels and two rows of outputs,
// one column of taps, three of 8 x 4 weights in a row, so at most one of any four neighbours; the right one is
// 8 pixels of each of four rows of x, 8 channels of each, as ldmatrix loads them. So three products make 8
// channels of 2 x 8 outputs. Going down a strip of 8 columns each row of x is loaded once for each column of
// taps: the two lower rows of one pair of outputs are the upper ones of the next.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/device/element.h"
#include "kernels/device/ptx/ldmatrix.h"
#include "kernels/device/ptx/mma_sparse.h"
#include "kernels/device/ptx/opaque.h"
#include "kernels/device/ptx/shared_load.h"
#include "kernels/device/ptx/wgmma.h"
#include "kernels/dsconv/sparse/block.h"
#include "kernels/dsconv/wide/clamp.h"

namespace assay::dsconv::sparse {

// Which two of four neighbours a row of the left operand stores: its channel is one of them.
__device__ __forceinline__ std::uint32_t PlacesOf(int channel) {
  const std::uint32_t at = static_cast<std::uint32_t>(channel % 4);
  return (at == 3 ? 0u | 3u << 2 : at | 3u << 2) * 0x11111111u;
}

// A column of taps of 8 channels, and the rows of x that it is multiplied by, at stride 1. Two pairs of rows
// lie in the four registers of one product's operand and take turns: so do the halves of the weights.
template <class T, bool kTurns>
struct Taps {
  std::uint32_t weights[4];  // zero in lanes that hold none
  std::uint32_t turned[4];
  std::uint32_t x[4];

  __device__ __forceinline__ void LoadWeights(bool holds, std::uint32_t from) {
    device::LoadFourIf(holds, from, weights);
    if constexpr (kTurns) device::LoadTurnedIf(holds, from, turned);
  }
  template <int kRow, int kRowBytes>
  __device__ __forceinline__ void LoadPair(std::uint32_t from) {
    std::uint32_t two[2];
    device::LoadMatrix2(two, from + kRow * kRowBytes);
    x[kRow % 4] = two[0], x[kRow % 4 + 1] = two[1];
  }
  template <int kPair>
  __device__ __forceinline__ void Multiply(float (&d)[4], const float (&c)[4], std::uint32_t places) const {
    if constexpr (kPair % 2 == 0) {
      device::MmaSparse16832From(d, c, weights, x, places, device::ElementTag<T>{});
    } else if constexpr (kTurns) {
      device::MmaSparse16832From(d, c, turned, x, places, device::ElementTag<T>{});
    } else {
      const std::uint32_t now[4] = {weights[2], weights[3], weights[0], weights[1]};
      device::MmaSparse16832From(d, c, now, x, places, device::ElementTag<T>{});
    }
  }
};

// The same by products of half the depth.
template <class T>
struct TapsOfTwo {
  std::uint32_t weights[4];
  std::uint32_t x[3][2];

  __device__ __forceinline__ void LoadWeights(bool holds, std::uint32_t from) {
    device::LoadFourIf(holds, from, weights);
  }
  template <int kRow, int kRowBytes>
  __device__ __forceinline__ void LoadPair(std::uint32_t from) {
    device::LoadMatrix2(x[kRow / 2 % 3], from + kRow * kRowBytes);
  }
  template <int kPair>
  __device__ __forceinline__ void Multiply(float (&d)[4], const float (&c)[4], std::uint32_t places) const {
    const auto &upper = x[kPair % 3], &lower = x[(kPair + 1) % 3];
    device::MmaSparse16816From(d, c, weights[0], weights[1], upper[0], upper[1], places, device::ElementTag<T>{});
    device::MmaSparse16816From(d, d, weights[2], weights[3], lower[0], lower[1], places, device::ElementTag<T>{});
  }
};

// At stride 2: four rows of x, and the first one of the next four.
template <class T>
struct TapsOfFour {
  std::uint32_t weights[4], last;
  std::uint32_t x[2][4];

  __device__ __forceinline__ void LoadWeights(bool holds, std::uint32_t from) {
    device::LoadFourIf(holds, from, weights);
  }
  template <int kRow, int kRowBytes>
  __device__ __forceinline__ void LoadFour(std::uint32_t from) {
    device::LoadMatrix4(x[kRow / 4 % 2], from + kRow * kRowBytes);
  }
  template <int kPair>
  __device__ __forceinline__ void Multiply(float (&d)[4], const float (&c)[4], std::uint32_t places) const {
    device::MmaSparse16832From(d, c, weights, x[kPair % 2], places, device::ElementTag<T>{});
    device::MmaSparse16816From(d, d, 0u, last, x[(kPair + 1) % 2][0], x[(kPair + 1) % 2][1], places,
                               device::ElementTag<T>{});
  }
};

enum class By { kTurning, kFour, kTwo };

template <class T, int kStride, By kBy>
struct TapsOf {
  using Type = Taps<T, kBy == By::kTurning>;
};
template <class T>
struct TapsOf<T, 1, By::kTwo> {
  using Type = TapsOfTwo<T>;
};
template <class T, By kBy>
struct TapsOf<T, 2, kBy> {
  using Type = TapsOfFour<T>;
};

// 16 channels of a strip of 8 columns.
template <class T, int kStride, int kPitch, int kPairs, By kBy, bool kFromZero>
struct Strip {
  typename TapsOf<T, kStride, kBy>::Type taps[2][3];  // of either 8 channels
  float bias[2][4];
  std::uint32_t places;

  // The rows of x that pair kPair needs and those above it have not loaded, for one column of taps.
  template <int kPair, int kColumn>
  __device__ __forceinline__ void Load(const std::uint32_t (&from)[3]) {
    constexpr int kRowBytes = kPitch * kPixelBytes;
    if constexpr (kPair < kPairs) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const std::uint32_t at = half == 0 ? from[kColumn] : from[kColumn] ^ 16;
        auto& of = taps[half][kColumn];
        if constexpr (kStride == 1) {
          if constexpr (kPair == 0) of.template LoadPair<0, kRowBytes>(at);
          of.template LoadPair<2 * kPair + 2, kRowBytes>(at);
        } else {
          if constexpr (kPair == 0) of.template LoadFour<0, kRowBytes>(at);
          of.template LoadFour<4 * kPair + 4, kRowBytes>(at);
        }
      }
    }
  }

  // Its products, and then the loads for the pair below, which take the place of what these have read.
  template <int kPair, int kColumn>
  __device__ __forceinline__ void Multiply(const std::uint32_t (&from)[3], float (&sums)[2][2][4]) {
    if constexpr (kPair < kPairs) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        auto& sum = sums[kPair % 2][half];
        taps[half][kColumn].template Multiply<kPair>(sum, kColumn == 0 ? bias[half] : sum, places);
      }
      Load<kPair + 1, kColumn>(from);
    }
  }

  // Products of one sum wait for each other: those of the pair below go between them.
  template <int kPair>
  __device__ __forceinline__ void Make(const wide::Clamp& clamp, const std::uint32_t (&from)[3], std::uint32_t to,
                                       float (&sums)[2][2][4]) {
    if constexpr (kPair < kPairs) {
      Multiply<kPair + 1, 0>(from, sums);
      Multiply<kPair, 2>(from, sums);
      Multiply<kPair + 1, 1>(from, sums);
      std::uint32_t packed[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const auto& sum = sums[kPair % 2][i / 2];
        const float first = sum[i % 2 * 2], second = sum[i % 2 * 2 + 1];
        if constexpr (kFromZero) {
          packed[i] = device::LowerPair(device::PackFromZero(first, second, device::ElementTag<T>{}), clamp.high,
                                        device::ElementTag<T>{});
        } else {
          packed[i] = wide::PackClamped<T>(clamp, first, second);
        }
      }
      device::StoreMatrix4Transposed(to + kPair * 2048, packed);
      Make<kPair + 1>(clamp, from, to, sums);
    }
  }
  __device__ __forceinline__ void MakeAll(const wide::Clamp& clamp, const std::uint32_t (&from)[3], std::uint32_t to) {
    float sums[2][2][4];
    Load<0, 0>(from), Load<0, 1>(from), Load<0, 2>(from);
    Multiply<0, 0>(from, sums);
    Multiply<0, 1>(from, sums);
    Make<0>(clamp, from, to, sums);
  }
};

template <class T, int kStride, int kPitch, int kPairs, int kMakers, By kBy>
__device__ __forceinline__ void MakeOperands(const Block& block, int warp, int lane) {
  const Plan& plan = block.plan;
  const std::int32_t strips = plan.strips;
  const int g = lane / 4, t = lane % 4;
  const bool holds = t % 2 == g / 4;
  Strip<T, kStride, kPitch, kPairs, kBy, true> strip;
  strip.places = PlacesOf(g);
#pragma unroll
  for (int i = 0; i < 24; ++i) {
    strip.taps[i / 12][i / 4 % 3].weights[i % 4] = 0;
    if constexpr (kStride == 1 && kBy == By::kTurning) strip.taps[i / 12][i / 4 % 3].turned[i % 4] = 0;
  }
  if constexpr (kStride == 2) {
#pragma unroll
    for (int i = 0; i < 6; ++i) strip.taps[i / 3][i % 3].last = 0;
  }

  // Lane 8i + j names column j of row i of two or four.
  const std::int32_t pixel = lane / 8 % (2 * kStride) * kPitch + lane % 8;
  const std::uint32_t x_ring = device::SharedAddress(block.x_ring);
  const std::uint32_t x_lane = x_ring + static_cast<std::uint32_t>(pixel * kPixelBytes);
  const std::uint32_t a_lane = device::SharedAddress(block.a_ring) +
                               static_cast<std::uint32_t>(lane / 8 % 2 * 1024 + lane % 8 * kPixelBytes);

  RingAt in, out;
  std::int32_t job = warp;
  const std::int32_t all = plan.rounds * plan.chunks;
#ifdef STAMPS
  long long waits_x = 0, waits_a = 0, first_x = 0, work = 0, jobs_done = 0;
#define NOW() clock64()
#endif
  std::int32_t chunk = 0;  // of all rounds
  while (true) {
    while (job >= plan.jobs) {
      job -= plan.jobs, ++chunk;
      in.Next(plan.tile.inputs), out.Next(plan.tile.operands);
    }
    if (chunk >= all) break;
    const std::int32_t step = job / strips, column = job - step * strips;
    const std::uint32_t stage = static_cast<std::uint32_t>(in.slot * plan.input_bytes);
#ifdef STAMPS
    long long s2 = NOW();
#endif
    device::WaitBarrier(block.a_free + out.slot, out.parity ^ 1);
#ifdef STAMPS
    long long s3 = NOW(); waits_a += s3 - s2;
#endif
#ifdef STAMPS
    long long s0 = NOW();
#endif
    device::WaitBarrier(block.x_filled + in.slot, in.parity);
#ifdef STAMPS
    long long s1 = NOW(); waits_x += s1 - s0; if (first_x == 0) first_x = s1;
#endif
    const std::uint32_t filter =
        x_ring + stage +
        static_cast<std::uint32_t>(plan.stage_pixels * kPixelBytes + step * StepBytes(kStride));
#pragma unroll
    for (int i = 0; i < 6; ++i) {
      strip.taps[i % 2][i / 2].LoadWeights(
          holds, filter + static_cast<std::uint32_t>(i * 256 + (g * 2 + t / 2) * 16));
      if constexpr (kStride == 2) {
        // The lower of two rows of outputs has one tap in the first of the next four rows of x.
        if (holds && t < 2) {
          strip.taps[i % 2][i / 2].last =
              device::LoadSharedWord(filter + static_cast<std::uint32_t>(kStepFilterBytes + 256 + i * 32 + g * 4));
        }
      }
    }
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const uint4 four = device::LoadFour(filter + static_cast<std::uint32_t>(kStepFilterBytes + half * 128 + g * 16));
      strip.bias[half][0] = __uint_as_float(four.x), strip.bias[half][1] = __uint_as_float(four.y);
      strip.bias[half][2] = __uint_as_float(four.z), strip.bias[half][3] = __uint_as_float(four.w);
    }
    std::uint32_t from[3];
    const std::int32_t of_lane = device::Opaque(lane);
#pragma unroll
    for (int s = 0; s < 3; ++s) {
      const std::int32_t tap = plan.tap_at[s];
      from[s] = x_lane + stage + static_cast<std::uint32_t>((column * 8 + tap) * kPixelBytes) +
                (static_cast<std::uint32_t>(step * 32) ^ (static_cast<std::uint32_t>(of_lane + tap) & 7u) * 16);
    }
    const std::uint32_t to =
        a_lane + static_cast<std::uint32_t>(out.slot * plan.operand_bytes + column * kPairs * 2048 +
                                            ((2 * step + (of_lane >> 4)) ^ (of_lane & 7)) * 16);
#ifndef NO_DW
    strip.MakeAll(plan.middle, from, to);
#endif
    device::FenceAsyncProxy();
    __syncwarp();
    if (lane == 0) {
      device::ArriveBarrier(block.x_free + in.slot);
      device::ArriveBarrier(block.a_filled + out.slot);
    }
#ifdef STAMPS
    work += NOW() - s1; ++jobs_done;
#endif
    job += kMakers;
  }
#ifdef STAMPS
  if (warp == 0 && lane == 0) { g_stamps[blockIdx.x][50] = first_x; g_stamps[blockIdx.x][51] = waits_x; g_stamps[blockIdx.x][52] = waits_a; g_stamps[blockIdx.x][53] = work; g_stamps[blockIdx.x][54] = jobs_done; g_stamps[blockIdx.x][55] = NOW(); }
#endif
}

}  // namespace assay::dsconv::sparse

#endif
