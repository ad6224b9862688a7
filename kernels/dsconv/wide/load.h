// The warp that copies: rows of input, weights, and operands from this block to those that share them. It
// asks in turn what can be begun, so that no copy waits for another.
#pragma once

#include <cuda_runtime.h>

#ifndef ASSAY_SIMT

#include "kernels/dsconv/wide/block.h"

namespace assay::dsconv::wide {

// Maps of x with boxes of one row, and of kBoxRows.
struct InputMaps {
  CUtensorMap row, rows;
};

// A copy of input: neighbouring rows of x into neighbouring slots.
struct InputCopy {
  bool large;  // kBoxRows of them, else one
  std::int32_t w, h, n;
  std::int32_t to;  // bytes
};

// The rows that a unit of pixels needs, as copies.
class UnitRows {
 public:
  __device__ __forceinline__ UnitRows(const Block& block, std::int32_t pixel)
      : block_(block),
        first_(RowOfPixel(block.plan, pixel)),
        last_(RowOfPixel(block.plan, pixel + block.plan.tile.unit - 1)) {}

  __device__ __forceinline__ std::int32_t Slots() const {
    const Plan& plan = block_.plan;
    return plan.banded ? Outputs() * block_.shape.r : SlotsBetween(plan, first_, last_) + plan.slot_span;
  }
  __device__ __forceinline__ std::int32_t Copies() const {
    const Plan& plan = block_.plan;
    if (plan.banded) return Outputs() * block_.shape.r;
    const std::int32_t images = last_.image - first_.image, of_first = CopiesOf(plan, OfFirst());
    if (images == 0) return of_first;
    return of_first + (images - 1) * CopiesOf(plan, plan.slot_image) + CopiesOf(plan, OfLast());
  }

  __device__ __forceinline__ InputCopy Copy(std::int32_t i) const {
    const Shape& shape = block_.shape;
    const Plan& plan = block_.plan;
    if (plan.banded) {
      const std::int32_t tap = i % shape.r, output = i / shape.r;
      const std::int32_t image = plan.by_rows.Quotient(first_.number + output);
      const std::int32_t row = first_.number + output - image * plan.rows;
      return CopyOf(image, row * shape.stride_h + tap * shape.dilation_h, tap * plan.slot_tap + output,
                    false);
    }
    // The slots of each image are neighbours: large copies first.
    std::int32_t image = 0, copy = i, rows = OfFirst(), slot = 0;
    const std::int32_t first_copies = CopiesOf(plan, rows);
    if (i >= first_copies) {
      const std::int32_t between =
          min(plan.by_copies.Quotient(i - first_copies), last_.image - first_.image - 1);
      image = between + 1, copy = i - first_copies - between * CopiesOf(plan, plan.slot_image);
      slot = rows + between * plan.slot_image;
      rows = first_.image + image == last_.image ? OfLast() : plan.slot_image;
    }
    const std::int32_t begin = image == 0 ? first_.row * plan.slot_step : 0;
    const std::int32_t large = plan.row_step == 1 ? rows / kBoxRows : 0;
    const std::int32_t skipped = copy < large ? copy * kBoxRows : large * (kBoxRows - 1) + copy;
    return CopyOf(first_.image + image, begin + skipped, slot + skipped, copy < large);
  }

 private:
  __device__ __forceinline__ std::int32_t Outputs() const { return last_.number - first_.number + 1; }
  // Slots of the first image that is touched, and of the last one where it is another.
  __device__ __forceinline__ std::int32_t OfFirst() const {
    const Plan& plan = block_.plan;
    return ((first_.image == last_.image ? last_.row : plan.rows - 1) - first_.row) * plan.slot_step +
           plan.slot_span;
  }
  __device__ __forceinline__ std::int32_t OfLast() const {
    return last_.row * block_.plan.slot_step + block_.plan.slot_span;
  }
  __device__ __forceinline__ InputCopy CopyOf(std::int32_t image, std::int32_t down, std::int32_t slot,
                                              bool large) const {
    const Plan& plan = block_.plan;
    const ImageAt in = ImageOf(plan, image);
    return {large, in.part * plan.tile.width * block_.shape.stride_w + plan.first_column,
            in.first_row - block_.shape.pad_h + down * plan.row_step, in.n, slot * plan.row_bytes};
  }

