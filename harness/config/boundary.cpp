#include "harness/config/boundary.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <unordered_set>
#include <utility>

namespace assay {
namespace {

// A dtype, a layout, and the kernels that the base sweep has in them.
struct Combination {
  assay_dtype dtype;
  assay_layout layout;
  std::vector<std::string> variants;
};

std::vector<Combination> CombinationsOf(const Sweep& base) {
  std::vector<Combination> combinations;
  for (const Case& c : base.cases) {
    if (c.baseline) continue;
    auto at = std::ranges::find_if(combinations, [&](const Combination& each) {
      return each.dtype == c.dtype && each.layout == c.layout;
    });
    if (at == combinations.end()) at = combinations.insert(at, {c.dtype, c.layout, {}});
    if (std::ranges::find(at->variants, c.variant) == at->variants.end()) at->variants.push_back(c.variant);
  }
  if (combinations.empty()) {
    throw ConfigError(
        "found a selection without a kernel; allowed: at least one variant that is no baseline");
  }
  // The base may have dropped some of the first problem's cases.
  std::ranges::sort(combinations, {},
                    [](const Combination& each) { return std::pair(each.dtype, each.layout); });
  return combinations;
}

// The cases of one problem; none is named, none a baseline.
void AddCases(const Problem& problem, const std::string& label, const Combination& combination,
              std::vector<Case>& cases, int seeds = 0) {
  for (const std::string& variant : combination.variants) {
    cases.push_back({problem, label, combination.dtype, combination.layout, variant, false, false, seeds});
  }
}

void AddTiles(const std::vector<Case>& cases, const TileLookup& tile_of, std::set<TileAxis>& tile) {
  for (const Case& c : cases) {
    if (c.baseline) continue;
    const std::vector<TileAxis> axes = tile_of(c);
    tile.insert(axes.begin(), axes.end());
  }
}

std::vector<Case> BoundaryCases(const Operator& op, const std::set<TileAxis>& tile,
                                const std::vector<Combination>& combinations) {
  std::vector<Case> cases;
  const std::vector<TileAxis> axes(tile.begin(), tile.end());
  for (const BoundaryProblem& boundary : op.BoundaryProblems(axes)) {
    for (const Combination& combination : combinations) {
      AddCases(boundary.problem, boundary.label, combination, cases);
    }
  }
  return cases;
}

// Of the same kind as `base`, as yet without cases. A comment in the text keeps a run of one from being
// resumed as the other.
Sweep SweepLike(const Sweep& base, const std::string& kind, const std::string& comment) {
  Sweep sweep = base;
  sweep.name += "-" + kind;
  sweep.text = fmt::format("# {}\n{}", comment, base.text);
  sweep.measure.enabled = false;
  sweep.cases.clear();
  return sweep;
}

}  // namespace

Sweep WithBoundaryProblems(const Sweep& base, const TileLookup& tile_of) {
  const std::vector<Combination> combinations = CombinationsOf(base);
  const Operator& op = *base.cases.front().problem.op;
  Sweep sweep = SweepLike(base, "boundary", "with boundary problems in place of its own");

  std::set<TileAxis> tile;
  AddTiles(base.cases, tile_of, tile);
  AddTiles(BoundaryCases(op, tile, combinations), tile_of, tile);
  sweep.cases = BoundaryCases(op, tile, combinations);
  if (sweep.cases.empty()) {
    throw ConfigError(fmt::format("operator {} knows no boundary problems", op.name()));
  }
  return sweep;
}

void AddHugeProblems(const Sweep& base, const FitLookup& fits, Sweep& sweep) {
  const std::vector<Combination> combinations = CombinationsOf(base);
  for (const BoundaryProblem& huge : base.cases.front().problem.op->HugeProblems()) {
    std::map<assay_dtype, bool> fits_in;
    for (const Combination& combination : combinations) {
      const auto [answer, is_new] = fits_in.try_emplace(combination.dtype);
      if (is_new) answer->second = fits(huge.problem, combination.dtype);
      if (answer->second) AddCases(huge.problem, huge.label, combination, sweep.cases, kHugeSeeds);
    }
  }
}

Sweep GeneratedSweep(const Sweep& base, int count, std::uint64_t first_seed) {
  const std::vector<Combination> combinations = CombinationsOf(base);
  const Operator& op = *base.cases.front().problem.op;
  Sweep sweep = SweepLike(
      base, "generated",
      fmt::format("with {} generated problems from seed {} on in place of its own", count, first_seed));
  std::unordered_set<std::string> seen;
  for (int i = 0; i < count; ++i) {
    const std::uint64_t seed = first_seed + static_cast<std::uint64_t>(i);
    const Combination& combination = combinations[seed % combinations.size()];
    std::vector<Case> cases;
    try {
      AddCases(op.RandomProblem(seed), fmt::format("generated, seed {}", seed), combination, cases);
    } catch (const ProblemError& error) {
      throw ConfigError(error.what());
    }
    // Two seeds may give one problem, above all a very small one.
    if (!seen.insert(cases.front().Id()).second) continue;
    std::ranges::move(cases, std::back_inserter(sweep.cases));
    if (std::ssize(sweep.cases) > kMaxCases) {
      throw ConfigError(
          fmt::format("found {} generated problems for {} kernels; allowed: {} cases in a sweep", count,
                      combination.variants.size(), kMaxCases));
    }
  }
  return sweep;
}

}  // namespace assay
