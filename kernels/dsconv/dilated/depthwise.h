// The depthwise half: a warp makes a group of pixels, a lane 4 bytes of channels, from shared memory (fp32).
// Taps whose rows or columns lie outside of x are skipped.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

#ifndef ASSAY_SIMT

#include "kernels/device/ptx/shared_word.h"
#include "kernels/dsconv/dilated/block.h"
#include "kernels/dsconv/dilated/lane.h"
#include "kernels/dsconv/wide/place.h"

namespace assay::dsconv::dilated {

// Neighbouring pixels, one tap of all of them after the other.
template <class Kind>
class Neighbours {
  using Values = typename Kind::Values;

 public:
  using Sums = Values[kGroup];

  __device__ __forceinline__ Neighbours(const Block& block, int group, int lane)
      : lane_bytes_(static_cast<std::uint32_t>(lane) * 4), group_(group) {
    const Plan& plan = block.plan;
    const TileAt at = TileOf(block.shape, plan, static_cast<std::int32_t>(blockIdx.x));
    const std::int32_t of_segment = kGroups / block.Segments(), segment = group / of_segment;
    const std::int32_t q = group % of_segment * kGroup;
    // Lane 3 r + s finds its tap, and the taps that count go to the first lanes.
    const std::uint32_t copied = CopiedRows(block.shape, at, lane);
    const std::int32_t r = lane / 3, s = lane % 3, number = 3 * segment + (r < 3 ? r : 0);
    const std::int32_t column = ColumnOf(block.shape, at, q, s);
    const bool counts = lane < 9 && at.Inside(block.shape, number) && Touches(plan, q, column);
    const auto place =
        static_cast<std::uint32_t>(block.RowAt(SlotOf(copied, at.First(number))) + column * kPixelBytes);
    const std::uint32_t mask = __ballot_sync(0xffffffffu, counts);
    count_ = __popc(mask);
    const int from = lane < count_ ? static_cast<int>(__fns(mask, 0, lane + 1)) : 0;
    taps_ = __shfl_sync(0xffffffffu, place << 4 | static_cast<std::uint32_t>(lane), from);
  }

  // Of a chunk, from an input stage.
  __device__ __forceinline__ void Sum(std::uint32_t stage, Sums& sums) const {
    const std::uint32_t from = stage + lane_bytes_;
    const Values bias = Kind::Of(device::LoadSharedWord(from + 9 * kPixelBytes));
#pragma unroll
    for (int j = 0; j < kGroup; ++j) sums[j] = bias;
    if (count_ == 0) return;
    // The next tap is on its way while one is added.
    Tap tap[2];
    Load(from, 0, tap[0]);
    for (std::int32_t i = 0;;) {
      if (i + 1 < count_) Load(from, i + 1, tap[1]);
      Add(tap[0], sums);
      if (++i == count_) break;
      if (i + 1 < count_) Load(from, i + 1, tap[0]);
      Add(tap[1], sums);
      if (++i == count_) break;
    }
  }

  // As wgmma wants them.
  __device__ __forceinline__ void Store(const Plan& plan, std::uint32_t stage, const Sums& sums) const {
#pragma unroll
    for (int j = 0; j < kGroup; ++j) {
      const auto pixel = static_cast<std::uint32_t>(group_ * kGroup + j);
      Kind::template Store<true>(stage + pixel * kPixelBytes + (lane_bytes_ ^ pixel % 8 * 16), plan.middle,
                                 sums[j]);
    }
  }

 private:
  struct Tap {
    std::uint32_t filter, x[kGroup];
  };

  __device__ __forceinline__ void Load(std::uint32_t from, std::int32_t i, Tap& tap) const {
    const std::uint32_t place = __shfl_sync(0xffffffffu, taps_, i);
    tap.filter = device::LoadSharedWord(from + place % 16 * kPixelBytes);
    const std::uint32_t x = from + (place >> 4);
#pragma unroll
    for (int j = 0; j < kGroup; ++j)
      tap.x[j] = device::LoadSharedWord(x + static_cast<std::uint32_t>(j * kPixelBytes));
  }

