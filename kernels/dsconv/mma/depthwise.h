// The depthwise half on matrix units: 8 channels of 16 pixels times a diagonal matrix of 8 weights is one
// tap, and two taps, one below the other, fill the 16 x 16 operand of one product. The pixels come straight
// from the input tile, at the taps' offsets, and the sums end up as the operand that the pointwise product
// wants, in registers. A zero of the diagonal matrix times an infinity is NaN, in the seven neighbours of
// that channel: see special.h for what becomes of it.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/activation.h"
#include "kernels/device/ptx/mma.h"
#include "kernels/device/ptx/pair.h"
#include "kernels/device/ptx/shared_load.h"
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

// Where a warp's patch of pixels begins within its block's.
struct WarpIn {
  std::int32_t image, row, column;
};

template <int kRows>
__device__ __forceinline__ WarpIn PlaceOfPatch(const Plan& plan, std::int32_t patch) {
  return {patch / (plan.warps_p * plan.warps_q), patch / plan.warps_q % plan.warps_p * 2 * kRows,
          patch % plan.warps_q * kColumns};
}

// Square filters of a size known at compile time, without dilation, and a clamp after them. Product j
// computes output rows j and j + kRows; the halves of its operands are input rows h and h + kRows * kStride,
// 8 pixels x 8 channels each: a pair. Pairs 2m and 2m + 1 are loaded by one instruction into the registers of
// one operand, two taps for a row of outputs that begins there. Of the odd number of taps one is left, a
// product of half the depth: the last one, or the first where a row of outputs begins with the second pair of
// an operand.
template <class T, int kSize, int kStride, int kRows>
struct FixedWindow {
  static_assert(kSize % 2 == 1 && (kStride == 1 || kStride == 2));
  static constexpr bool kOnlyClamps = true;
  static constexpr int kPairs = kStride * (kRows - 1) + kSize, kQuads = (kPairs + 1) / 2;
  static constexpr int kLoads = WordsOfColumn(kSize) / 4;

  // Where the first unit of lane 8 i + j is, column j of the warp's pixels in matrix i of a quad, for each
  // column of taps, of the first two quads, in the present stage. Those of the third quad and so on are whole
  // rows further and, since rows are even, swizzled like these.
  device::SharedPlace place[2][kSize];
  std::int32_t four_rows;  // bytes
  std::int32_t word;       // of the lane's weights
  bool holds;              // lane 4g + t holds rows 2t and 2t + 1 of column g of a diagonal matrix
  // Of one column of taps, for either half of the channels; zero in lanes that hold nothing, whatever is
  // loaded.
  std::uint32_t weights[2][kLoads][4];

  __device__ __forceinline__ void Init(const Shape&, const Plan& plan, device::SharedPlace from,
                                       const WarpIn& warp, int lane) {
#pragma unroll
    for (int i = 0; i < 2 * kSize; ++i) {
      // Outputs beyond the image take what is there.
      const int row = min(warp.row * kStride + i / kSize * 2 + lane / 16 + lane / 8 % 2 * kRows * kStride,
                          plan.halo_rows - 1);
      const int column = min((warp.column + lane % 8) * kStride + i % kSize, plan.halo_columns - 1);
      const int pixel = (warp.image * plan.halo_rows + row) * plan.halo_columns + column;
      place[i / kSize][i % kSize] = from + UnitOffset(plan.chunk, pixel);
    }
    holds = lane % 4 == lane / 8;
    word = lane / 4 * 16;
#pragma unroll
    for (int i = 0; i < 8 * kLoads; ++i) weights[i / (4 * kLoads)][i / 4 % kLoads][i % 4] = 0;
  }

  // A chunk of `width` channels begins, `bytes` further than the one before; stages begin where swizzling
  // does, so that units are found by flipping bits of addresses.
  __device__ __forceinline__ void Enter(const Plan& plan, device::SharedPlace, std::int32_t bytes,
                                        std::int32_t width) {
#pragma unroll
    for (int i = 0; i < 2 * kSize; ++i) place[i / kSize][i % kSize] += bytes;
    four_rows = plan.halo_columns * width * 8;
  }

