#include "harness/record/statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <stdexcept>
#include <vector>

namespace assay {
namespace {

std::vector<double> Range(int n) {
  std::vector<double> values(static_cast<std::size_t>(n));
  std::iota(values.begin(), values.end(), 1.0);
  return values;
}

TEST(MedianWithInterval, RanksOfTheTextbook) {
  // Conover's table A3 and any binomial table: for 10 samples ranks 2 and 9 (97.9 %), for 20 ranks 6 and 15
  // (95.9 %), for 100 ranks 40 and 61 (96.5 %).
  Estimate estimate = MedianWithInterval(Range(10), 0.95);
  EXPECT_EQ(estimate.median, 5.5);
  EXPECT_EQ(estimate.low, 2);
  EXPECT_EQ(estimate.high, 9);
  EXPECT_NEAR(estimate.coverage, 0.9785, 1e-4);
  estimate = MedianWithInterval(Range(20), 0.95);
  EXPECT_EQ(estimate.low, 6);
  EXPECT_EQ(estimate.high, 15);
  EXPECT_NEAR(estimate.coverage, 0.9586, 1e-4);
  estimate = MedianWithInterval(Range(100), 0.95);
  EXPECT_EQ(estimate.low, 40);
  EXPECT_EQ(estimate.high, 61);
  EXPECT_NEAR(estimate.coverage, 0.9648, 1e-4);
}

TEST(MedianWithInterval, TooFewSamplesGiveTheWholeRangeAndSayWhatItIsWorth) {
  const Estimate one = MedianWithInterval(Range(1), 0.95);
  EXPECT_EQ(one.median, 1);
  EXPECT_EQ(one.low, 1);
  EXPECT_EQ(one.high, 1);
  EXPECT_EQ(one.coverage, 0);
  const Estimate five = MedianWithInterval(Range(5), 0.95);
  EXPECT_EQ(five.low, 1);
  EXPECT_EQ(five.high, 5);
  EXPECT_NEAR(five.coverage, 0.9375, 1e-12);
  EXPECT_GE(MedianWithInterval(Range(6), 0.95).coverage, 0.95);
}

TEST(MedianWithInterval, OrderDoesNotMatterAndOneOutlierMovesNothing) {
  std::vector<double> samples = Range(51);
  samples.back() = 1e9;
  const Estimate sorted = MedianWithInterval(samples, 0.99);
  std::shuffle(samples.begin(), samples.end(), std::mt19937(1));
  const Estimate shuffled = MedianWithInterval(samples, 0.99);
  EXPECT_EQ(shuffled.median, 26);
  EXPECT_EQ(shuffled.low, sorted.low);
  EXPECT_EQ(shuffled.high, sorted.high);
  EXPECT_LT(shuffled.high, 51);
}

TEST(MedianWithInterval, ManySamplesDoNotUnderflow) {
  const Estimate estimate = MedianWithInterval(Range(20001), 0.95);
  EXPECT_EQ(estimate.median, 10001);
  // Normal approximation: 1.96 * sqrt(n) / 2 ranks either side.
  EXPECT_NEAR(estimate.high - estimate.median, 0.98 * std::sqrt(20001.0), 2);
  EXPECT_GE(estimate.coverage, 0.95);
}

TEST(MedianWithInterval, CoversTheTrueMedianAsOftenAsItPromises) {
  std::mt19937_64 generator(7);
  std::exponential_distribution<double> exponential(1.0);
  int covered = 0;
  constexpr int kTrials = 4000;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<double> samples(31);
    for (double& sample : samples) sample = exponential(generator);
    const Estimate estimate = MedianWithInterval(samples, 0.95);
    if (estimate.low <= std::log(2.0) && std::log(2.0) <= estimate.high) ++covered;
  }
  // 31 samples: ranks 10 and 22, coverage 0.9706; four standard deviations of 4000 trials are 0.011.
  EXPECT_NEAR(static_cast<double>(covered) / kTrials, 0.9706, 0.011);
}

TEST(MedianWithInterval, NothingToMeasureIsAnError) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(MedianWithInterval({}, 0.95), std::invalid_argument);
  EXPECT_THROW(MedianWithInterval(std::vector<double>{1, nan}, 0.95), std::invalid_argument);
  EXPECT_THROW(MedianWithInterval(Range(3), 1.0), std::invalid_argument);
  EXPECT_THROW(MedianWithInterval(Range(3), nan), std::invalid_argument);
}

