// How `hopper_wide` cuts a problem, and how that lies in shared memory and in the workspace.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/device/divide.h"
#include "kernels/dsconv/shape.h"
#include "kernels/dsconv/wide/clamp.h"
#include "kernels/pack.h"

namespace assay::dsconv::wide {

// Pixels of a block's tile, input channels at once, and bytes of those of a pixel.
inline constexpr std::int32_t kPixels = 128, kChunk = 64, kPixelBytes = 128;

// Input channels of as many bytes of a pixel, of kernels that take fp32 too.
constexpr std::int32_t ChunkOf(assay_dtype dtype) { return kPixelBytes / (dtype == ASSAY_F32 ? 4 : 2); }

// Of the operands of a chunk, a row of wgmma's swizzled layout a pixel.
inline constexpr std::int32_t kOperandBytes = kPixels * kPixelBytes;

// Warps 0 to 7 multiply, the next ones make the depthwise half, and the last one copies. Each quarter of the
// multiprocessor holds as many of them, and registers for 512 threads of 128: with few columns to a block
// there is room for more.
inline constexpr std::int32_t kMultiplyWarps = 8;
__host__ __device__ constexpr std::int32_t DepthwiseWarps(std::int32_t columns) {
  return columns > 128 ? 7 : 11;
}
__host__ __device__ constexpr std::int32_t Threads(std::int32_t columns) {
  return 32 * (kMultiplyWarps + DepthwiseWarps(columns) + 1);
}

// Room for barriers, and the most stages of any ring.
inline constexpr std::int32_t kHeadBytes = 1024, kMostStages = 8;

// Rows of input that are copied at once where they lie so; outputs of a row that a warp makes at a time.
inline constexpr std::int32_t kBoxRows = 4, kSpan = 14;

// How the depthwise half walks (depthwise.h): 3x3 filters along a row at stride 1 or 2, 3x3 filters whose
// columns lie apart, any other.
enum class Walk : std::int32_t { kStride1, kStride2, kSpread, kAny };

// What may be chosen.
struct Tile {
  std::int32_t columns;                    // output channels of a block: a multiple of 32
  std::int32_t pixel_blocks;               // of a cluster: blocks that share their weights
  std::int32_t column_blocks;              // and blocks that share their depthwise half
  std::int32_t width;                      // of the column parts that images are cut into
  std::int32_t unit;                       // pixels of one input stage: 128, 64 or 32
  std::int32_t operands, weights, inputs;  // stages of each ring
};

// One launch. Output pixels are numbered row by row of virtual images: each `width` columns of an image, and
// of each row in `classes` where rows of taps lie that far apart, so that the rows that a filter needs are
// neighbours. A block's tile is 128 such pixels, whatever rows they lie in. Its input is loaded by rows, into
// slots of shared memory.
struct Plan {
  Tile tile;
  Walk walk;
  Clamp middle, output;  // the activations
  bool banded;           // every row of taps has slots of its own; else rows of outputs share them
  bool pairs;            // two rows of outputs are made at once
  bool flat;             // pixels are numbered as they lie in memory
  bool resident;         // the weights stay in shared memory
  std::int32_t parts, classes, rows;  // of an image: column parts, classes of rows, rows of a class
  std::int32_t pixels;                // of all images
  std::int32_t tiles, column_tiles;   // blocks of pixels, and of output channels
  std::int32_t column_groups, cluster_tiles;
  std::int32_t chunks, last_steps;  // of input channels; products of 16 in the last of them
  // Slots from a row of outputs to the next, to the first one of the next image, from a row of taps to the
  // next, of the taps of a row, and of a virtual image; rows of the image from a slot to the next.
  std::int32_t slot_step, slot_cross, slot_tap, slot_span, slot_image, row_step;
  std::int32_t box_columns;   // loaded of a row
  std::int32_t first_column;  // of x, in the boxes of the first part
  std::int32_t patterns;      // units of pixels: the places of rows repeat after so many
  std::int32_t row_bytes, filter_at, filter_bytes, items_at, item_bytes, input_bytes;  // of an input stage
  std::int32_t weight_bytes;                                                           // of a chunk and block
  std::int32_t shared_bytes;
  // In the workspace, which begins with b_pw as floats.
  std::int64_t filters_from, items_from, weights_from, workspace_bytes;
  device::Divisor by_width, by_rows, by_classes, by_image, by_copies, by_patterns, by_groups;
};

template <class Integer>
__host__ __device__ constexpr Integer DivideUp(Integer value, Integer by) {
  return (value + by - 1) / by;
}
template <class Integer>
__host__ __device__ constexpr Integer RoundUp(Integer value, Integer to) {
  return DivideUp(value, to) * to;
}

// Copies of so many neighbouring slots: as many of kBoxRows as there are, then single ones.
__host__ __device__ inline std::int32_t CopiesOf(const Plan& plan, std::int32_t rows) {
  return plan.row_step == 1 ? rows / kBoxRows + rows % kBoxRows : rows;
}

}  // namespace assay::dsconv::wide
