// The blocks that kernels are compiled for, and what may be chosen among them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>

#include "kernels/dsconv/tiled/block.h"
#include "kernels/dsconv/tiled/plan.h"

namespace assay::dsconv::tiled {

// What may be chosen.
struct Tile {
  int block;  // of Blocks
  Depthwise depthwise;
  std::int32_t band;  // output columns
  int unit;           // elements of x that are copied at once: as many as alignment allows
};

using Blocks = std::tuple<Block<2, 8, 8, 16, 1>,   // 0: 128 pixels x 256 channels, 16 input channels at once
                          Block<2, 4, 8, 16, 2>,   // 1: 128 x 128, 16
                          Block<2, 4, 8, 8, 2>,    // 2: 128 x 128, 8: large input tiles
                          Block<2, 3, 8, 16, 2>,   // 3: 128 x 96, 16
                          Block<2, 2, 8, 16, 4>,   // 4: 128 x 64, 16
                          Block<2, 2, 8, 8, 4>,    // 5: 128 x 64, 8
                          Block<4, 1, 8, 8, 4>,    // 6: 256 x 32, 8
                          Block<2, 1, 8, 8, 7>,    // 7: 128 x 32, 8
                          Block<4, 1, 4, 8, 5>,    // 8: 256 x 16, 8
                          Block<1, 5, 8, 8, 3>,    // 9: 64 x 160, 8
                          Block<1, 4, 8, 16, 4>>;  // 10: 64 x 128, 16
inline constexpr int kBlocks = std::tuple_size_v<Blocks>;

inline constexpr int kUnmeasured = 10;

// Which kernels there are: those that were the fastest of a layer, so that each way to compute the depthwise
// half is there for many and few output channels; for 16 bits, whose place is on tensor cores, just two.
constexpr bool IsCompiled(int block, Depthwise depthwise, bool is_float) {
  if (!is_float && depthwise != Depthwise::kDirect) {
    return depthwise == Depthwise::kGather && (block == 2 || block == 7);
  }
  switch (depthwise) {
    case Depthwise::kStrips1:
      return block != 2;
    case Depthwise::kStrips2:
      return block != 1 && block != 5 && block != 6 && block != 8 && block != 10;
    case Depthwise::kGather3:
      return block == 0 || block == 1 || block == 7 || block == 10;
    case Depthwise::kGather:
      return block == 0 || block == 2 || block == 5 || block == 7;
    default:
      return block == 7;
  }
}

// The block that takes what no other does (kDirect).
inline constexpr int kLastResort = 7;
static_assert(IsCompiled(kLastResort, Depthwise::kDirect, true) &&
              IsCompiled(kLastResort, Depthwise::kDirect, false));

// A block's numbers, at run time.
struct BlockInfo {
  int pixels, out, per_out, chunk, warps, blocks_per_sm, pointwise;
  std::int64_t storage_bytes, epilogue_bytes;
};

template <class B>
constexpr BlockInfo InfoOf() {
  return {B::kPixels,       B::kOut,         B::kPerOut,    B::kChunk,
          B::kWarps,        B::kBlocksPerSm, B::kPointwise, sizeof(typename B::Storage),
          B::kEpilogueBytes};
}

template <std::size_t... i>
BlockInfo InfoAt(int block, std::index_sequence<i...>) {
  constexpr BlockInfo all[] = {InfoOf<std::tuple_element_t<i, Blocks>>()...};
  return all[block];
}
inline BlockInfo InfoOf(int block) { return InfoAt(block, std::make_index_sequence<kBlocks>{}); }

}  // namespace assay::dsconv::tiled
