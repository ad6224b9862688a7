// Medians with honest intervals. Everything that is reported about time goes through these two functions.
#pragma once

#include <span>

namespace assay {

// In the unit of the samples.
struct Estimate {
  double median = 0, low = 0, high = 0;
  // The probability that low..high really has of holding the true median: at least what was asked for, unless
  // there are too few samples for it (below 6 for 95 %); then low..high is the samples' whole range and this
  // says what it is worth.
  double coverage = 0;
};

// Median of the samples with a distribution-free confidence interval from order statistics (the number of
// samples below the true median is binomial; Conover, Practical Nonparametric Statistics, 3rd ed., 3.2). The
// samples may be in any order. Throws std::invalid_argument if there are none, if one is not finite, or if
// confidence is not inside (0, 1).
Estimate MedianWithInterval(std::span<const double> samples, double confidence);

struct Ratio {
  double value = 0, low = 0, high = 0;
};

// median(a) / median(b), with a percentile interval from a seeded bootstrap of both sample sets: the same
// samples, in any order, give the same answer. Throws std::invalid_argument as above, or if a sample is not
// positive.
Ratio RatioOfMedians(std::span<const double> a, std::span<const double> b, double confidence);

}  // namespace assay
