#include "harness/tune/halving.h"

#include <algorithm>
#include <map>

namespace assay {
namespace {

constexpr double kFarBehindOwnBest = 1.3;
constexpr double kHopeless = 2;

// Places of those that have a time, by variant, the fastest first.
std::map<std::size_t, std::vector<std::size_t>> ByVariant(std::span<const Standing> standings) {
  std::map<std::size_t, std::vector<std::size_t>> places;
  for (std::size_t i = 0; i < standings.size(); ++i) {
    if (standings[i].median) places[standings[i].variant].push_back(i);
  }
  for (auto& [variant, list] : places) {
    std::ranges::stable_sort(list, {}, [&](std::size_t place) { return *standings[place].median; });
  }
  return places;
}

}  // namespace

std::vector<std::size_t> BetterHalf(std::span<const Standing> standings) {
  const auto places = ByVariant(standings);
  double best = 0;
  for (const auto& [variant, list] : places) {
    const double own = *standings[list.front()].median;
    if (best == 0 || own < best) best = own;
  }
  std::vector<std::size_t> going_on;
  for (const auto& [variant, list] : places) {
    const double own = *standings[list.front()].median;
    const bool hopeless = own > kHopeless * best;
    const auto free =
        std::ranges::count_if(list, [&](std::size_t place) { return !standings[place].pinned; });
    std::size_t room = hopeless ? 1 : std::max(kFinalists, (static_cast<std::size_t>(free) + 1) / 2);
    for (const std::size_t place : list) {
      const Standing& standing = standings[place];
      const bool pinned = standing.pinned && !hopeless;
      if (!pinned && (room == 0 || *standing.median > kFarBehindOwnBest * own)) continue;
      if (!pinned) --room;
      going_on.push_back(place);
    }
  }
  std::ranges::sort(going_on);
  return going_on;
}

bool OnlyFinalists(std::span<const Standing> standings) {
  return std::ranges::all_of(ByVariant(standings), [&](const auto& each) {
    return std::ranges::count_if(each.second, [&](std::size_t place) { return !standings[place].pinned; }) <=
           static_cast<std::ptrdiff_t>(kFinalists);
  });
}

}  // namespace assay
