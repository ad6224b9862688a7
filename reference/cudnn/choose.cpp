#include "reference/cudnn/choose.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <set>
#include <stdexcept>

namespace assay::cudnn {
namespace {

struct Timed {
  std::int64_t index;
  double median_ms;
};

bool Faster(const Timed& a, const Timed& b) { return a.median_ms < b.median_ms; }

class Chooser {
 public:
  Chooser(PlanSource& source, const TuneLimits& limits) : source_(source), limits_(limits) {
    choice_.offered = source.Count();
  }

  Choice Run(const std::function<double()>& now) {
    const double start = now();
    for (std::vector<std::int64_t> batch = NextBatch(); !batch.empty(); batch = NextBatch()) {
      const int left = limits_.plans - choice_.tried;
      if (left <= 0 || (!ranking_.empty() && now() - start > limits_.seconds)) {
        choice_.out_of_time = true;
        break;
      }
      if (batch.size() > static_cast<std::size_t>(left)) {
        choice_.out_of_time = true;
        batch.resize(static_cast<std::size_t>(left));
      }
      source_.Prepare(batch);
      for (const std::int64_t index : batch) Try(index);
    }
    Final();
    if (!ranking_.empty()) {
      choice_.index = ranking_.front().index;
      choice_.median_ms = ranking_.front().median_ms;
    }
    return choice_;
  }

 private:
  // The next plans whose names have not come yet.
  std::vector<std::int64_t> NextBatch() {
    std::vector<std::int64_t> batch;
    for (; next_ < choice_.offered && std::ssize(batch) < limits_.at_once; ++next_) {
      if (names_.insert(source_.Name(next_)).second) {
        batch.push_back(next_);
      } else {
        ++choice_.repeated;
      }
    }
    return batch;
  }

  void Try(std::int64_t index) {
    ++choice_.tried;
    if (const auto reason = source_.Build(index)) return Fail(index, *reason);
    std::vector<double> samples;
    for (int i = 0; i < limits_.samples; ++i) {
      const auto sample = source_.Sample(index);
      if (!sample) return Fail(index, "failed while it was timed");
      samples.push_back(*sample);
      if (i == 0 && !ranking_.empty() && *sample > limits_.hopeless * ranking_.front().median_ms) {
        return source_.Drop(index);
      }
    }
    ranking_.push_back({index, Median(samples)});
    std::stable_sort(ranking_.begin(), ranking_.end(), Faster);
    if (ranking_.size() > static_cast<std::size_t>(limits_.finalists)) {
      source_.Drop(ranking_.back().index);
      ranking_.pop_back();
    }
  }

  void Fail(std::int64_t index, const std::string& reason) {
    constexpr std::size_t kReasonsKept = 3;
    ++choice_.failed;
    const std::string line = source_.Name(index) + ": " + reason;
    if (choice_.failures.size() < kReasonsKept) choice_.failures.push_back(line);
    source_.Drop(index);
  }

  void Final() {
    while (ranking_.size() > 1 && ranking_.back().median_ms > limits_.close * ranking_.front().median_ms) {
      source_.Drop(ranking_.back().index);
      ranking_.pop_back();
    }
    if (ranking_.size() < 2 || limits_.final_samples < 1) return;
    std::vector<std::vector<double>> samples(ranking_.size());
    std::vector<bool> out(ranking_.size(), false);
    for (int round = 0; round < limits_.final_samples; ++round) {
      for (std::size_t i = 0; i < ranking_.size(); ++i) {
        if (out[i]) continue;
        if (const auto sample = source_.Sample(ranking_[i].index)) {
          samples[i].push_back(*sample);
        } else {
          out[i] = true;
          Fail(ranking_[i].index, "failed while it was timed");
        }
      }
    }
    std::vector<Timed> left;
    for (std::size_t i = 0; i < ranking_.size(); ++i) {
      if (!out[i]) left.push_back({ranking_[i].index, Median(samples[i])});
    }
    std::stable_sort(left.begin(), left.end(), Faster);
    for (std::size_t i = 1; i < left.size(); ++i) source_.Drop(left[i].index);
    ranking_ = left;
  }

  PlanSource& source_;
  const TuneLimits& limits_;
  Choice choice_;
  std::int64_t next_ = 0;
  std::set<std::string> names_;
  std::vector<Timed> ranking_;  // plans that work, the fastest first
};

}  // namespace

double Median(std::vector<double> values) {
  if (values.empty()) throw std::invalid_argument("the median of no values");
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : 0.5 * (values[middle - 1] + values[middle]);
}

Choice ChoosePlan(PlanSource& source, const TuneLimits& limits, const std::function<double()>& now) {
  return Chooser(source, limits).Run(now);
}

}  // namespace assay::cudnn
