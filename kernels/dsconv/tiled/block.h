// What a block of the `tiled` kernel works on, as far as the compiler has to know it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace assay::dsconv::tiled {

// kWarpsPixels x kWarpsOut warps; a warp owns 64 pixels x 4 kPerOut output channels, a thread 8 x kPerOut of
// them: two groups of four pixels, and one or two of four channels.
template <int kWarpsPixels_, int kWarpsOut_, int kPerOut_, int kChunk_, int kBlocksPerSm_>
struct Block {
  static constexpr int kWarpsPixels = kWarpsPixels_, kWarpsOut = kWarpsOut_;
  static constexpr int kLanesPixels = 8, kLanesOut = 4;
  static constexpr int kPerPixels = 8, kPerOut = kPerOut_;
  static constexpr int kWarpPixels = kLanesPixels * kPerPixels, kWarpOut = kLanesOut * kPerOut;
  static constexpr int kPixels = kWarpsPixels * kWarpPixels, kOut = kWarpsOut * kWarpOut;
  static constexpr int kWarps = kWarpsPixels * kWarpsOut, kThreads = 32 * kWarps;
  static constexpr int kChunk = kChunk_;  // input channels of a round
  static constexpr int kBlocksPerSm = kBlocksPerSm_;
  static constexpr int kMidPitch = kPixels + 4;     // a row 4 banks further: rows are written side by side
  static constexpr int kPointwise = kChunk * kOut;  // words of a chunk's pointwise weights

  static_assert(kLanesPixels * kLanesOut == 32, "a warp");
  static_assert(kPerOut % 4 == 0, "operands are read from shared memory 16 bytes at a time");
  static_assert(kChunk % 8 == 0, "16 bytes of fp16 in NHWC");
  static_assert(kThreads * kBlocksPerSm <= 2048, "an SM holds 64 warps");

  // At the beginning of shared memory. Behind it: weights, the list of the input tile's copies, and the input
  // tile (two chunks of each), whose sizes depend on the problem (plan.h).
  struct Storage {
    std::int64_t y_at[kPixels];       // a pixel's offset in y, at channel 0; -1: there is none
    std::int32_t x_at[kPixels];       // its window's first element in the input tile
    float mid[2][kChunk][kMidPitch];  // depthwise results
  };
  static_assert(sizeof(Storage) % 16 == 0, "what lies behind it is aligned");

  // The epilogue's own use of the memory from `mid` on: 32 pixels of a warp, in rows of pixels or of
  // channels.
  static constexpr int kStagePitch = 36;
  static constexpr int kStageWords = 32 * kStagePitch;
  static constexpr int kEpilogueBytes =
      static_cast<int>(offsetof(Storage, mid)) + kWarps * kStageWords * static_cast<int>(sizeof(float));
  static_assert(kWarpOut <= 32, "rows of channels have room for a warp's");
};

}  // namespace assay::dsconv::tiled