  // The same units where a pixel of the present stage has `to` channels in place of `from`.
  __device__ __forceinline__ void Widen(device::SharedPlace stage, std::int32_t from, std::int32_t to) {
    const int pixel_bits = from == 64 ? 7 : (from == 32 ? 6 : 5);  // from bytes
#pragma unroll
    for (int i = 0; i < 2 * kSize; ++i) {
      device::SharedPlace& unit = place[i / kSize][i % kSize];
      unit = stage + UnitOffset(to, static_cast<std::int32_t>(unit - stage) >> pixel_bits);
    }
  }

  // The sums of 2 kRows x 8 pixels and kHalves times 8 channels, from unit `unit` of the chunk on; `words` of
  // these channels.
  template <int kHalves>
  __device__ __forceinline__ void Sum(const Shape&, const Plan& plan, device::SharedPlace words,
                                      std::int32_t unit, int lane, float (&sums)[kHalves][kRows][4]) {
    float biases[kHalves][4];
#pragma unroll
    for (int half = 0; half < kHalves; ++half) {
      const uint4 four = device::LoadFour(words + (half * (plan.depthwise_bytes / 2) + lane % 4 * 16));
      biases[half][0] = __uint_as_float(four.x), biases[half][1] = __uint_as_float(four.y);
      biases[half][2] = __uint_as_float(four.z), biases[half][3] = __uint_as_float(four.w);
    }
#pragma unroll
    for (int s = 0; s < kSize; ++s) {
      std::uint32_t x[kHalves][kQuads][4];
#pragma unroll
      for (int half = 0; half < kHalves; ++half) {
        const device::SharedPlace from = words + (half * (plan.depthwise_bytes / 2) + kBiasBytes + word);
#pragma unroll
        for (int i = 0; i < kLoads; ++i) {
          device::LoadFourIf(holds, from + (s * kLoads + i) * 128, weights[half][i]);
        }
        LoadColumn(s, (unit + half) * 16, x[half]);
      }
      AddColumn(x, s == 0, biases, sums);
    }
  }

 private:
  __device__ __forceinline__ void LoadColumn(int s, std::int32_t bytes, std::uint32_t (&x)[kQuads][4]) const {
#pragma unroll
    for (int m = 0; m < kQuads; ++m) {
      const device::SharedPlace from = device::Flip(place[m % 2][s], bytes) + m / 2 * four_rows;
      if (2 * m + 1 < kPairs) {
        device::LoadMatrix4(x[m], from);
      } else {
        std::uint32_t pair[2];  // there may be no further row
        device::LoadMatrix2(pair, from);
        x[m][0] = pair[0], x[m][1] = pair[1];
      }
    }
  }

  // All products of one column of taps, those of one sum as far apart as there are others.
  template <int kHalves>
  __device__ __forceinline__ void AddColumn(const std::uint32_t (&x)[kHalves][kQuads][4], bool first,
                                            const float (&biases)[kHalves][4],
                                            float (&sums)[kHalves][kRows][4]) const {
#pragma unroll
    for (int i = 0; i < kSize / 2 + 1; ++i) {
#pragma unroll
      for (int half = 0; half < kHalves; ++half) {
#pragma unroll
        for (int j = 0; j < kRows; ++j) {
          float(&sum)[4] = sums[half][j];
          if (first && i == 0) {
            AddTaps(x[half], i, kStride * j, weights[half], biases[half], sum);
          } else {
            AddTaps(x[half], i, kStride * j, weights[half], sum, sum);
          }
        }
      }
    }
  }

  // Two taps, or the one that is left, of the row of outputs that begins with pair `pair`.
  static __device__ __forceinline__ void AddTaps(const std::uint32_t (&x)[kQuads][4], int i, int pair,
                                                 const std::uint32_t (&w)[kLoads][4], const float (&from)[4],
                                                 float (&sum)[4]) {
    constexpr device::ElementTag<T> kTag;
    const std::uint32_t(&operand)[4] = x[pair / 2 + i];
    const auto word = [&](int n) { return w[n / 4][n % 4]; };
    if (pair % 2 == 0 && i < kSize / 2) {
      device::Mma16816From(sum, from, operand, word(2 * i), word(2 * i + 1), kTag);
    } else if (pair % 2 == 0) {
      device::Mma1688From(sum, from, {operand[0], operand[1]}, word(4 * kLoads - 1), kTag);
    } else if (i == 0) {
      device::Mma1688From(sum, from, {operand[2], operand[3]}, word(0), kTag);
    } else {
      device::Mma16816From(sum, from, operand, word(kSize - 3 + 2 * i), word(kSize - 2 + 2 * i), kTag);
    }
  }
};

