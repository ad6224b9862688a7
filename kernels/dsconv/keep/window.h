// The depthwise half of a warp's patch of 2 x 8 outputs at stride 1: the input rows that its two rows of
// outputs share are loaded once.
#pragma once

#include <cuda_runtime.h>

#include "kernels/device/ptx/mma.h"
#include "kernels/device/ptx/pair.h"
#include "kernels/device/ptx/shared_load.h"
#include "kernels/dsconv/mma/depthwise.h"
#include "kernels/dsconv/mma/plan.h"
#include "kernels/dsconv/shape.h"

namespace assay::dsconv::keep {

// Taps of a column of a filter in the order in which SharedWindow multiplies them, two a product: the first
// four rows as one load leaves them are taps 0 and 2 of both rows of outputs; what is left, and b_dw as a tap
// of ones, follows. -1 is b_dw, of the first column alone.
__host__ __device__ constexpr std::int32_t TapInOrder(std::int32_t size, std::int32_t i) {
  if (size == 3) return i == 0 ? 0 : (i == 1 ? 2 : (i == 2 ? 1 : -1));
  constexpr std::int32_t kFive[6] = {0, 2, 1, 3, 4, -1};
  return i < 6 ? kFive[i] : -2;
}

// As FixedWindow (mma/depthwise.h), of kRows = 1; of 3 x 3 taps also for 32 channels at once.
template <class T, int kSize>
struct SharedWindow {
  static_assert(kSize == 3 || kSize == 5);
  static constexpr bool kOnlyClamps = true;
  static constexpr int kMostHalves = kSize == 3 ? 4 : 2;
  static constexpr int kLoads = mma::WordsOfColumn(kSize) / 4;

  // Where the first unit of lane 8 i + j is, column j of the patch in row i, for each column of taps.
  device::SharedPlace place[kSize];
  std::int32_t four_rows;  // bytes
  std::int32_t word;       // of the lane's weights
  bool holds;              // lane 4g + t holds rows 2t and 2t + 1 of column g of a diagonal matrix
  std::uint32_t weights[kMostHalves][kLoads][4];

  __device__ __forceinline__ void Init(const Shape&, const mma::Plan& plan, device::SharedPlace from,
                                       const mma::WarpIn& warp, int lane) {
#pragma unroll
    for (int s = 0; s < kSize; ++s) {
      // Outputs beyond the image take what is there.
      const int row = min(warp.row + lane / 8, plan.halo_rows - 1);
      const int column = min(warp.column + lane % 8 + s, plan.halo_columns - 1);
      const int pixel = (warp.image * plan.halo_rows + row) * plan.halo_columns + column;
      place[s] = from + mma::UnitOffset(plan.chunk, pixel);
    }
    holds = lane % 4 == lane / 8;
    word = lane / 4 * 16;
#pragma unroll
    for (int i = 0; i < kMostHalves * 4 * kLoads; ++i) weights[i / (4 * kLoads)][i / 4 % kLoads][i % 4] = 0;
  }

  __device__ __forceinline__ void Enter(const mma::Plan& plan, device::SharedPlace, std::int32_t bytes,
                                        std::int32_t width) {
#pragma unroll
    for (int s = 0; s < kSize; ++s) place[s] += bytes;
    four_rows = plan.halo_columns * width * 8;
  }

  __device__ __forceinline__ void Widen(device::SharedPlace stage, std::int32_t from, std::int32_t to) {
    const int pixel_bits = from == 64 ? 7 : (from == 32 ? 6 : 5);  // from bytes
#pragma unroll
    for (int s = 0; s < kSize; ++s) {
      place[s] = stage + mma::UnitOffset(to, static_cast<std::int32_t>(place[s] - stage) >> pixel_bits);
    }
  }

  // Halves 2 and 3 are those of the next 16 channels.
  template <int kHalves>
  __device__ __forceinline__ void Sum(const Shape&, const mma::Plan& plan, device::SharedPlace words,
                                      std::int32_t unit, int lane, float (&sums)[kHalves][1][4]) {
    constexpr device::ElementTag<T> kTag;
    const std::uint32_t ones = device::Pack(1.0f, 1.0f, kTag);
#pragma unroll
    for (int i = 0; i < kHalves * 4; ++i) sums[i / 4][0][i % 4] = 0.0f;
#pragma unroll
    for (int s = 0; s < kSize; ++s) {
      std::uint32_t x[kHalves][kSize + 1];
#pragma unroll
      for (int half = 0; half < kHalves; ++half) {
        const device::SharedPlace from =
            words +
            (half / 2 * plan.step_bytes + half % 2 * (plan.depthwise_bytes / 2) + mma::kBiasBytes + word);
#pragma unroll
        for (int i = 0; i < kLoads; ++i) {
          device::LoadFourIf(holds, from + (s * kLoads + i) * 128, weights[half][i]);
        }
        LoadColumn(s, (unit + half) * 16, x[half]);
      }
#pragma unroll
      for (int pair = 0; pair < (kSize + 1) / 2; ++pair) {
#pragma unroll
        for (int half = 0; half < kHalves; ++half)
          AddTaps(x[half], pair, s, ones, weights[half], sums[half][0]);
      }
    }
  }

 private:
  __device__ __forceinline__ void LoadColumn(int s, std::int32_t bytes, std::uint32_t (&x)[kSize + 1]) const {
    const device::SharedPlace from = device::Flip(place[s], bytes);
    std::uint32_t four[4];
    device::LoadMatrix4(four, from);
#pragma unroll
    for (int i = 0; i < 4; ++i) x[i] = four[i];
    if constexpr (kSize == 5) {
      std::uint32_t two[2];
      device::LoadMatrix2(two, from + four_rows);
      x[4] = two[0], x[5] = two[1];
    }
  }

  // Taps 2 pair and 2 pair + 1 of the order, or the one that is left.
  static __device__ __forceinline__ void AddTaps(const std::uint32_t (&x)[kSize + 1], int pair, int s,
                                                 std::uint32_t ones, const std::uint32_t (&w)[kLoads][4],
                                                 float (&sum)[4]) {
    constexpr device::ElementTag<T> kTag;
    const int first = TapInOrder(kSize, 2 * pair), second = TapInOrder(kSize, 2 * pair + 1);
    const std::uint32_t lower = w[pair / 2][pair % 2 * 2], upper = w[pair / 2][pair % 2 * 2 + 1];
    if (second >= 0) {
      device::Mma16816(sum, {x[first], x[first + 1], x[second], x[second + 1]}, lower, upper, kTag);
    } else if (s == 0) {
      device::Mma16816(sum, {x[first], x[first + 1], ones, ones}, lower, upper, kTag);
    } else {
      device::Mma1688(sum, {x[first], x[first + 1]}, lower, kTag);
    }
  }
};

// Whether a filter's columns lie in that order.
__host__ __device__ constexpr bool SharesRows(int stride) { return stride == 1; }

template <class T, int kSize, int kStride>
struct WindowOf {
  using Type = mma::FixedWindow<T, kSize, kStride, 1>;
};
template <class T, int kSize>
struct WindowOf<T, kSize, 1> {
  using Type = SharedWindow<T, kSize>;
};

}  // namespace assay::dsconv::keep
