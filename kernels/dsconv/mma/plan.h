// What a block of the `mma` and `hopper` kernels works on, and how that lies in shared memory.
#pragma once

#include <cstdint>

#include "kernels/dsconv/shape.h"

namespace assay::dsconv::mma {

// A warp owns 8 output columns times 2 * kRows output rows, and 8 * kTiles output channels.
inline constexpr int kColumns = 8;

// What the sums of 8 output channels start from, for every lane of four the two channels of its sums, twice:
// loaded as it stands, it takes no moves between registers.
inline constexpr std::int32_t kStartBytes = 64;

// Bytes before the weights that stay: starts of sums, as many zeros, and barriers.
__host__ __device__ constexpr std::int32_t HeadBytes(std::int32_t matrices, std::int32_t barrier_bytes) {
  return (matrices * 2 * kStartBytes + barrier_bytes + 1023) / 1024 * 1024;
}

// Matrices of 8 output channels that leave a warp together, and bytes of a pair of rows of these.
__host__ __device__ constexpr std::int32_t GroupOf(std::int32_t matrices) {
  return matrices < 4 ? matrices : 4;
}
__host__ __device__ constexpr std::int32_t GroupBytes(std::int32_t matrices) {
  return GroupOf(matrices) * 512;
}

// Behind the weights of a block of output channels in the workspace (tma_load.h).
inline constexpr std::int32_t kCounterBytes = 16;

// One launch. Bytes are of shared memory.
struct Plan {
  std::int32_t images, warps_p, warps_q;  // of a block: warps_p x warps_q for each image
  std::int32_t patches;                   // of a block: what these make of it, 8 columns of rows each
  std::int32_t split;                     // warps that share the input channels of a patch
  std::int32_t warps;                     // of a block, that compute
  std::int32_t rows, columns;             // output pixels of a block
  std::int32_t tiles_p, tiles_q, tiles;   // blocks of pixels: down and across an image, and in all
  std::int32_t fixed_tiles;               // the first of these, whose block is known beforehand
  std::int32_t step_n, step_p, step_q;   // from a block's tile to its next: gridDim.x as images, down, across
  std::int32_t channels_out;             // of a block
  std::int32_t chunk, chunks;            // input channels of a stage: 16, 32 or 64; stages of a tile
  std::int32_t last_chunk;               // input channels of a tile's last stage, which may be narrower
  std::int32_t steps;                    // 16 input channels each, in all
  std::int32_t halo_rows, halo_columns;  // of the input tile; columns are made even
  std::int32_t image_bytes;              // of the input tile of one image
  std::int32_t last_image_bytes;         // of its last chunk
  std::int32_t taps_padded;              // words a channel of prepacked weights of any filter
  std::int32_t fixed;                    // size of a filter with a kernel of its own, else 0
  std::int32_t depthwise_bytes, step_bytes;  // weights of 16 input channels: depthwise, and with pointwise
  std::int32_t x_bytes;                      // of a stage: its input tile
  std::int32_t packed_bytes;                 // b_pw, the weights of all channels, counters: of the workspace
  std::int32_t resident_bytes;               // of the weights that stay
  std::int32_t exchange_bytes;               // for sums of warps that share a patch
  std::int32_t stage_bytes;                  // an input tile, and its weights unless they stay
  std::int32_t stages;
  bool resident;   // the weights of all channels stay in shared memory
  bool rehearses;  // stores once without outputs, while the first input tile is on its way
  bool vectors;    // x is read 16 bytes at a time
};

// The steps of a chunk: the last one may have fewer.
__device__ __forceinline__ std::int32_t StepsOf(const Plan& plan, std::int32_t chunk) {
  const std::int32_t whole = plan.chunk / 16, left = plan.steps - chunk * whole;
  return left < whole ? left : whole;
}

// The channels of a chunk.
__device__ __forceinline__ std::int32_t WidthOf(const Plan& plan, std::int32_t chunk) {
  return chunk + 1 == plan.chunks ? plan.last_chunk : plan.chunk;
}

// Byte offset of the first unit of a pixel of the input tile, counted row by row, the images' rows one below
// the other: its channels of a chunk of `width` are units of 8, 16 bytes each. Unit u is at UnitOffset ^
// (u << 4). Eight neighbouring pixels then put a unit into eight different groups of banks; it is how tensor
// maps swizzle 128, 64 and 32 bytes: by bits 0 to 2, 1 and 2, or 2 of the pixel.
__device__ __forceinline__ std::int32_t UnitOffset(std::int32_t width, std::int32_t pixel) {
  return pixel * (2 * width) + (pixel * (width / 4) & (2 * width - 16));
}

// b_dw of 8 channels, each pair of channels twice: what a lane's four sums start from.
inline constexpr std::int32_t kBiasBytes = 64;

// Words of the prepacked depthwise weights that a lane holds of one column of taps: the taps from above in
// pairs, once beginning with the first and once with the second (FixedWindow).
__host__ __device__ constexpr std::int32_t WordsOfColumn(std::int32_t size) { return 2 * (size - 1); }

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
