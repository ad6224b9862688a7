// What a block of the `mma` kernel works on, and how that lies in shared memory.
#pragma once

#include <cstdint>

#include "kernels/dsconv/shape.h"

namespace assay::dsconv::mma {

// A warp owns 8 output columns times 2 * kRows output rows, and 8 * kTiles output channels.
inline constexpr int kColumns = 8;

// Bytes before the weights that stay: b_pw and barriers.
__host__ __device__ constexpr std::int32_t HeadBytes(std::int32_t matrices, std::int32_t barrier_bytes) {
  return (matrices * 32 + barrier_bytes + 1023) / 1024 * 1024;
}

// parts.h: the most matrices of a block that shares input channels with others, and the most such blocks.
inline constexpr std::int32_t kMostSharingTiles = 8, kMostParts = 8;

// split.h: a chunk of operands, and how many of them and of the weights there is room for.
inline constexpr std::int32_t kSplitThreads = 384, kSplitBarrierBytes = 160;
inline constexpr std::int32_t kOperandBytes = 128 * 64 * 2, kOperandStages = 2, kWeightStages = 2;

// One launch. Bytes are of shared memory.
struct Plan {
  std::int32_t images, warps_p, warps_q;  // of a block: warps_p x warps_q for each image
  std::int32_t warps;                     // of a block, that compute the depthwise half
  std::int32_t rows, columns;             // output pixels of a block
  std::int32_t tiles_p, tiles_q, tiles;   // blocks of pixels: down and across an image, and in all
  std::int32_t step_n, step_p, step_q;   // from a block's tile to its next: gridDim.x as images, down, across
  std::int32_t channels_out;             // of a block
  std::int32_t chunk, chunks;            // input channels at once: 16, 32 or 64; rounds
  std::int32_t parts, part_chunks;       // channels are split among blocks: sums of so many chunks each
  std::int32_t halo_rows, halo_columns;  // of the input tile
  std::int32_t pitch;                    // pixels between its rows in shared memory
  std::int32_t odd;                      // stride 2: where the odd columns begin, in pixels; else 0
  std::int32_t taps_padded;              // words a channel of the prepacked depthwise weights
  std::int32_t x_bytes, depthwise_bytes, weight_bytes;  // of one chunk; weight_bytes includes depthwise_bytes
  std::int32_t x_copied;                                // of x_bytes, without what aligns the next
  std::int32_t packed_bytes;    // b_pw and the weights of all chunks, in the workspace
  std::int32_t resident_bytes;  // of the weights that stay
  std::int32_t stage_bytes;     // an input tile, and its weights unless they stay
  std::int32_t stages;
  bool resident;  // the weights of all chunks stay in shared memory
  bool split;     // the halves in warps of their own (split.h)
  bool vectors;   // x is read 16 bytes at a time
};

// Where the pixel at `row` and `column` of the input tile stands among all of its pixels. At stride 2 the
// even columns stand before the odd ones, so that the columns that a tap needs for neighbouring outputs are
// neighbours.
__device__ __forceinline__ std::int32_t PlaceOf(const Plan& plan, std::int32_t row, std::int32_t column) {
  return row * plan.pitch + (plan.odd == 0 ? column : (column & 1) * plan.odd + (column >> 1));
}

// Byte offset of the first unit of the pixel at `place`: its channels of a chunk are units of 8, 16 bytes
// each. Unit u is at UnitOffset ^ (u << 4). Eight neighbouring pixels then put a unit into eight different
// groups of banks; it is how tensor maps swizzle 128, 64 and 32 bytes.
__device__ __forceinline__ std::int32_t UnitOffset(const Plan& plan, std::int32_t place) {
  const std::int32_t phase =
      plan.chunk == 64 ? place & 7 : (plan.chunk == 32 ? place >> 1 & 3 : place >> 2 & 1);
  return place * plan.chunk * 2 + (phase << 4);
}

// The output channel, within a block's, that column `n` of matrix `tile` computes. A lane holds columns 2t
// and 2t + 1 of every matrix; with this order those of four matrices are 8 channels in a row, which it stores
// at once. Two matrices that are left over give 4 in a row.
template <int kTiles>
__device__ __forceinline__ constexpr std::int32_t ChannelOf(std::int32_t tile, std::int32_t n) {
  const std::int32_t group = tile / 4 * 4;
  const std::int32_t matrices = group + 4 <= kTiles ? 4 : kTiles - group;
  return group * 8 + n / 2 * (2 * matrices) + (tile - group) * 2 + n % 2;
}

}  // namespace assay::dsconv::mma
