// What all reports share, derived from the records alone: throughput, share of the floor, speed-up over each
// baseline and over the strongest, means. Only a right case has a time here: a wrong kernel's speed is no
// figure, whatever the journal holds.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "harness/record/journal.h"
#include "harness/record/statistics.h"

namespace assay {

// A kernel's speed-up over one baseline with the same operator, problem, dtype, layout, device and way of
// launching, whose arithmetic is no coarser than its own.
struct Comparison {
  std::size_t baseline = 0;  // its place in the journal
  Ratio speedup;
};

// Figures of one case; times in seconds, rates per second. All but `warning` are 0 or empty where `timed` is
// false.
struct CaseFigures {
  bool timed = false;
  double median = 0, low = 0, high = 0;
  double bytes_per_second = 0;
  double flops_per_second = 0;
  double floor_seconds = 0;  // 0 if the floor is not known
  double floor_share = 0;    // floor / median: 1 is as fast as the hardware allows
  // Of a kernel: one for each right baseline, the strongest (smallest median) first.
  std::vector<Comparison> comparisons;
  std::string warning;  // why the time deserves doubt; empty if nothing speaks against it

  const Comparison* Strongest() const { return comparisons.empty() ? nullptr : &comparisons.front(); }
};

// Speed-ups of one variant in one dtype and layout over one baseline.
struct GroupMean {
  std::string op, dtype, layout, variant;
  std::string baseline;  // empty: over each problem's strongest
  int compared = 0;      // right, timed, with a baseline: what the mean is taken over
  double mean = 0;       // geometric; 0 if nothing was compared
  double smallest = 0, largest = 0;
  int without_baseline = 0;  // right and timed, but no right baseline to compare with
  int not_right = 0;         // wrong or failed: left out of the mean
  int not_run = 0;           // unsupported or unavailable
};

struct Analysis {
  std::vector<CaseFigures> cases;      // in the journal's order
  std::vector<std::size_t> failures;   // places of the records that CountsAsFailure, wrong ones first
  std::array<int, 6> totals{};         // by Verdict
  std::vector<std::string> baselines;  // their names, in order of first appearance
  // Kernels only, in order of first appearance; each kernel's over the strongest baseline, and where
  // several baselines have times, those over each of them after it.
  std::vector<GroupMean> means;
  int warnings = 0;  // cases with a warning
  int missing = 0;   // planned cases that the journal does not hold

  int Total(Verdict verdict) const { return totals[static_cast<std::size_t>(verdict)]; }
};

Analysis Analyse(const Journal& journal);

// `count` evenly spaced quantiles (smallest and largest included, linear in between), or all samples, sorted,
// if there are no more than that.
std::vector<double> Quantiles(std::vector<double> samples, std::size_t count);

}  // namespace assay
