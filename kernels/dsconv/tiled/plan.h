// How a problem's pixels are dealt out to blocks, and how a block's input tile lies in shared memory.
//
// The image is cut into bands of columns. In a band, the pixels of all rows of all images stand in one line,
// and a block owns kPixels in a row of it: so no pixel is wasted on small images, and bands as wide as 16 or
// 32 columns make compact tiles of large ones. The input tile has the rows that these pixels' windows touch.
// An image counts image_rows of them, padding included; where a tile runs on into the next image, that one's
// rows follow.
#pragma once

#include <cstdint>

#include "kernels/dsconv/shape.h"

namespace assay::dsconv::tiled {

// How the depthwise half is computed.
enum class Depthwise {
  kStrips1,  // 3 x 3, stride 1: strips of four pixels, 16 bytes of input at a time; rows are whole strips
  kStrips2,  // the same with stride 2
  kGather3,  // 3 x 3 without dilation, pixel by pixel
  kGather,   // any filter, pixel by pixel
  kDirect,   // the input tile is too large for shared memory: x is read from global memory
};

__host__ __device__ constexpr bool IsStrips(Depthwise depthwise) {
  return depthwise == Depthwise::kStrips1 || depthwise == Depthwise::kStrips2;
}

// Elements between the input tile's pixels in NHWC. Strips four pixels apart are read at once: with four
// elements more they find other banks.
__host__ __device__ constexpr int PixelPitch(Depthwise depthwise, int chunk) {
  return depthwise == Depthwise::kStrips1 ? chunk + 4 : chunk;
}

// Quotient and remainder of numbers below 2^32 without a division: with m = 2^32 / d rounded down, x m / 2^32
// is the quotient or one less.
struct Divisor {
  std::uint32_t divisor, magic;
};

inline Divisor DivisorOf(std::int32_t divisor) {
  const auto d = static_cast<std::uint32_t>(divisor);
  return {d, d == 1 ? 0xffffffffu : static_cast<std::uint32_t>((std::uint64_t{1} << 32) / d)};
}

struct Quotient {
  std::int32_t quotient, remainder;
};

__device__ __forceinline__ Quotient Divide(std::int32_t a, const Divisor& by) {
  std::uint32_t quotient = __umulhi(static_cast<std::uint32_t>(a), by.magic);
  std::uint32_t remainder = static_cast<std::uint32_t>(a) - quotient * by.divisor;
  if (remainder >= by.divisor) ++quotient, remainder -= by.divisor;
  return {static_cast<std::int32_t>(quotient), static_cast<std::int32_t>(remainder)};
}

struct Plan {
  std::int32_t band;                              // columns of a band
  Divisor by_band, by_bands, by_tiles_out, by_p;  // by_bands: their number; by_tiles_out: blocks of channels
  std::int64_t line;                              // pixels of a band, over all images
  bool long_line;                                 // it may be more than 2^31
  std::int32_t image_rows;                        // input rows of an image, padding included
  Divisor by_image_rows, by_r, by_units;
  std::int32_t row_step, column_step;  // from tap to tap, in elements of the input tile
  bool sparse;                         // the tile holds r rows for each row of pixels, not all between
  std::int32_t unit;                   // elements of x that are copied at once
  bool store_vectors;                  // y is written 16 bytes at a time, straight from registers
  std::int32_t first_w;                // of the first copy of a row, relative to the band's first window
  std::int32_t first_to;               // and where it goes in the row
  std::int32_t skew;                   // NCHW: elements before the first window's in a row
  std::int32_t pitch;                  // elements between rows of the tile
  std::int32_t plane;                  // NCHW: elements between channels
  std::int32_t copy_width;             // NCHW: threads that copy one plane side by side; a power of two
  std::int32_t copy_step, copy_steps;  // planes that are copied side by side; their product is a chunk
  std::int32_t stage_elements;         // of x, a chunk
  std::int32_t taps_pitch;             // NCHW: words of a channel's depthwise weights and bias
  std::int32_t depthwise_words;        // of a chunk's depthwise weights
  std::int32_t record_words;           // of all its weights
  std::int32_t k_padded;               // output channels of all blocks
  bool mid_plain, mid_clamps;          // act_mid is none; is none, relu or relu6: z between low and high
  bool out_plain, out_clamps;          // the same of act_out
  float mid_low, mid_high, out_low, out_high;
};

}  // namespace assay::dsconv::tiled
