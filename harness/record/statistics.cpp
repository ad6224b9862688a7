#include "harness/record/statistics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <vector>

namespace assay {
namespace {

constexpr int kResamples = 4000;
constexpr std::uint64_t kBootstrapSeed = 0x5eed'a55a'0001;

std::vector<double> Sorted(std::span<const double> samples, double confidence) {
  if (samples.empty()) throw std::invalid_argument("no samples to take a median of");
  if (!(confidence > 0 && confidence < 1))
    throw std::invalid_argument("the confidence must lie between 0 and 1");
  for (double sample : samples) {
    if (!std::isfinite(sample)) throw std::invalid_argument("a sample is not a finite number");
  }
  std::vector<double> sorted(samples.begin(), samples.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

double MedianOfSorted(const std::vector<double>& sorted) {
  const std::size_t n = sorted.size();
  return n % 2 == 1 ? sorted[n / 2] : 0.5 * (sorted[n / 2 - 1] + sorted[n / 2]);
}

// The largest d >= 1 for which the interval from the d-th smallest to the d-th largest of n samples misses
// the true median with a probability, 2 P(X <= d-1) for X ~ Binomial(n, 1/2), of at most `allowed`; 1 if
// there is none. `miss` is that probability.
std::size_t IntervalRank(std::size_t n, double allowed, double* miss) {
  double log_term = -static_cast<double>(n) * std::log(2.0);  // of P(X = 0): too small for a double itself
  double cdf = std::exp(log_term);
  std::size_t d = 1;
  *miss = std::min(1.0, 2 * cdf);
  while (2 * (d + 1) <= n) {
    log_term += std::log(static_cast<double>(n - d + 1) / static_cast<double>(d));
    cdf += std::exp(log_term);
    if (2 * cdf > allowed) break;
    *miss = 2 * cdf;
    ++d;
  }
  return d;
}

// Draws the median of a resample (with replacement) of `sorted` without drawing the resample. The k-th
// smallest of n uniform numbers is Beta(k, n-k+1), the next one the smallest of n-k uniform numbers above it;
// the samples that they fall on are the resample's k-th and next order statistics (David and Nagaraja, Order
// Statistics, 3rd ed., 2.1).
class MedianResampler {
 public:
  explicit MedianResampler(std::vector<double> sorted)
      : sorted_(std::move(sorted)),
        n_(sorted_.size()),
        k_((n_ + 1) / 2),
        below_(static_cast<double>(k_)),
        above_(static_cast<double>(n_ - k_ + 1)) {}

  double Draw(std::mt19937_64& generator) {
    const double x = below_(generator);
    const double u = x / (x + above_(generator));
    if (n_ % 2 == 1) return At(u);
    const double next = u + (1 - u) * (1 - std::pow(uniform_(generator), 1.0 / static_cast<double>(n_ - k_)));
    return 0.5 * (At(u) + At(next));
  }

 private:
  double At(double u) const {
    return sorted_[std::min(n_ - 1, static_cast<std::size_t>(u * static_cast<double>(n_)))];
  }

  std::vector<double> sorted_;
  std::size_t n_;
  std::size_t k_;
  std::gamma_distribution<double> below_, above_;  // x / (x + y) of the two is Beta(k, n-k+1)
  std::uniform_real_distribution<double> uniform_{0.0, 1.0};
};

}  // namespace

Estimate MedianWithInterval(std::span<const double> samples, double confidence) {
  const std::vector<double> sorted = Sorted(samples, confidence);
  const std::size_t n = sorted.size();
  double miss = 0;
  const std::size_t d = IntervalRank(n, 1 - confidence, &miss);
  Estimate estimate;
  estimate.median = MedianOfSorted(sorted);
  estimate.low = sorted[d - 1];
  estimate.high = sorted[n - d];
  estimate.coverage = 1 - miss;
  return estimate;
}

Ratio RatioOfMedians(std::span<const double> a, std::span<const double> b, double confidence) {
  std::vector<double> sorted_a = Sorted(a, confidence);
  std::vector<double> sorted_b = Sorted(b, confidence);
  if (sorted_a.front() <= 0 || sorted_b.front() <= 0) {
    throw std::invalid_argument("a ratio of medians needs positive samples");
  }
  Ratio ratio;
  ratio.value = MedianOfSorted(sorted_a) / MedianOfSorted(sorted_b);
  MedianResampler draw_a(std::move(sorted_a));
  MedianResampler draw_b(std::move(sorted_b));
  std::mt19937_64 generator(kBootstrapSeed);
  std::vector<double> ratios(kResamples);
  for (double& r : ratios) {
    const double numerator = draw_a.Draw(generator);
    r = numerator / draw_b.Draw(generator);
  }
  std::sort(ratios.begin(), ratios.end());
  const double tail = 0.5 * (1 - confidence) * (kResamples - 1);
  ratio.low = ratios[static_cast<std::size_t>(std::floor(tail))];
  ratio.high = ratios[static_cast<std::size_t>(std::ceil(kResamples - 1 - tail))];
  return ratio;
}

}  // namespace assay