std::vector<double> LogNormal(int n, double median, double sigma, std::uint64_t seed) {
  std::mt19937_64 generator(seed);
  std::lognormal_distribution<double> distribution(std::log(median), sigma);
  std::vector<double> values(static_cast<std::size_t>(n));
  for (double& value : values) value = distribution(generator);
  return values;
}

TEST(RatioOfMedians, ConstantSamplesGiveAPoint) {
  const Ratio ratio = RatioOfMedians(std::vector<double>(9, 6.0), std::vector<double>(12, 2.0), 0.95);
  EXPECT_EQ(ratio.value, 3);
  EXPECT_EQ(ratio.low, 3);
  EXPECT_EQ(ratio.high, 3);
}

TEST(RatioOfMedians, IsRepeatableWhateverTheOrder) {
  std::vector<double> a = LogNormal(40, 2, 0.1, 1);
  const std::vector<double> b = LogNormal(41, 1, 0.1, 2);
  const Ratio first = RatioOfMedians(a, b, 0.95);
  std::reverse(a.begin(), a.end());
  const Ratio second = RatioOfMedians(a, b, 0.95);
  EXPECT_EQ(first.low, second.low);
  EXPECT_EQ(first.high, second.high);
  EXPECT_LT(first.low, first.value);
  EXPECT_GT(first.high, first.value);
}

// A bootstrap that draws whole resamples, as the textbook says it; RatioOfMedians draws their medians
// directly.
Ratio PlainBootstrap(const std::vector<double>& a, const std::vector<double>& b, double confidence) {
  std::mt19937_64 generator(99);
  const auto median_of_resample = [&](const std::vector<double>& from) {
    std::uniform_int_distribution<std::size_t> pick(0, from.size() - 1);
    std::vector<double> drawn(from.size());
    for (double& value : drawn) value = from[pick(generator)];
    std::sort(drawn.begin(), drawn.end());
    const std::size_t n = drawn.size();
    return n % 2 ? drawn[n / 2] : 0.5 * (drawn[n / 2 - 1] + drawn[n / 2]);
  };
  std::vector<double> ratios(20000);
  for (double& ratio : ratios) ratio = median_of_resample(a) / median_of_resample(b);
  std::sort(ratios.begin(), ratios.end());
  const auto at = [&](double share) { return ratios[static_cast<std::size_t>(share * 19999)]; };
  return {0, at((1 - confidence) / 2), at((1 + confidence) / 2)};
}

TEST(RatioOfMedians, AgreesWithAPlainBootstrap) {
  for (const int n : {12, 13, 60}) {
    const std::vector<double> a = LogNormal(n, 2, 0.2, 3);
    const std::vector<double> b = LogNormal(n + 1, 1, 0.1, 4);
    const Ratio fast = RatioOfMedians(a, b, 0.9);
    const Ratio plain = PlainBootstrap(a, b, 0.9);
    EXPECT_NEAR(fast.low, plain.low, 0.02 * plain.low) << n;
    EXPECT_NEAR(fast.high, plain.high, 0.02 * plain.high) << n;
  }
}

TEST(RatioOfMedians, HoldsTheTrueRatioAboutAsOftenAsItPromises) {
  int covered = 0;
  constexpr int kTrials = 300;
  for (int trial = 0; trial < kTrials; ++trial) {
    const auto seed = static_cast<std::uint64_t>(trial);
    const Ratio ratio =
        RatioOfMedians(LogNormal(50, 3, 0.1, 2 * seed), LogNormal(50, 2, 0.1, 2 * seed + 1), 0.95);
    if (ratio.low <= 1.5 && 1.5 <= ratio.high) ++covered;
  }
  const double share = static_cast<double>(covered) / kTrials;
  EXPECT_GT(share, 0.90);
  EXPECT_LT(share, 0.995);
}

TEST(RatioOfMedians, RefusesSamplesThatAreNoTimes) {
  EXPECT_THROW(RatioOfMedians({}, Range(3), 0.95), std::invalid_argument);
  EXPECT_THROW(RatioOfMedians(Range(3), std::vector<double>{0.0, 1.0}, 0.95), std::invalid_argument);
  EXPECT_THROW(RatioOfMedians(std::vector<double>{-1.0}, Range(3), 0.95), std::invalid_argument);
}

}  // namespace
}  // namespace assay
