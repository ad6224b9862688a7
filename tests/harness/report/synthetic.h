// Journals with made-up numbers of a plausible size, for tests of the reports. Nothing in them was measured;
// their header says so, and none is ever published.
#pragma once

#include <cstdint>

#include "harness/record/journal.h"

namespace assay::testing {

struct SyntheticOptions {
  int problems = 5;  // layers, in turn from three networks
  bool timed = true;
  bool with_failures = true;  // some cases wrong, failed, unsupported, unavailable
  int samples = 40;           // a timed case
  std::uint64_t seed = 1;
};

// Per problem: 3 dtypes x 2 layouts x (3 kernels + 2 baselines) = 30 cases.
Journal SyntheticJournal(const SyntheticOptions& options = {});

}  // namespace assay::testing
