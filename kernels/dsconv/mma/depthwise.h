// The depthwise half on matrix units: 8 channels of 16 pixels times a diagonal matrix of 8 weights is one
// tap. Two taps make the 16 x 16 operand of one product; their pixels come straight from the input tile, at
// the taps' offsets, and the sums end up as the operand that the pointwise product wants, in registers. A
// zero of the diagonal matrix times an infinity is NaN, in the seven neighbours of that channel: see
// special.h for what becomes of it.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/activation.h"
#include "kernels/device/ptx/ldmatrix.h"
#include "kernels/device/ptx/mma.h"
#include "kernels/device/ptx/pair.h"
#include "kernels/device/vector.h"
#include "kernels/dsconv/mma/plan.h"
#include "kernels/dsconv/shape.h"

namespace assay::dsconv::mma {

// An activation; where it is a clamp, with its bounds, each twice in a pair; else with infinite ones. A clamp
// and the rounding to T may change places: the bounds are numbers of every T.
struct Clamping {
  device::Activation activation;
  bool clamps;
  std::uint32_t low, high;
};

template <class T>
__device__ __forceinline__ Clamping ClampingOf(device::Activation activation) {
  const bool none = activation == device::Activation::kNone, six = activation == device::Activation::kRelu6;
  const bool from_zero = six || activation == device::Activation::kRelu;
  const float low = from_zero ? 0.0f : -INFINITY, high = six ? 6.0f : INFINITY;
  return {activation, none || from_zero, device::Pack(low, low, device::ElementTag<T>{}),
          device::Pack(high, high, device::ElementTag<T>{})};
}

// Activations with an exponential or a division, out of the way of the code that is run for others: unrolled
// with it they make a kernel larger than the instruction caches.
__device__ __attribute__((noinline)) inline float4 ActivateFour(device::Activation activation, float4 z) {
  return make_float4(device::Activate(activation, z.x), device::Activate(activation, z.y),
                     device::Activate(activation, z.z), device::Activate(activation, z.w));
}

// Clamps are left for PackClamped.
__device__ __forceinline__ void ActivateUnlessClamp(const Clamping& activation, float (&values)[4]) {
  if (activation.clamps) return;
  const float4 four =
      ActivateFour(activation.activation, make_float4(values[0], values[1], values[2], values[3]));
  values[0] = four.x, values[1] = four.y, values[2] = four.z, values[3] = four.w;
}

template <class T>
__device__ __forceinline__ std::uint32_t PackClamped(const Clamping& activation, float first, float second) {
  return device::ClampPair(device::Pack(first, second, device::ElementTag<T>{}), activation.low,
                           activation.high, device::ElementTag<T>{});
}

// The lane's entries of the diagonal matrices of 8 channels: lane 4g + t holds rows 2t and 2t + 1 of column
// g.
template <int kTaps>
__device__ __forceinline__ void LoadDiagonals(const char* words, int lane,
                                              std::uint32_t (&diagonals)[kTaps]) {
  constexpr int kPadded = (kTaps + 3) / 4 * 4;
  const bool holds = lane % 4 == lane / 8;
  const char* from = words + lane / 4 * kPadded * 4;
#pragma unroll
  for (int i = 0; i < kPadded / 4; ++i) {
    const uint4 four = holds ? device::LoadUint4(from + 16 * i) : make_uint4(0, 0, 0, 0);
    const std::uint32_t values[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      if (4 * i + j < kTaps) diagonals[4 * i + j] = values[j];
    }
  }
}

// Where a warp's pixels begin within its block's.
struct WarpIn {
  std::int32_t image, row, column;
  std::int32_t halo_row;  // of the input tile, that of all images one below the other
};

template <int kRows>
__device__ __forceinline__ WarpIn PlaceOfWarp(const Shape& shape, const Plan& plan, int warp) {
  WarpIn at;
  at.image = warp / (plan.warps_p * plan.warps_q);
  at.row = warp / plan.warps_q % plan.warps_p * 2 * kRows, at.column = warp % plan.warps_q * kColumns;
  at.halo_row = at.image * plan.halo_rows + at.row * shape.stride_h;
  return at;
}

// Square filters of a size known at compile time, without dilation. Halves of operands, 8 pixels x 8 channels
// at input row h and tap column s, are loaded once each; two of them that are one row of outputs apart make
// an operand. They are loaded in an order that makes most operands neighbouring registers.
template <class T, int kSize, int kStride, int kRows>
struct FixedWindow {
  static constexpr int kTaps = kSize * kSize;
  static constexpr int kInputRows = (2 * kRows - 1) * kStride + kSize;
  static_assert(kStride == 1 || kStride == 2, "RowOf knows no other stride");

  static constexpr int kGroups = (kInputRows + 3) / 4;

  // UnitOffset of lane 8 i + j: column j of the warp's pixels, RowOf(i) input rows down in each four; rows
  // beyond the tile are its last one.
  std::int32_t at[kGroups][kSize];

  __device__ __forceinline__ void Init(const Shape&, const Plan& plan, const WarpIn& warp, int lane) {
#pragma unroll
    for (int i = 0; i < kGroups * kSize; ++i) {
      const int row = min(i / kSize * 4 + RowOf(lane / 8), kInputRows - 1);
      at[i / kSize][i % kSize] = UnitOffset(
          plan, PlaceOf(plan, warp.halo_row + row, (warp.column + lane % 8) * kStride + i % kSize));
    }
  }

