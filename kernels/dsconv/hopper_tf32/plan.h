// What a block of the `hopper_tf32` and `hopper_tf32x3` kernels works on, and how that lies in shared memory.
//
// Output rows are taken in bands of two; the bands of all images, one image after the other, are stacked. A
// tile is `bands` of them times `columns` output columns: at most 64 slots of one column and two rows, 128
// pixels; or half of that. Input rows lie in shared memory band after band, those that neighbouring bands
// share once; where the next band is another image's, its upper rows follow the lower ones of the band
// before.
#pragma once

#include <cstdint>

#include "kernels/device/divide.h"
#include "kernels/dsconv/shape.h"

namespace assay::dsconv::hopper_tf32 {

using device::Divisor;

inline constexpr std::int32_t kBandRows = 2;
inline constexpr std::int32_t kSlots = 64;      // columns of a tile
inline constexpr std::int32_t kFewSlots = 32;   // of a small one
inline constexpr std::int32_t kPixels = 128;    // of a tile of kSlots
inline constexpr std::int32_t kStripSlots = 4;  // of a strip (strips_nhwc.h)

// The depthwise results of a chunk, operand A, as 8 x 4 matrices: four channels of a pixel are 16 bytes,
// those of all pixels follow each other, and the next four channels begin this many bytes later. The 16 bytes
// in excess put the channels of a pixel into different banks.
__host__ __device__ constexpr std::int32_t OperandStep(std::int32_t slots) {
  return slots * kBandRows * 16 + 16;
}

// Bytes of a chunk of operand A in one TF32 part.
__host__ __device__ constexpr std::int32_t OperandBytes(std::int32_t chunk, std::int32_t slots) {
  return chunk / 4 * OperandStep(slots);
}

// Of a kernel without matrix unit ("no parts") the results stand as [channel][pixel], so many words a
// channel.
inline constexpr std::int32_t kMidPitch = kPixels + 4;

// All parts of a chunk of operand A; 0 parts: see kMidPitch.
__host__ __device__ constexpr std::int32_t AllOperandBytes(std::int32_t chunk, int parts,
                                                           std::int32_t slots) {
  return parts == 0 ? chunk * kMidPitch * 4 : OperandBytes(chunk, slots) * parts;
}

// Where a channel's results begin there, and bytes from a slot to the next.
template <int kParts, int kTileSlots = kSlots>
__device__ __forceinline__ constexpr std::int32_t OperandAt(std::int32_t channel) {
  return kParts == 0 ? channel * (kMidPitch * 4) : channel / 4 * OperandStep(kTileSlots) + channel % 4 * 4;
}
__host__ __device__ constexpr std::int32_t SlotBytes(int parts) { return parts == 0 ? 4 : 16; }

// Input channels of a unit of pointwise weights in `parts` TF32 parts, and its bytes for `columns` output
// channels.
__host__ __device__ constexpr std::int32_t UnitChannels(std::int32_t parts) { return parts == 2 ? 8 : 16; }
__host__ __device__ constexpr std::int32_t UnitBytes(std::int32_t columns) { return 64 * columns; }

// NCHW: plan.skew of filters with a kernel of their own. A bulk copy begins at a multiple of 16 bytes, and
// the first tap of an even column with a padding of 1 is the last of four. Where it is the last of eight and
// rows in shared memory are multiples of 32 bytes as well, a copy takes 0.6 to 0.8 of the time.
inline constexpr std::int32_t kPlaneSkew = 3, kWideSkew = 7;

inline constexpr std::int32_t kMostStages = 8;  // of any ring
// Groups of depthwise warps. The barriers of a third one stand behind all others.
inline constexpr int kMostGroups = 3, kNearGroups = 2;
inline constexpr std::int32_t kBarrierBytes = 768;  // and which tile the stages of two rings are of

// NCHW: y leaves in boxes of 32 columns of a row by so many output channels. Each multiplying warp has room
// for two of them, 128 bytes a channel.
inline constexpr std::int32_t kBoxColumns = 32;
__host__ __device__ constexpr std::int32_t BoxChannels(int parts) { return parts == 2 ? 8 : 16; }
__host__ __device__ constexpr std::int32_t BoxBytes(int parts) {
  return BoxChannels(parts) * kBoxColumns * 4;
}

// Of other kernels the warps that multiply lack registers for that.
__host__ __device__ constexpr bool HasBoxesOut(int parts, bool turns) { return turns || parts == 0; }

// How the warpgroups that multiply share the work.
enum class Sharing {
  kHalves,   // two: either has half of a tile's pixels (NHWC) or output channels (NCHW)
  kTurns,    // two, each of which has all of every second tile
  kOne,      // one: there are more warps for the depthwise half, or few pixels
  kColumns,  // two: either has half of the output channels of few pixels (NHWC)
};

// Warps that multiply, and those of a block of so many matrices of 8 output channels in all. Of the others
// the first make the depthwise half, and the rest loads, the last one pointwise weights.
inline constexpr int kMultiplyWarps = 8;
__host__ __device__ constexpr int MultiplyWarps(Sharing sharing) {
  return sharing == Sharing::kOne ? kMultiplyWarps / 2 : kMultiplyWarps;
}
__host__ __device__ constexpr int WarpsOf(int matrices, int parts, Sharing sharing) {
  if (sharing == Sharing::kOne || sharing == Sharing::kColumns) return 20;
  return matrices > 16 || parts == 0 || sharing == Sharing::kTurns ? 16 : 20;
}

// One launch. Steps are of 4-byte words, bytes are of shared memory.
struct Plan {
  std::int32_t bands, columns;  // of a tile
  std::int32_t image_bands;     // of an image
  std::int32_t tiles_q, tiles;  // across an image, and in all
  std::int32_t channel_blocks;  // of 8 * kMatrices output channels each
  std::int32_t cluster;         // blocks that share pointwise weights: 1 or 2, of neighbouring tiles
  std::int32_t items;           // tiles, by clusters, times channel_blocks
  // Tiles are handed out by a counter: blocks that went ahead of others would read rows that neighbouring
  // tiles share from device memory again.
  bool counted;
  std::int32_t
      run_items;  // of a cluster, one after the other; 0: every so many of all, as there are clusters
  std::int32_t chunks, units;  // of input channels
  bool turns;  // the multiplying warpgroups take turns at tiles, else either has a part of every tile
  std::int32_t depthwise_groups, depthwise_warps;  // warps of a group; groups take turns at chunks
  std::int32_t band_strips;                        // of a band
  std::int32_t copy_threads;
  std::int32_t run_rows;     // input rows of a whole image's bands
  std::int32_t band_step;    // input rows from a band to the next of its image: 2 * stride
  std::int32_t break_rows;   // input rows more where the next band is another image's
  std::int32_t skew;         // NCHW: columns before the first that is needed, so that copies are aligned
  std::int32_t width;        // columns that are needed
  std::int32_t rows, pitch;  // of the input tile: room for rows, and input columns
  std::int32_t box_rows;     // that are copied at once
  std::int32_t row_step, channel_step, pixel_step;  // of the input tile
  std::int32_t x_bytes, row_bytes;                  // of the input tile's room, and of a row of it
  std::int32_t depthwise_bytes, pointwise_bytes;    // weights: of a chunk, of a unit
  std::int32_t taps_padded;  // NCHW: words of a channel's depthwise weights, its bias behind them
  std::int32_t x_stages, operand_stages, weight_stages;
  std::int64_t depthwise_at, pointwise_at, counters_at;  // in the workspace; b_pw stands first
  Divisor by_columns, by_image_bands, by_width, by_run_rows, by_channel_blocks, by_tiles_q, by_band_strips;
  bool resident;  // the pointwise weights of all units stay in shared memory
  bool copies;    // x by loads of the copying threads, element by element; else by TMA
  bool by_rows;   // TMA: box_rows rows after the other, since tiles may be of several images
  // Of up to two depthwise groups, whether only every second round of a slot of x is one's.
  bool x_alternates;
  bool vectors;                 // y is written 16 bytes at a time
  bool boxes_out;               // NCHW: y is written by TMA, from shared memory
  std::int32_t slots;           // that a tile has room for
  std::int32_t strip_passes;    // pairs of strips of a tile
  std::int32_t multiply_warps;  // that read a stage of operands, or of weights
};

// The input row in shared memory at which band `band` of a tile begins, the tile's first band being band
// `first` of its image.
__device__ __forceinline__ std::int32_t BandRow(const Plan& plan, std::int32_t first, std::int32_t band) {
  return band * plan.band_step + plan.by_image_bands.Quotient(first + band) * plan.break_rows;
}

// Input rows of a tile.
__device__ __forceinline__ std::int32_t TileRows(const Plan& plan, std::int32_t first) {
  return BandRow(plan, first, plan.bands - 1) + plan.band_step + plan.break_rows;
}

// The output channel, within a block's, of column `column` of the products. A lane has columns 2t and 2t + 1
// of every eight; in NHWC those of two eights are four channels in a row, which it stores at once.
template <bool kChannelsLast>
__device__ __forceinline__ constexpr std::int32_t ChannelOf(std::int32_t column) {
  if (!kChannelsLast) return column;
  return column / 16 * 16 + column % 8 / 2 * 4 + column / 8 % 2 * 2 + column % 2;
}

// NCHW: the row of operand A that is row `row` of slot `slot`. A warp multiplies 32 slots of a row, as rows g
// and g + 8 of two matrices of 16: pixels 4g to 4g + 3 are lane 4g + t's, which it stores at once.
__device__ __forceinline__ std::int32_t PlaneRow(std::int32_t slot, std::int32_t row) {
  const std::int32_t group = row * 2 + slot / 32, pixel = slot % 32;
  return pixel / 2 % 2 * 64 + group * 16 + pixel % 2 * 8 + pixel / 4;
}

// Where a tile is.
struct TileAt {
  std::int32_t n, image_band;  // its first band's image, and which of its bands it is
  std::int32_t q0;
  std::int32_t channel_block;