  const Block& block_;
  const RowAt first_, last_;
};

// Of all lanes alike. What the compiler knows to be the same in all lanes it computes once for the warp: with
// this warp's work in the lanes' own registers, it was what all others waited for.
__device__ __forceinline__ bool IsDone(std::uint64_t* barrier, std::uint32_t parity) {
  return __all_sync(0xffffffffu, device::TestBarrier(barrier, parity)) != 0;
}

// This block's part of the weights of every chunk, for all blocks that want the same.
class WeightCopies {
 public:
  __device__ __forceinline__ WeightCopies(const Block& block, const char* packed)
      : block_(block), packed_(packed + block.plan.weights_from), tile_(block.cluster) {
    for (std::int32_t i = 0; i < block.plan.tile.pixel_blocks; ++i)
      blocks_ |= 1u << block.RankOf(i, block.column);
    BeginTile();
  }

  // Begins the next copy if there is room; false: nothing to do now.
  __device__ __forceinline__ bool Try(int lane) {
    const Plan& plan = block_.plan;
    if (tile_ >= plan.cluster_tiles || (at_.round != 0 && !IsDone(block_.w_free + at_.slot, at_.freed()))) {
      return false;
    }
    if (lane == 0) Copy();
    from_ += plan.weight_bytes;
    at_.Next(plan.tile.weights);
    if (++chunk_ == plan.chunks) {
      chunk_ = 0;
      tile_ = plan.resident ? plan.cluster_tiles : tile_ + block_.clusters;
      BeginTile();
    }
    return true;
  }
  __device__ __forceinline__ bool Ended() const { return tile_ >= block_.plan.cluster_tiles; }

 private:
  __device__ __forceinline__ void BeginTile() {
    const Plan& plan = block_.plan;
    from_ = packed_ + static_cast<std::int64_t>(block_.ColumnTile(tile_)) * plan.chunks * plan.weight_bytes +
            block_.row * Bytes();
  }
  __device__ __forceinline__ std::int32_t Bytes() const {
    return block_.plan.tile.pixel_blocks == 2 ? block_.plan.weight_bytes / 2
                                              : block_.plan.weight_bytes / block_.plan.tile.pixel_blocks;
  }
  __device__ __forceinline__ void Copy() const {
    const Plan& plan = block_.plan;
    std::uint64_t* barrier = block_.w_filled + at_.slot;
    const std::int32_t bytes = Bytes();
    device::ArriveAndExpect(barrier, static_cast<std::uint32_t>(plan.weight_bytes));
    char* to = block_.w_ring + at_.slot * plan.weight_bytes + block_.row * bytes;
    if (plan.tile.pixel_blocks == 1) {
      device::CopyBulk(to, from_, static_cast<std::uint32_t>(bytes), barrier);
    } else {
      device::CopyBulkToBlocks(to, from_, static_cast<std::uint32_t>(bytes), barrier, blocks_);
    }
  }

  const Block& block_;
  const char* const packed_;
  const char* from_ = nullptr;
  std::uint32_t blocks_ = 0;
  std::int32_t tile_, chunk_ = 0;
  RingAt at_;
};

// What all chunks of a unit of pixels have in common.
struct UnitCopies {
  std::int32_t pixel = -1;  // its first one
  std::int32_t copies, bytes, pattern;
  InputCopy own;  // the lane's first copy

