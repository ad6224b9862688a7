// What a block of the `tf32` and `tf32x3` kernels works on, and how that lies in shared memory.
#pragma once

#include <cstdint>

#include "kernels/dsconv/shape.h"

namespace assay::dsconv::tf32 {

// A warp owns kRows x kColumns output pixels: a column each for eight groups of four lanes.
inline constexpr int kRows = 4, kColumns = 8;

// Input channels of two products; a lane makes the depthwise half of four of them.
inline constexpr int kGroup = 16;

// Registers are shared out so that an SM has room for this many warps; no block has more.
__host__ __device__ constexpr int WarpsPerSm(int matrices) {
  return matrices == 8 ? 8 : (matrices == 4 ? 12 : 16);
}

// Quotients of numbers below 2^16 without a division: x / d = (x m) / 2^32 with m = 2^32 / d + 1 rounded
// down, exact while x d < 2^32.
struct Divisor {
  std::uint32_t divisor, magic;
};

inline Divisor DivisorOf(std::int32_t divisor) {
  const auto d = static_cast<std::uint32_t>(divisor);
  return {d, d == 1 ? 0 : static_cast<std::uint32_t>((std::uint64_t{1} << 32) / d + 1)};
}

__device__ __forceinline__ std::int32_t operator/(std::int32_t x, const Divisor& by) {
  const auto dividend = static_cast<std::uint32_t>(x);
  return static_cast<std::int32_t>(
      by.divisor == 1 ? dividend : static_cast<std::uint32_t>(std::uint64_t{dividend} * by.magic >> 32));
}

// One launch. Words are of 4 bytes, bytes are of shared memory.
struct Plan {
  std::int32_t images, warps_p, warps_q;  // of a block: warps_p x warps_q for each image
  std::int32_t warps;
  std::int32_t rows, columns;            // output pixels of a block
  std::int32_t tiles_p, tiles_q, tiles;  // blocks of pixels: down and across an image, and in all
  std::int32_t step_n, step_p, step_q;   // from a block's tile to its next: gridDim.x as images, down, across
  std::int32_t channels_out;             // of a block
  std::int32_t groups, all_groups;       // of input channels: in a chunk, and in all
  std::int32_t chunks;
  std::int32_t halo_rows, halo_columns;  // of the input tile
  std::int32_t skew;                     // columns that are loaded before it, so that copies are aligned
  std::int32_t pitch;                    // between its rows: words in NCHW, pixels in NHWC
  std::int32_t plane;                    // NCHW: words between channels
  std::int32_t group_x_words;            // of the input tile, a group
  std::int32_t positions;                // copies of a plane (NCHW) or of a group of channels (NHWC)
  std::int32_t at_once;                  // NCHW: planes that the block copies side by side
  Divisor by_positions, by_row, by_halo_rows;  // by_row: copies (NCHW) or pixels (NHWC) of an input row
  std::int32_t taps_padded;                    // words a channel of the prepacked depthwise weights
  std::int32_t group_bytes;                    // of the weights
  std::int32_t x_bytes, weight_bytes;          // of a chunk
  std::int32_t stage_bytes;                    // an input tile, and its weights unless they stay
  std::int32_t stages;
  std::int64_t packed_bytes;    // b_pw and all weights of a block, in the workspace
  std::int64_t resident_bytes;  // of the weights that stay
  bool resident;                // the weights of all chunks stay in shared memory
  bool direct;                  // x is read from global memory: its tile is too large for shared memory
  bool vectors;                 // x is copied 16 bytes at a time
  bool store_vectors;           // y is written 16 (NHWC) or 8 bytes at a time
};

// Bytes before the weights that stay: b_pw.
__host__ __device__ constexpr std::int32_t HeadBytes(std::int32_t matrices) { return matrices * 64; }

// Words of a group's b_dw and depthwise weights.
__host__ __device__ constexpr std::int32_t DepthwiseWords(std::int32_t taps_padded) {
  return kGroup + kGroup * taps_padded;
}

// Words of a group's pointwise weights: the A fragments of two products a matrix, in `parts` TF32 parts.
__host__ __device__ constexpr std::int32_t PointwiseWords(std::int32_t matrices, std::int32_t parts) {
  return 2 * matrices * parts * 128;
}

// The input channel, within a group, that lane 4g + t takes as its j-th. In NHWC a lane's four are
// neighbours, in NCHW those of neighbouring lanes are.
template <bool kChannelsLast>
__device__ __forceinline__ constexpr std::int32_t ChannelIn(std::int32_t t, std::int32_t j) {
  return kChannelsLast ? 4 * t + j : t + 4 * j;
}

// The output channel, within a block's, that row `row` of matrix `matrix` computes. Lane 4g + t holds rows g
// and g + 8 of every matrix; in NHWC those of two matrices are four channels in a row, stored at once.
template <bool kChannelsLast>
__device__ __forceinline__ constexpr std::int32_t ChannelOut(std::int32_t matrix, std::int32_t row) {
  return kChannelsLast ? matrix / 2 * 32 + row % 8 * 4 + matrix % 2 * 2 + row / 8 : matrix * 16 + row;
}

}  // namespace assay::dsconv::tf32