  // That of block `rank` of its cluster.
  __device__ __forceinline__ TileAt(const Plan& plan, std::int32_t item, std::int32_t rank) {
    const std::int32_t tiles = plan.by_channel_blocks.Quotient(item), tile = tiles * plan.cluster + rank;
    channel_block = item - tiles * plan.channel_blocks;
    const std::int32_t down = plan.by_tiles_q.Quotient(tile), band = down * plan.bands;
    q0 = (tile - down * plan.tiles_q) * plan.columns;
    n = plan.by_image_bands.Quotient(band);
    image_band = band - n * plan.image_bands;
  }
};

// In place of an item: there are no more.
inline constexpr std::int32_t kNoItem = -1;

// A place in a ring, and how often it went round.
struct RingAt {
  std::int32_t slot = 0;
  std::uint32_t round = 0;

  __device__ __forceinline__ void Next(std::int32_t slots) {
    if (++slot == slots) slot = 0, ++round;
  }
  __device__ __forceinline__ void Skip(std::int32_t count, std::int32_t slots) {
    for (slot += count; slot >= slots; slot -= slots) ++round;
  }
  // Of the phase that filling the slot in this round completes; of the one that freed it for this round,
  // which counts as complete in the first round. Who waits sees every phase of a slot: a barrier does not
  // tell a phase from the one before the last.
  __device__ __forceinline__ std::uint32_t filled() const { return round & 1; }
  __device__ __forceinline__ std::uint32_t freed() const { return (round & 1) ^ 1; }
};

}  // namespace assay::dsconv::hopper_tf32