  __device__ __forceinline__ void Add(const Tap& tap, Sums& sums) const {
    const Values filter = Kind::Of(tap.filter);
#pragma unroll
    for (int j = 0; j < kGroup; ++j) AddProduct(sums[j], Kind::Of(tap.x[j]), filter);
  }

  const std::uint32_t lane_bytes_;
  const std::int32_t group_;
  std::int32_t count_;
  std::uint32_t taps_;  // lane i: the place of the i-th tap's first pixel in a stage, and which tap it is
};

// Every 6th pixel of a row and of the one below it, or of one row, where the dilation is a multiple of 6 and
// so the taps are pixels of x of the same class. Each is read once.
template <class Kind, int kRows, int kStep>
class Classes {
  using Values = typename Kind::Values;
  static constexpr int kCount = kRows == 2 ? 6 : 11;

 public:
  using Sums = Values[kRows][kCount];

  __device__ __forceinline__ Classes(const Block& block, int group, int lane)
      : lane_bytes_(static_cast<std::uint32_t>(lane) * 4), group_(static_cast<std::uint32_t>(group)) {
    const TileAt at = TileOf(block.shape, block.plan, static_cast<std::int32_t>(blockIdx.x));
    copied_ = CopiedRows(block.shape, at, lane), chained_ = at.chained, lower_ = at.lower.row >= 0;
    capped_ = block.plan.middle.high != Kind::kInfinity;
    first_row_ = static_cast<std::uint32_t>(block.RowAt(0)) + group_ * kPixelBytes;
    row_bytes_ = static_cast<std::uint32_t>(block.plan.row_bytes);
    own_ = Offset(1), above_ = Offset(0), below_ = Offset(2), last_ = Offset(5);
#pragma unroll
    for (int i = 0; i < 4; ++i) swizzled_[i] = lane_bytes_ ^ (group_ + kGroups * i) % 8 * 16;
  }

  // Of a chunk, from an input stage. A pixel's own row lies inside of x always.
  __device__ __forceinline__ void Sum(std::uint32_t stage, Sums& sums) const {
    const std::uint32_t from = stage + lane_bytes_;
    Values filter[10];  // and the bias
#pragma unroll
    for (int i = 0; i < 10; ++i) {
      filter[i] = Kind::Of(device::LoadSharedWord(from + static_cast<std::uint32_t>(i * kPixelBytes)));
    }
    Row row[2];
    Load(from + own_, row[0]);
    if (kRows == 2 && chained_) {
      // The next row is on its way while one is added.
      Load(from + below_, row[1]);
      Begin(sums[0], row[0], filter + 3, filter[9]);
      Begin(sums[kRows - 1], row[0], filter, filter[9]);
      if (Needs(0)) Load(from + above_, row[0]);
      Add(sums[0], row[1], filter + 6);
      Add(sums[kRows - 1], row[1], filter + 3);
      if (Needs(5)) Load(from + last_, row[1]);
      if (Needs(0)) Add(sums[0], row[0], filter);
      if (Needs(5)) Add(sums[kRows - 1], row[1], filter + 6);
      return;
    }
    AddAlone(from, 0, sums[0], row[0], filter);
    if (kRows == 2 && lower_) {
      Load(from + Offset(4), row[0]);
      AddAlone(from, 3, sums[kRows - 1], row[0], filter);
    }
  }

  // As wgmma wants them.
  __device__ __forceinline__ void Store(const Plan& plan, std::uint32_t stage, const Sums& sums) const {
    if (capped_) {
      StoreAll<true>(plan.middle, stage, sums);
    } else {
      StoreAll<false>(plan.middle, stage, sums);
    }
  }

 private:
  using Row = std::uint32_t[kCount];

  template <bool kCapped>
  __device__ __forceinline__ void StoreAll(const wide::Clamp& clamp, std::uint32_t stage,
                                           const Sums& sums) const {
    const std::uint32_t first = stage + group_ * kPixelBytes;
#pragma unroll
    for (int i = 0; i < kRows * kCount; ++i) {
      Kind::template Store<kCapped>(
          first + static_cast<std::uint32_t>(i * kGroups * kPixelBytes) + swizzled_[i % 4], clamp,
          sums[i / kCount][i % kCount]);
    }
  }