// Any filter, stride and dilation: every pair of taps of every pair of output rows loads its own operand.
template <class T, int kRows>
struct AnyWindow {
  static constexpr bool kOnlyClamps = false;
  WarpIn warp;
  bool holds;
  device::SharedPlace tile;
  std::int32_t width;

  __device__ __forceinline__ void Init(const Shape&, const Plan&, device::SharedPlace, const WarpIn& at,
                                       int lane) {
    warp = at;
    holds = lane % 4 == lane / 8;
  }

  __device__ __forceinline__ void Enter(const Plan&, device::SharedPlace stage, std::int32_t,
                                        std::int32_t channels) {
    tile = stage, width = channels;
  }
  __device__ __forceinline__ void Widen(device::SharedPlace, std::int32_t, std::int32_t) {}

  template <int kHalves>
  __device__ __forceinline__ void Sum(const Shape& shape, const Plan& plan, device::SharedPlace words,
                                      std::int32_t unit, int lane, float (&sums)[kHalves][kRows][4]) {
    const std::int32_t taps = shape.r * shape.s;
#pragma unroll
    for (int half = 0; half < kHalves; ++half) {
      const device::SharedPlace from = words + half * (plan.depthwise_bytes / 2);
      const uint4 bias = device::LoadFour(from + lane % 4 * 16);
#pragma unroll
      for (int j = 0; j < kRows; ++j) {
        sums[half][j][0] = __uint_as_float(bias.x), sums[half][j][1] = __uint_as_float(bias.y);
        sums[half][j][2] = __uint_as_float(bias.z), sums[half][j][3] = __uint_as_float(bias.w);
      }
      for (std::int32_t tap = 0; tap < taps; tap += 2) {
        // With an odd number of taps the last one is loaded twice; its second weight is zero.
        const std::int32_t mine = min(tap + lane / 16, taps - 1);
        const std::int32_t row = warp.image * plan.halo_rows +
                                 (warp.row + lane / 8 % 2 * kRows) * shape.stride_h +
                                 mine / shape.s * shape.dilation_h;
        const std::int32_t column =
            (warp.column + lane % 8) * shape.stride_w + mine % shape.s * shape.dilation_w;
        uint2 w = make_uint2(0, 0);
        if (holds) w = device::LoadTwo(from + (kBiasBytes + (lane / 4 * plan.taps_padded + tap) * 4));
#pragma unroll
        for (int j = 0; j < kRows; ++j) {
          std::uint32_t both[4];
          const std::int32_t at = UnitOffset(width, (row + j * shape.stride_h) * plan.halo_columns + column);
          device::LoadMatrix4(both, tile + (at ^ (unit + half) * 16));
          device::Mma16816(sums[half][j], both, w.x, w.y, device::ElementTag<T>{});
        }
      }
    }
  }
};

// The depthwise half of 16 channels, number `step` of the chunk, of all pixels of a warp, rounded into A
// fragments; `words` are their weights. kHalves of the two times 8 channels are summed at once: products of
// one sum wait for each other, and few rows alone are too few to keep the matrix units busy.
template <class T, int kHalves, int kRows, class Window>
__device__ __forceinline__ void Depthwise(const Shape& shape, const Plan& plan, const Clamping& middle,
                                          Window& window, device::SharedPlace words, std::int32_t step,
                                          int lane, std::uint32_t (&a)[kRows][4]) {
#pragma unroll
  for (int first = 0; first < 2; first += kHalves) {
    float sums[kHalves][kRows][4];
    window.Sum(shape, plan, words + first * (plan.depthwise_bytes / 2), 2 * step + first, lane, sums);
#pragma unroll
    for (int i = 0; i < kHalves; ++i) {
      const int half = first + i;
#pragma unroll
      for (int j = 0; j < kRows; ++j) {
        if constexpr (!Window::kOnlyClamps) ActivateUnlessClamp(middle, sums[i][j]);
        a[j][2 * half] = PackClamped<T>(middle, sums[i][j][0], sums[i][j][1]);
        a[j][2 * half + 1] = PackClamped<T>(middle, sums[i][j][2], sums[i][j][3]);
      }
    }
  }
}

}  // namespace assay::dsconv::mma
