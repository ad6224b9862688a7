// Where the seconds of a case go, by stage.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace assay {

using StageSeconds = std::vector<std::pair<std::string, double>>;

// One thread's: each moment is the innermost stage's alone.
class StageClock {
 public:
  void Enter(const char* stage);
  void Leave();
  // Of all stages entered since the last call, in the order of their names.
  StageSeconds Take();

 private:
  void Switch();  // puts down what has passed to the stage that ends or is interrupted

  using Clock = std::chrono::steady_clock;
  std::vector<const char*> stages_;
  Clock::time_point since_;
  StageSeconds seconds_;
};

// While it lives that stage runs. The clock may be nullptr.
class [[nodiscard]] InStage {
 public:
  InStage(StageClock* clock, const char* stage) : clock_(clock) {
    if (clock_ != nullptr) clock_->Enter(stage);
  }
  ~InStage() {
    if (clock_ != nullptr) clock_->Leave();
  }
  InStage(const InStage&) = delete;
  InStage& operator=(const InStage&) = delete;

 private:
  StageClock* clock_;
};

// Adds `share` of each.
void AddStages(StageSeconds& sum, const StageSeconds& more, double share);

}  // namespace assay
