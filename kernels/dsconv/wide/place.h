// From the numbers of pixels to places in images, and the work of a unit of pixels.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/dsconv/shape.h"
#include "kernels/dsconv/wide/plan.h"

namespace assay::dsconv::wide {

// Row of a virtual image, numbered through all images and within its own, and the image.
struct RowAt {
  std::int32_t number, image, row;
};

__host__ __device__ __forceinline__ RowAt RowOfPixel(const Plan& plan, std::int32_t pixel) {
  RowAt at;
  at.number = plan.by_width.Quotient(pixel);
  at.image = plan.by_rows.Quotient(at.number);
  at.row = at.number - at.image * plan.rows;
  return at;
}

// A virtual image: which one, its column part and its class of rows.
struct ImageAt {
  std::int32_t n, part, first_row;
};

__host__ __device__ __forceinline__ ImageAt ImageOf(const Plan& plan, std::int32_t image) {
  ImageAt at;
  at.n = plan.by_image.Quotient(image);
  const std::int32_t within = image - at.n * (plan.parts * plan.classes);
  at.part = plan.by_classes.Quotient(within);
  at.first_row = within - at.part * plan.classes;
  return at;
}

// Slots from the one of a unit's first row of outputs to that of another row.
__host__ __device__ __forceinline__ std::int32_t SlotsBetween(const Plan& plan, const RowAt& first,
                                                              const RowAt& at) {
  return (at.number - first.number) * plan.slot_step +
         (at.image - first.image) * (plan.slot_cross - plan.slot_step);
}

// The pixel's number in y, or -1 where it stands for none.
__host__ __device__ __forceinline__ std::int64_t OutputPixel(const Shape& shape, const Plan& plan,
                                                             std::int32_t pixel) {
  if (pixel >= plan.pixels) return -1;
  if (plan.flat) return pixel;
  const RowAt at = RowOfPixel(plan, pixel);
  const ImageAt image = ImageOf(plan, at.image);
  const std::int32_t p = image.first_row + at.row * plan.classes;
  const std::int32_t q = image.part * plan.tile.width + pixel - at.number * plan.tile.width;
  if (p >= shape.p || q >= shape.q) return -1;
  return (static_cast<std::int64_t>(image.n) * shape.p + p) * shape.q + q;
}

// What a warp makes at a time: outputs of one row, or of two that lie one below the other.
struct alignas(16) Item {
  std::int32_t row;     // bytes to the slot of its first row of taps
  std::int32_t column;  // of the first window's left tap in the slots; may lie outside
  std::int32_t output;  // its first one, of the unit
  std::int16_t length, rows;
};

// The items of the unit of pixels that begins at `first`, one after the other.
class ItemsOfUnit {
 public:
  __host__ __device__ __forceinline__ ItemsOfUnit(const Shape& shape, const Plan& plan, std::int32_t first)
      : shape_(shape), plan_(plan), first_(first), pixel_(first), top_(RowOfPixel(plan, first)) {}

  // False behind the last one.
  __host__ __device__ __forceinline__ bool Next(Item& item) {
    const std::int32_t width = plan_.tile.width, left = first_ + plan_.tile.unit - pixel_;
    if (left <= 0) return false;
    const RowAt row = RowOfPixel(plan_, pixel_);
    const std::int32_t q = pixel_ - row.number * width;
    const std::int32_t outputs = width - q < left ? width - q : left;
    const bool pair = plan_.pairs && q == 0 && left >= 2 * width && row.row + 1 < plan_.rows;
    const std::int32_t length = DivideUp(outputs, DivideUp(outputs, kSpan));
    item.row = SlotsBetween(plan_, top_, row) * plan_.row_bytes;
    item.column = (q + within_) * shape_.stride_w - (plan_.first_column + shape_.pad_w);
    item.output = pixel_ - first_ + within_;
    item.length = static_cast<std::int16_t>(outputs - within_ < length ? outputs - within_ : length);
    item.rows = pair ? 2 : 1;
    within_ += length;
    if (within_ >= outputs) within_ = 0, pixel_ += pair ? 2 * width : outputs;
    return true;
  }

 private:
  const Shape& shape_;
  const Plan& plan_;
  std::int32_t first_, pixel_, within_ = 0;  // the next item's row, and its place in it
  RowAt top_;
};

// A place in a ring, and how often it went round.
struct RingAt {
  std::int32_t slot = 0;
  std::uint32_t round = 0;

  __device__ __forceinline__ void Next(std::int32_t slots, std::int32_t step = 1) {
    slot += step;
    if (slot >= slots) slot -= slots, ++round;
  }
  // Parity of the phase that filling the slot in this round completes; of the one that freed it for this
  // round.
  __device__ __forceinline__ std::uint32_t filled() const { return round & 1; }
  __device__ __forceinline__ std::uint32_t freed() const { return (round & 1) ^ 1; }
};

// A cluster's tiles one after the other, and the chunks of each.
struct Walker {
  std::int32_t tile, chunk;

  // False behind the last tile.
  __device__ __forceinline__ bool Next(const Plan& plan, std::int32_t step, std::int32_t clusters) {
    chunk += step;
    while (chunk >= plan.chunks) chunk -= plan.chunks, tile += clusters;
    return tile < plan.cluster_tiles;
  }
};

}  // namespace assay::dsconv::wide
