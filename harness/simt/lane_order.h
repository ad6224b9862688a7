// The order in which a warp's lanes run.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "harness/simt/simt.h"

namespace assay::simt {

// A permutation of a warp's lanes. Sets of lanes are kept as bit masks by position, so that the lane to run
// next is the lowest bit.
struct LanePermutation {
  std::array<std::uint8_t, 32> lane_at{};
  std::array<std::uint8_t, 32> position_of{};

  std::uint32_t Positions(std::uint32_t lanes) const {
    if (lanes == 0xffffffffu) return lanes;
    std::uint32_t positions = 0;
    for (; lanes != 0; lanes &= lanes - 1)
      positions |= 1u << position_of[static_cast<unsigned>(std::countr_zero(lanes))];
    return positions;
  }
};

// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to draw orders from.
class OrderRandom {
 public:
  explicit OrderRandom(std::uint64_t seed) : state_(seed) {}
  std::uint64_t operator()() {
    state_ += 0x9e3779b97f4a7c15u;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  std::uint32_t Below(std::uint32_t limit) {
    return static_cast<std::uint32_t>(((*this)() >> 32) * limit >> 32);
  }

 private:
  std::uint64_t state_;
};

// The permutations to choose from: one for the fixed orders, kShuffledChoices of them when shuffled.
inline constexpr std::uint32_t kShuffledChoices = 64;
std::vector<LanePermutation> MakePermutations(LaneOrder order, std::uint64_t seed);

}  // namespace assay::simt
