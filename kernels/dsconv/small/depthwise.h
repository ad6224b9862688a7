// The depthwise half of a slice of 32 channels on matrix units, from shared memory into A fragments. Two taps
// of 8 channels of 16 pixels times two diagonal matrices of 8 weights are one product; the sums are, rounded,
// the operand of the pointwise products. A zero of a diagonal matrix times an infinity is NaN in the seven
// neighbours of that channel: see special.h for what becomes of it.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/element.h"
#include "kernels/device/ptx/ldmatrix.h"
#include "kernels/device/ptx/mma.h"
#include "kernels/device/ptx/pair.h"
#include "kernels/device/vector.h"
#include "kernels/dsconv/mma/depthwise.h"
#include "kernels/dsconv/small/plan.h"

namespace assay::dsconv::small {

// A lane's part of the diagonal matrices of 8 channels: with g = lane / 4 it holds rows 2t and 2t + 1 of
// column g, so the weight of channel g if t = g / 2, in the lower half if g is even.
struct Diagonal {
  std::uint32_t lower, upper;  // byte selectors: of a word of two taps' weights

  __device__ __forceinline__ explicit Diagonal(int lane) {
    const int g = lane / 4;
    const bool holds = lane % 4 == g / 2, even = g % 2 == 0;
    // Bytes 4 to 7 are zero.
    lower = !holds ? 0x4444u : (even ? 0x4410u : 0x1044u);
    upper = !holds ? 0x4444u : (even ? 0x4432u : 0x3244u);
  }
  __device__ __forceinline__ uint2 Of(std::uint32_t word) const {
    return make_uint2(__byte_perm(word, 0, lower), __byte_perm(word, 0, upper));
  }
};

__device__ __forceinline__ std::uint32_t LoadWord(const char* from) {
  return *reinterpret_cast<const std::uint32_t*>(from);
}

// Where the windows of a warp's pixels lie in an input tile, as ldmatrix wants to know it: lane 8i + j names
// rows of matrices of strip j. Addresses have their unit in bits that a stage's address does not set.
template <class T, Filter kFilter>
struct Window {
  static constexpr bool kTwo = kFilter == Filter::k3x3Stride2;
  static constexpr int kLoads = kTwo ? 4 : 3;

  // Lane 8i + j: input row i of the strip (stride 2: 0, 2, 1, 3) at columns 0, 1, 2; stride 2: then row 4, at
  // column i.
  std::int32_t at[kLoads];

  __device__ __forceinline__ void Init(const Plan& plan, std::int32_t row, std::int32_t column, int lane) {
    constexpr int kStride = kTwo ? 2 : 1;
    const int i = lane / 8, mine = kTwo && (i == 1 || i == 2) ? 3 - i : i;
#pragma unroll
    for (int s = 0; s < 3; ++s) {
      at[s] = UnitOffset(PlaceOf<kFilter>(plan, row * kStride + mine, column * kStride + s));
    }
    if constexpr (kTwo) {
      at[3] = UnitOffset(PlaceOf<kFilter>(plan, row * kStride + 4, column * kStride + min(i, 2)));
    }
  }

  // Of the lane's channel of a unit: words 0 to 3 of each channel, then word 4 of each.
  __device__ __forceinline__ static void LoadDiagonals(const Diagonal& diagonal, const char* weights,
                                                       int channel, uint2 (&w)[5]) {
    const uint4 four = device::LoadUint4(weights + channel * 16);
    w[0] = diagonal.Of(four.x), w[1] = diagonal.Of(four.y), w[2] = diagonal.Of(four.z);
    w[3] = diagonal.Of(four.w);
    w[4] = diagonal.Of(LoadWord(weights + kSlice * 16 + channel * 4));
  }

  // The sums of 8 channels of a matrix's pixels.
  __device__ __forceinline__ void Sum(const char* tile, std::int32_t unit, const uint2 (&w)[5],
                                      float (&sums)[4]) const {
    std::uint32_t x[kLoads][4];
#pragma unroll
    for (int s = 0; s < kLoads; ++s) device::LoadMatrix4(x[s], tile + (at[s] ^ unit << 4));
    // Two taps of a column are four matrices as they were loaded; of the third tap both outputs' matrices are
    // input rows 1 and 2, or 2 and 4. The bias is a tap of ones.
    std::uint32_t rest[3][2];
    sums[0] = sums[1] = sums[2] = sums[3] = 0.0f;
#pragma unroll
    for (int s = 0; s < 3; ++s) {
      device::Mma16816(sums, x[s], w[s].x, w[s].y, device::ElementTag<T>{});
      rest[s][0] = x[s][1], rest[s][1] = kTwo ? x[kLoads - 1][s] : x[s][2];
    }
    const std::uint32_t ones = device::Pack(1.0f, 1.0f, device::ElementTag<T>{});
    const std::uint32_t two[4] = {rest[0][0], rest[0][1], rest[1][0], rest[1][1]};
    const std::uint32_t last[4] = {rest[2][0], rest[2][1], ones, ones};
    device::Mma16816(sums, two, w[3].x, w[3].y, device::ElementTag<T>{});
    device::Mma16816(sums, last, w[4].x, w[4].y, device::ElementTag<T>{});
  }
};

// Any filter, stride and dilation: lane 8i + j names, of two taps in turn, tap i / 2 and the strip's pixel
// i % 2.
template <class T>
struct Window<T, Filter::kAny> {
  std::int32_t row, column;  // of the input