  __device__ __forceinline__ bool Needs(int number) const { return (copied_ >> number & 1) != 0; }

  // In a stage, the first pixel of the row that has this number.
  __device__ __forceinline__ std::uint32_t Offset(int number) const {
    return first_row_ + static_cast<std::uint32_t>(SlotOf(copied_, number)) * row_bytes_;
  }
  __device__ __forceinline__ static void Load(std::uint32_t from, Row& row) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      row[i] = device::LoadSharedWord(from + static_cast<std::uint32_t>(i * kGroups * kPixelBytes));
    }
  }

  // A row's three taps, the first ones of their outputs or further ones.
  __device__ __forceinline__ static void Begin(Values (&sums)[kCount], const Row& row, const Values* filter,
                                               Values bias) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      sums[i] = bias;
      AddProduct(sums[i], Kind::Of(row[i]), filter[1]);
    }
    AddBeside(sums, row, filter);
  }
  __device__ __forceinline__ static void Add(Values (&sums)[kCount], const Row& row, const Values* filter) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) AddProduct(sums[i], Kind::Of(row[i]), filter[1]);
    AddBeside(sums, row, filter);
  }
  __device__ __forceinline__ static void AddBeside(Values (&sums)[kCount], const Row& row,
                                                   const Values* filter) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const Values x = Kind::Of(row[i]);
      if (i + kStep < kCount) AddProduct(sums[i + kStep], x, filter[0]);
      if (i >= kStep) AddProduct(sums[i - kStep], x, filter[2]);
    }
  }

  // All of an output row by itself, whose own row of x has been loaded; `above` is the number of the row
  // above.
  __device__ __forceinline__ void AddAlone(std::uint32_t from, int above, Values (&sums)[kCount], Row& row,
                                           const Values* filter) const {
    Begin(sums, row, filter + 3, filter[9]);
    if (Needs(above)) {
      Load(from + Offset(above), row);
      Add(sums, row, filter);
    }
    if (Needs(above + 2)) {
      Load(from + Offset(above + 2), row);
      Add(sums, row, filter + 6);
    }
  }

  const std::uint32_t lane_bytes_, group_;
  std::uint32_t copied_, first_row_, row_bytes_, swizzled_[4];
  std::uint32_t own_, above_, below_, last_;  // rows of x in a stage, as a pair needs them
  bool chained_, lower_;
  bool capped_;  // whether the activation has an upper bound
};

template <class Depthwise>
__device__ __forceinline__ void MakeOperands(const Block& block, int warp, int lane) {
  const Plan& plan = block.plan;
  const Depthwise depthwise(block, warp % kGroups, lane);
  const std::int32_t team = warp / kGroups;
  wide::RingAt x, b;
  x.slot = b.slot = team;
#pragma unroll 1
  for (std::int32_t chunk = team; chunk < plan.chunks; chunk += kTeams) {
    typename Depthwise::Sums sums;
    device::WaitBarrier(block.x_filled + FilledBarrier(team, x.slot),
                        FilledParity(plan.tile.inputs, x.round));
    depthwise.Sum(device::SharedAddress(block.x_ring) + static_cast<std::uint32_t>(x.slot * plan.input_bytes),
                  sums);
    // Each lane for itself: racecheck takes no lane's word for what others of its warp read and stored.
    device::ArriveBarrier(block.x_free + x.slot);
    // Chunks are multiplied in turn: since the one before this team's last was, all before it were.
    device::WaitBarrier(block.b_free + b.slot, b.freed());
    depthwise.Store(
        plan, device::SharedAddress(block.b_ring) + static_cast<std::uint32_t>(b.slot * plan.operand_bytes),
        sums);
    device::FenceAsyncProxy();
    device::ArriveBarrier(block.b_filled + b.slot);
    x.Next(plan.tile.inputs, kTeams), b.Next(plan.tile.operands, kTeams);
  }
}

}  // namespace assay::dsconv::dilated

#endif
