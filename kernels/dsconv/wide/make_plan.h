// The plan of a launch, from the problem and the choice of tile.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>

#include "kernels/dsconv/shape.h"
#include "kernels/dsconv/wide/place.h"
#include "kernels/dsconv/wide/plan.h"

namespace assay::dsconv::wide {

// Where rows of taps lie apart at stride 1, each class of rows is an image of its own.
inline void CutRows(const Shape& shape, Plan& plan) {
  const std::int32_t dilation = shape.r > 1 ? shape.dilation_h : 1;
  plan.classes = plan.row_step = 1;
  plan.banded = shape.stride_h > shape.r || (dilation > 1 && shape.stride_h > 1);
  plan.slot_step = plan.banded ? 1 : shape.stride_h;
  plan.slot_tap = 1;
  if (!plan.banded && dilation > 2) {
    plan.classes = std::min(dilation, shape.p);
    plan.row_step = dilation;
  } else if (!plan.banded) {
    plan.slot_tap = dilation;
  }
  plan.rows = DivideUp(shape.p, plan.classes);
  plan.slot_span = (shape.r - 1) * plan.slot_tap + 1;
  plan.slot_cross = plan.banded ? 1 : plan.slot_span;
  plan.slot_image = (plan.rows - 1) * plan.slot_step + plan.slot_span;
}

inline void CutColumns(const Shape& shape, Plan& plan) {
  const std::int32_t width = plan.tile.width, dilation = shape.s > 1 ? shape.dilation_w : 1;
  plan.parts = DivideUp(shape.q, width);
  const std::int32_t reach = (shape.s - 1) * dilation;
  // Columns of zeros beside the image are loaded only where they are few.
  const bool padded = plan.parts > 1 || reach <= 8;
  plan.box_columns = padded ? (width - 1) * shape.stride_w + reach + 1 : shape.w;
  plan.first_column = padded ? -shape.pad_w : 0;
  plan.walk = Walk::kAny;
  if (shape.r == 3 && shape.s == 3) {
    plan.walk = Walk::kSpread;
    if (padded && dilation == 1 && shape.stride_w == 1) plan.walk = Walk::kStride1;
    if (padded && dilation == 1 && shape.stride_w == 2) plan.walk = Walk::kStride2;
  }
  plan.pairs = !plan.banded && plan.slot_step == 1 && plan.slot_tap == 1 &&
               (plan.walk == Walk::kStride1 || plan.walk == Walk::kSpread);
}

// The most that of(first pixel) says of any unit of pixels. Units begin at multiples of `unit`, and after
// `patterns` of them the places of rows repeat.
template <class Of>
std::int32_t MostOfUnits(const Plan& plan, Of&& of) {
  std::int32_t most = 0;
  for (std::int32_t i = 0; i < std::min(plan.patterns, 1 << 15); ++i)
    most = std::max(most, of(i * plan.tile.unit));
  return most;
}

// Slots that the input of any unit of pixels takes. Where there are too many patterns to try, the most that a
// row that begins anywhere can give.
inline std::int32_t MostSlots(const Shape& shape, const Plan& plan) {
  const std::int32_t unit = plan.tile.unit, width = plan.tile.width;
  if (plan.patterns > 1 << 15) {
    const std::int32_t rows = DivideUp(unit - 1, width) + 1;
    if (plan.banded) return rows * shape.r;
    return (rows - 1) * plan.slot_step + DivideUp(rows - 1, plan.rows) * (plan.slot_cross - plan.slot_step) +
           plan.slot_span;
  }
  const auto of = [&](std::int32_t first) {
    const RowAt top = RowOfPixel(plan, first), last = RowOfPixel(plan, first + unit - 1);
    return plan.banded ? last.number - top.number + 1 : SlotsBetween(plan, top, last) + plan.slot_span;
  };
  return MostOfUnits(plan, of) * (plan.banded ? shape.r : 1);
}

inline std::int32_t MostItems(const Shape& shape, const Plan& plan) {
  const std::int32_t width = plan.tile.width;
  if (plan.patterns > 1 << 15) return (DivideUp(plan.tile.unit - 1, width) + 1) * DivideUp(width, kSpan);
  return MostOfUnits(plan, [&](std::int32_t first) {
    std::int32_t items = 0;
    Item item;
    for (ItemsOfUnit all(shape, plan, first); all.Next(item);) ++items;
    return items;
  });
}

inline void LayOutStage(const Shape& shape, Plan& plan) {
  const std::int32_t most = MostSlots(shape, plan);
  if (plan.banded) plan.slot_tap = most / shape.r;
  plan.row_bytes = plan.box_columns * kPixelBytes;
  plan.filter_at = most * plan.row_bytes;
  plan.filter_bytes = (shape.r * shape.s + 1) * kChunk * 4;
  plan.items_at = plan.filter_at + plan.filter_bytes;
  plan.item_bytes = (1 + MostItems(shape, plan)) * 16;  // their number stands before them
  plan.input_bytes = RoundUp(plan.items_at + plan.item_bytes, 128);
}

// What depends on how many stages the tile's rings have. Nothing else of a plan does.
inline void LayOutRings(Plan& plan) {
  const Tile& tile = plan.tile;
  plan.resident = plan.column_groups == 1 && plan.chunks <= tile.weights;
  plan.shared_bytes = 1024 + kHeadBytes + tile.weights * plan.weight_bytes + tile.operands * kOperandBytes +
                      tile.inputs * plan.input_bytes;
}

inline Plan MakePlan(const Shape& shape, assay_dtype dtype, const Tile& tile) {
  Plan plan{};
  plan.tile = tile;
  plan.middle = ClampOf(shape.act_mid, dtype), plan.output = ClampOf(shape.act_out, dtype);
  CutRows(shape, plan);
  CutColumns(shape, plan);
  plan.flat = plan.parts == 1 && plan.classes == 1;
  const std::int32_t images = shape.n * plan.parts * plan.classes;
  plan.pixels = images * plan.rows * tile.width;
  plan.tiles = DivideUp(plan.pixels, kPixels);
  plan.column_tiles = DivideUp(shape.k, tile.columns);
  plan.column_groups = DivideUp(plan.column_tiles, tile.column_blocks);
  plan.cluster_tiles = DivideUp(plan.tiles, tile.pixel_blocks) * plan.column_groups;
  plan.chunks = DivideUp(shape.c, kChunk);
  plan.last_steps = DivideUp(shape.c - (plan.chunks - 1) * kChunk, 16);
  const std::int64_t period =
      static_cast<std::int64_t>(tile.width) * plan.rows /
      std::gcd<std::int64_t>(static_cast<std::int64_t>(tile.width) * plan.rows, tile.unit);
  const std::int64_t units =
      static_cast<std::int64_t>(RoundUp(plan.tiles, tile.pixel_blocks)) * kPixels / tile.unit;
  plan.patterns = static_cast<std::int32_t>(std::min(period, units));

  plan.by_width = device::Divisor(tile.width);
  plan.by_rows = device::Divisor(plan.rows);
  plan.by_classes = device::Divisor(plan.classes);
  plan.by_image = device::Divisor(plan.parts * plan.classes);
  plan.by_copies = device::Divisor(CopiesOf(plan, plan.slot_image));
  plan.by_patterns = device::Divisor(plan.patterns);
  plan.by_groups = device::Divisor(plan.column_groups);

  LayOutStage(shape, plan);
  plan.weight_bytes = tile.columns * kPixelBytes;
  LayOutRings(plan);

  const std::int64_t columns = static_cast<std::int64_t>(plan.column_groups) * tile.column_blocks;
  plan.filters_from = RoundUp<std::int64_t>(columns * tile.columns * 4, 256);
  plan.items_from = plan.filters_from + static_cast<std::int64_t>(plan.chunks) * plan.filter_bytes;
  plan.weights_from = RoundUp<std::int64_t>(
      plan.items_from + static_cast<std::int64_t>(plan.patterns) * plan.item_bytes, 256);
  plan.workspace_bytes = plan.weights_from + columns * plan.chunks * plan.weight_bytes;
  return plan;
}

}  // namespace assay::dsconv::wide