  __device__ __forceinline__ void Init(const Plan& plan, std::int32_t p, std::int32_t q, int lane) {
    row = (p + lane / 8 % 2) * plan.stride_h, column = q * plan.stride_w;
  }

  __device__ __forceinline__ std::int32_t Offset(const Plan& plan, std::int32_t word, int lane) const {
    // With an odd number of taps the last one is loaded twice; its second weight is zero.
    const std::int32_t tap = min(2 * word + lane / 16, plan.taps_h * plan.taps_w - 1);
    const std::int32_t r = tap / plan.taps_w, s = tap - r * plan.taps_w;
    return UnitOffset(PlaceOf<Filter::kAny>(plan, row + r * plan.dilation_h, column + s * plan.dilation_w));
  }
};

// The sums of a unit of any filter, which begin as its biases.
template <class T, int kMatrices>
__device__ __forceinline__ void SumAnyTaps(const Plan& plan, const Diagonal& diagonal,
                                           const Window<T, Filter::kAny> (&windows)[kMatrices],
                                           const char* tile, const char* weights, std::int32_t unit, int lane,
                                           float (&sums)[kMatrices][4]) {
  const std::int32_t words = DivideUp(plan.taps_h * plan.taps_w, 2);
  const std::uint32_t biases = LoadWord(weights + words * kSlice * 4 + unit * 16 + lane % 4 * 4);
#pragma unroll
  for (int m = 0; m < kMatrices; ++m) {
    sums[m][0] = sums[m][2] = device::ToFloat(device::FromBits<T>(static_cast<std::uint16_t>(biases)));
    sums[m][1] = sums[m][3] = device::ToFloat(device::FromBits<T>(static_cast<std::uint16_t>(biases >> 16)));
  }
#pragma unroll 1
  for (std::int32_t word = 0; word < words; ++word) {
    const uint2 w = diagonal.Of(LoadWord(weights + (word * kSlice + unit * 8 + lane / 4) * 4));
#pragma unroll
    for (int m = 0; m < kMatrices; ++m) {
      std::uint32_t x[4];
      device::LoadMatrix4(x, tile + (windows[m].Offset(plan, word, lane) ^ unit << 4));
      device::Mma16816(sums[m], x, w.x, w.y, device::ElementTag<T>{});
    }
  }
}

// A fragments of 16 channels, units 2 step and 2 step + 1 of a slice. `weights` are those of the slice.
template <class T, Filter kFilter, int kMatrices>
__device__ __forceinline__ void Depthwise(const Plan& plan, const mma::Clamping& middle,
                                          const Diagonal& diagonal,
                                          const Window<T, kFilter> (&windows)[kMatrices], const char* tile,
                                          const char* weights, std::int32_t step, int lane,
                                          std::uint32_t (&a)[kMatrices][4]) {
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const std::int32_t unit = 2 * step + i;
    float sums[kMatrices][4];
    if constexpr (kFilter == Filter::kAny) {
      SumAnyTaps<T, kMatrices>(plan, diagonal, windows, tile, weights, unit, lane, sums);
    } else {
      uint2 w[5];
      Window<T, kFilter>::LoadDiagonals(diagonal, weights, unit * 8 + lane / 4, w);
#pragma unroll
      for (int m = 0; m < kMatrices; ++m) windows[m].Sum(tile, unit, w, sums[m]);
    }
#pragma unroll
    for (int m = 0; m < kMatrices; ++m) {
      if constexpr (kFilter == Filter::kAny) mma::ActivateUnlessClamp(middle, sums[m]);
      a[m][2 * i] = mma::PackClamped<T>(middle, sums[m][0], sums[m][1]);
      a[m][2 * i + 1] = mma::PackClamped<T>(middle, sums[m][2], sums[m][3]);
    }
  }
}

}  // namespace assay::dsconv::small
