#include "harness/record/stage_clock.h"

#include <algorithm>

namespace assay {

void StageClock::Enter(const char* stage) {
  Switch();
  stages_.push_back(stage);
}

void StageClock::Leave() {
  Switch();
  stages_.pop_back();
}

void StageClock::Switch() {
  const auto now = Clock::now();
  if (!stages_.empty())
    AddStages(seconds_, {{stages_.back(), std::chrono::duration<double>(now - since_).count()}}, 1);
  since_ = now;
}

StageSeconds StageClock::Take() {
  Switch();
  std::ranges::sort(seconds_);
  return std::exchange(seconds_, {});
}

void AddStages(StageSeconds& sum, const StageSeconds& more, double share) {
  for (const auto& [stage, seconds] : more) {
    const auto known = std::ranges::find(sum, stage, &StageSeconds::value_type::first);
    if (known != sum.end()) {
      known->second += share * seconds;
    } else {
      sum.emplace_back(stage, share * seconds);
    }
  }
}

}  // namespace assay
