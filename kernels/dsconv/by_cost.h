// Tiles in the order of what they cost.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

namespace assay::dsconv {

// The cheapest first; of equal ones in the order in which they were found.
template <class Tile>
std::vector<Tile> TilesByCost(std::vector<std::pair<double, Tile>> found) {
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Tile> tiles;
  for (const auto& [cost, tile] : found) tiles.push_back(tile);
  return tiles;
}

}  // namespace assay::dsconv
