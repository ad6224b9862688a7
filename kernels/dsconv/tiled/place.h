// Where a block's pixels lie, and where its input tile comes from: worked out once, kept in shared memory.
#pragma once

#include <cuda_runtime.h>

#include "kernels/dsconv/tiled/plan.h"

namespace assay::dsconv::tiled {

// A block's pixels: from row p0 of image n0 and column j0 of the band on.
struct Place {
  std::int64_t n0;
  std::int32_t p0, j0, q0;  // q0: the band's first column
  std::int32_t pixels;      // that there are
  std::int32_t tile_out;    // the block's output channels, of all blocks'

  template <class B>
  static __device__ __forceinline__ Place Of(const Shape& shape, const Plan& plan) {
    const Quotient out = Divide(static_cast<std::int32_t>(blockIdx.x), plan.by_tiles_out);
    const Quotient along = Divide(out.quotient, plan.by_bands);
    const std::int64_t first = static_cast<std::int64_t>(along.quotient) * B::kPixels;
    Place place;
    place.tile_out = out.remainder;
    place.q0 = along.remainder * plan.band;
    if (plan.long_line) {
      const std::int64_t row = first / plan.band;
      place.j0 = static_cast<std::int32_t>(first - row * plan.band);
      place.n0 = row / shape.p;
      place.p0 = static_cast<std::int32_t>(row - place.n0 * shape.p);
    } else {
      const Quotient row = Divide(static_cast<std::int32_t>(first), plan.by_band);
      const Quotient image = Divide(row.quotient, plan.by_p);
      place.j0 = row.remainder, place.n0 = image.quotient, place.p0 = image.remainder;
    }
    place.pixels = static_cast<std::int32_t>(
        plan.line - first < B::kPixels ? plan.line - first : static_cast<std::int64_t>(B::kPixels));
    return place;
  }
};

// One of a block's pixels. `row` is counted from the block's first, `image` from its first.
struct PixelAt {
  std::int32_t image, p, q, row;

  __device__ __forceinline__ PixelAt(const Plan& plan, const Place& place, std::int32_t pixel) {
    const Quotient along = Divide(place.j0 + pixel, plan.by_band);
    row = along.quotient, q = place.q0 + along.remainder;
    const Quotient down = Divide(place.p0 + row, plan.by_p);
    image = down.quotient, p = down.remainder;
  }
};

// The tile's row at which the windows of a pixel begin.
__device__ __forceinline__ std::int32_t TileRow(const Shape& shape, const Plan& plan, const Place& place,
                                                const PixelAt& at) {
  if (plan.sparse) return at.row * shape.r;
  return at.image * plan.image_rows + (at.p - place.p0) * shape.stride_h;
}

// Fills y_at, and x_at if there is an input tile. kColumn: its elements from column to column.
template <class B, bool kDirect, int kColumn>
__device__ __forceinline__ void LocatePixels(const Shape& shape, const Plan& plan, const Place& place,
                                             typename B::Storage& shared) {
#pragma unroll 1
  for (std::int32_t i = static_cast<std::int32_t>(threadIdx.x); i < B::kPixels; i += B::kThreads) {
    std::int64_t y_at = -1;
    std::int32_t x_at =
        plan.skew;  // a pixel that is not there reads some window: it is aligned as others are
    if (i < place.pixels) {
      const PixelAt at(plan, place, i);
      if (!kDirect) {
        x_at += TileRow(shape, plan, place, at) * plan.pitch + (at.q - place.q0) * shape.stride_w * kColumn;
      }
      if (at.q < shape.q) {
        y_at = (place.n0 + at.image) * shape.y.n + static_cast<std::int64_t>(at.p) * shape.y.h +
               static_cast<std::int64_t>(at.q) * shape.y.w;
      }
    }
    shared.x_at[i] = x_at;
    shared.y_at[i] = y_at;
  }
}

// A copy of the input tile (NCHW: of its first channel's plane), in elements: from, counted from channel 0 of
// image n0, and to. In the padding `to` is -1 - to.
struct alignas(8) Copy {
  std::uint32_t from;
  std::int32_t to;
};

// Lists the copies of `unit` elements (NCHW) or of a pixel (NHWC) that the input tile is made of, row by row.
// Returns how many there are.
template <int kColumn>
__device__ __forceinline__ std::int32_t ListCopies(const Shape& shape, const Plan& plan, const Place& place,
                                                   Copy* copies) {
  const PixelAt last(plan, place, place.pixels - 1);
  const std::int32_t rows =
      TileRow(shape, plan, place, last) + (plan.sparse ? shape.r : (shape.r - 1) * shape.dilation_h + 1);
  const std::int32_t count = rows * static_cast<std::int32_t>(plan.by_units.divisor);
  const std::int32_t w0 = place.q0 * shape.stride_w + plan.first_w;
  const std::int32_t step = shape.channels_last ? 1 : plan.unit;
#pragma unroll 1
  for (std::int32_t i = static_cast<std::int32_t>(threadIdx.x); i < count;
       i += static_cast<std::int32_t>(blockDim.x)) {
    const Quotient at = Divide(i, plan.by_units);
    const std::int32_t w = w0 + at.remainder * step;
    std::int32_t image, h;
    if (plan.sparse) {
      const Quotient row = Divide(at.quotient, plan.by_r);
      const Quotient down = Divide(place.p0 + row.quotient, plan.by_p);
      image = down.quotient;
      h = down.remainder * shape.stride_h + row.remainder * shape.dilation_h - shape.pad_h;
    } else {
      const Quotient down = Divide(place.p0 * shape.stride_h + at.quotient, plan.by_image_rows);
      image = down.quotient, h = down.remainder - shape.pad_h;
    }
    const bool inside = place.n0 + image < shape.n &&
                        static_cast<std::uint32_t>(h) < static_cast<std::uint32_t>(shape.h) &&
                        static_cast<std::uint32_t>(w) < static_cast<std::uint32_t>(shape.w);
    const std::int32_t to = at.quotient * plan.pitch + plan.first_to + at.remainder * step * kColumn;
    Copy copy = {0, -1 - to};
    if (inside) {
      copy.from = static_cast<std::uint32_t>(image) * static_cast<std::uint32_t>(shape.x.n) +
                  static_cast<std::uint32_t>(h * shape.x.h + w * shape.x.w);
      copy.to = to;
    }
    copies[i] = copy;
  }
  return count;
}

}  // namespace assay::dsconv::tiled
