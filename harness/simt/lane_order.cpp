#include "harness/simt/lane_order.h"

#include <cstddef>
#include <utility>

namespace assay::simt {

std::vector<LanePermutation> MakePermutations(LaneOrder order, std::uint64_t seed) {
  std::vector<LanePermutation> permutations(order == LaneOrder::kShuffled ? kShuffledChoices : 1);
  OrderRandom random(seed);
  for (LanePermutation& permutation : permutations) {
    for (std::uint32_t position = 0; position < 32; ++position) {
      const std::uint32_t lane = order == LaneOrder::kReversed ? 31 - position : position;
      permutation.lane_at[position] = static_cast<std::uint8_t>(lane);
    }
    if (order == LaneOrder::kShuffled) {
      for (std::uint32_t left = 32; left > 1; --left) {
        std::swap(permutation.lane_at[left - 1], permutation.lane_at[random.Below(left)]);
      }
    }
    for (std::uint8_t position = 0; position < 32; ++position) {
      permutation.position_of[permutation.lane_at[position]] = position;
    }
  }
  return permutations;
}

}  // namespace assay::simt
