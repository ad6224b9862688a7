// Sweeps that a program makes from a sweep that a person wrote: its kernels, dtypes, layouts and verify
// settings with other problems. They are judged and not timed, and have no baselines.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "harness/config/config.h"

namespace assay {

// What the case's variant says of its tile; empty if it says nothing or cannot be asked here.
using TileLookup = std::function<std::vector<TileAxis>(const Case&)>;

// Problems of more than 2^31 elements are judged with one seed: each takes a minute of CPU time or more.
inline constexpr int kHugeSeeds = 1;

// The operator's boundary problems around the tiles of all kernels, dtypes, layouts and problems of `base`,
// each crossed with every combination of kernel, dtype and layout that `base` has. A kernel may take another
// tile for a problem so small, so it is asked once more for these. Labels say why a problem is there. No case
// is `named`: a kernel need not support every odd shape. Throws ConfigError if the sweep has no kernel or its
// operator knows no such problems.
Sweep WithBoundaryProblems(const Sweep& base, const TileLookup& tile_of);

// Adds the operator's problems of more than 2^31 elements, with kHugeSeeds, to a sweep made from `base` as
// above: those that fit in a dtype, crossed likewise. Every problem is asked about once in each dtype that
// `base` has.
using FitLookup = std::function<bool(const Problem&, assay_dtype)>;
void AddHugeProblems(const Sweep& base, const FitLookup& fits, Sweep& sweep);

// `count` random problems, of the seeds from `first_seed` on. Each comes in one dtype and layout of `base`,
// which take turns with the seed, for every kernel that `base` has in them. A seed gives the same cases
// whatever the count. Throws ConfigError as above, or if there would be more than kMaxCases.
Sweep GeneratedSweep(const Sweep& base, int count, std::uint64_t first_seed);

}  // namespace assay