  __device__ __forceinline__ void Begin(const Block& block, std::int32_t first, int lane) {
    const Plan& plan = block.plan;
    const UnitRows rows(block, first);
    pixel = first;
    copies = rows.Copies();
    bytes = rows.Slots() * plan.row_bytes + plan.filter_bytes + plan.item_bytes;
    pattern = plan.by_patterns.Remainder(first / plan.tile.unit);
    own = rows.Copy(lane);
  }
};

// The input of the chunks whose operands this block makes, with their filters and the items of each unit.
class InputCopies {
 public:
  __device__ __forceinline__ InputCopies(const Block& block, const InputMaps& maps, const char* packed)
      : block_(block), maps_(maps), packed_(packed), at_{block.cluster, 0} {
    left_ = at_.Next(block.plan, block.column, block.clusters);
  }

  __device__ __forceinline__ bool Try(int lane) {
    const Plan& plan = block_.plan;
    if (!left_ || (ring_.round != 0 && !IsDone(block_.x_free + ring_.slot, ring_.freed()))) return false;
    const std::int32_t pixel = block_.FirstPixel(at_.tile) + within_;
    // Of two units of a tile both are kept.
    const bool is_even = within_ == 0;
    UnitCopies unit = is_even ? even_ : odd_;
    if (pixel != unit.pixel) {
      unit.Begin(block_, pixel, lane);
      if (is_even) even_ = unit;
      if (!is_even) odd_ = unit;
    }
    Copy(unit, lane);
    ring_.Next(plan.tile.inputs);
    within_ += plan.tile.unit;
    if (within_ == kPixels) {
      within_ = 0;
      left_ = at_.Next(plan, plan.tile.column_blocks, block_.clusters);
    }
    return true;
  }
  __device__ __forceinline__ bool Ended() const { return !left_; }

 private:
  __device__ __forceinline__ void Begin(const InputCopy& copy, char* to, std::uint64_t* barrier) const {
    device::CopyBox4(to + copy.to, copy.large ? &maps_.rows : &maps_.row, barrier, at_.chunk * kChunk, copy.w,
                     copy.h, copy.n);
  }

  __device__ __forceinline__ void Copy(const UnitCopies& unit, int lane) const {
    const Plan& plan = block_.plan;
    char* to = block_.x_ring + ring_.slot * plan.input_bytes;
    std::uint64_t* barrier = block_.x_filled + ring_.slot;
    if (lane == 0) {
      device::ArriveAndExpect(barrier, static_cast<std::uint32_t>(unit.bytes));
      device::CopyBulk(to + plan.filter_at,
                       packed_ + plan.filters_from + static_cast<std::int64_t>(at_.chunk) * plan.filter_bytes,
                       static_cast<std::uint32_t>(plan.filter_bytes), barrier);
      device::CopyBulk(to + plan.items_at,
                       packed_ + plan.items_from + static_cast<std::int64_t>(unit.pattern) * plan.item_bytes,
                       static_cast<std::uint32_t>(plan.item_bytes), barrier);
    }
    __syncwarp();
    if (lane < unit.copies) Begin(unit.own, to, barrier);
    if (unit.copies > 32) {
      const UnitRows rows(block_, unit.pixel);
      for (std::int32_t i = lane + 32; i < unit.copies; i += 32) Begin(rows.Copy(i), to, barrier);
    }
    __syncwarp();
  }

  const Block& block_;
  const InputMaps& maps_;
  const char* const packed_;
  Walker at_;
  bool left_;
  std::int32_t within_ = 0;  // the next unit's place in its tile
  UnitCopies even_, odd_;
  RingAt ring_;
};

__device__ __forceinline__ void CopyAll(const Block& block, const InputMaps& maps, const char* packed,
                                        int lane) {
  if (lane == 0) device::PrefetchMap(&maps.row);
  if (lane == 1) device::PrefetchMap(&maps.rows);
  __syncwarp();
  InputCopies inputs(block, maps, packed);
  WeightCopies weights(block, packed);
  while (!(inputs.Ended() && weights.Ended())) {
    const bool loaded = inputs.Try(lane), weighed = weights.Try(lane);
    if (!loaded && !weighed) device::Pause(20);
  }
}

}  // namespace assay::dsconv::wide

#endif