  // Adds 8 channels of 2 kRows x 8 pixels to `sums`: four for a pair of rows, in the order of a D fragment.
  __device__ __forceinline__ void Add(const Shape&, const Plan&, const char* tile, const char* words,
                                      std::int32_t unit, int lane, float (&sums)[kRows][4]) const {
    std::uint32_t w[kTaps];
    LoadDiagonals<kTaps>(words, lane, w);
    std::uint32_t x[kInputRows + 3][kSize];
#pragma unroll
    for (int j = 0; j < kRows; ++j) {
      // Rows that earlier pairs did not need.
      constexpr int kReach = kStride + kSize;
      const int have = j == 0 ? 0 : RoundUpTo4(2 * (j - 1) * kStride + kReach);
#pragma unroll
      for (int h = have; h < RoundUpTo4(2 * j * kStride + kReach) && h < kInputRows; h += 4) {
#pragma unroll
        for (int s = 0; s < kSize; ++s) {
          std::uint32_t four[4];
          device::LoadMatrix4(four, tile + (at[h / 4][s] ^ unit << 4));
#pragma unroll
          for (int i = 0; i < 4; ++i) x[h + RowOf(i)][s] = four[i];
        }
      }
#pragma unroll
      for (int tap = 0; tap < kTaps; ++tap) {
        const int h = 2 * j * kStride + tap / kSize;
        const std::uint32_t a[2] = {x[h][tap % kSize], x[h + kStride][tap % kSize]};
        device::Mma1688(sums[j], a, w[tap], device::ElementTag<T>{});
      }
    }
  }

 private:
  static constexpr __device__ __forceinline__ int RoundUpTo4(int value) { return (value + 3) / 4 * 4; }
  static constexpr __device__ __forceinline__ int RowOf(int i) {
    return kStride == 2 && (i == 1 || i == 2) ? 3 - i : i;
  }
};

// Any filter, stride and dilation: every pair of taps of every pair of output rows loads its own operand.
template <class T, int kRows>
struct AnyWindow {
  WarpIn warp;

  __device__ __forceinline__ void Init(const Shape&, const Plan&, const WarpIn& at, int) { warp = at; }

  __device__ __forceinline__ void Add(const Shape& shape, const Plan& plan, const char* tile,
                                      const char* words, std::int32_t unit, int lane,
                                      float (&sums)[kRows][4]) const {
    const bool holds = lane % 4 == lane / 8;
    const std::int32_t taps = shape.r * shape.s;
    for (std::int32_t tap = 0; tap < taps; tap += 2) {
      // With an odd number of taps the last one is loaded twice; its second weight is zero.
      const std::int32_t mine = min(tap + lane / 16, taps - 1);
      const std::int32_t row =
          warp.halo_row + lane / 8 % 2 * shape.stride_h + mine / shape.s * shape.dilation_h;
      const std::int32_t column =
          (warp.column + lane % 8) * shape.stride_w + mine % shape.s * shape.dilation_w;
      uint2 w = make_uint2(0, 0);
      if (holds) w = device::LoadUint2(words + (lane / 4 * plan.taps_padded + tap) * 4);
#pragma unroll
      for (int j = 0; j < kRows; ++j) {
        std::uint32_t both[4];
        const std::int32_t at = UnitOffset(plan, PlaceOf(plan, row + 2 * j * shape.stride_h, column));
        device::LoadMatrix4(both, tile + (at ^ unit << 4));
        device::Mma16816(sums[j], both, w.x, w.y, device::ElementTag<T>{});
      }
    }
  }
};

// The depthwise half of 16 channels, from `step` on, of all pixels of a warp, rounded into A fragments.
template <class T, int kRows, class Window>
__device__ __forceinline__ void Depthwise(const Shape& shape, const Plan& plan, const Clamping& middle,
                                          const Window& window, const char* tile, const char* weights,
                                          std::int32_t step, int lane, std::uint32_t (&a)[kRows][4]) {
  const char* biases = weights + plan.chunk * plan.taps_padded * 4;
  float sums[2][kRows][4];
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const std::int32_t unit = 2 * step + half;
    const uint2 bits = device::LoadUint2(biases + (unit * 8 + lane % 4 * 2) * 4);
    const float first = __uint_as_float(bits.x), second = __uint_as_float(bits.y);
#pragma unroll
    for (int j = 0; j < kRows; ++j) {
      sums[half][j][0] = sums[half][j][2] = first;
      sums[half][j][1] = sums[half][j][3] = second;
    }
    window.Add(shape, plan, tile, weights + unit * 8 * plan.taps_padded * 4, unit, lane, sums[half]);
  }
  if (!middle.clamps) {
#pragma unroll
    for (int j = 0; j < kRows; ++j) {
      ActivateUnlessClamp(middle, sums[0][j]);
      ActivateUnlessClamp(middle, sums[1][j]);
    }
  }
#pragma unroll
  for (int j = 0; j < kRows; ++j) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      a[j][i] = PackClamped<T>(middle, sums[i / 2][j][i % 2 * 2], sums[i / 2][j][i % 2 * 2 + 1]);
    }
  }
}

}  // namespace assay::dsconv::mma
