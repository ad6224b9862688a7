// Choosing among execution plans by measurement. Knows nothing of cuDNN or CUDA, so that what may go wrong -
// plans that do not build, fail when run, or fail half-way through the samples - is tested with a fake.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace assay::cudnn {

// Plans that can be tried, the most promising first. A reason is a sentence without a full stop.
class PlanSource {
 public:
  virtual ~PlanSource() = default;
  virtual std::int64_t Count() const = 0;
  // Equal names mean the same plan, offered twice.
  virtual std::string Name(std::int64_t index) const = 0;
  // These are to be built next: at most TuneLimits::at_once of them, which may happen side by side.
  virtual void Prepare(std::span<const std::int64_t> indices) { (void)indices; }
  // Builds the plan and runs it once, unmeasured. nullopt: usable; otherwise why not.
  virtual std::optional<std::string> Build(std::int64_t index) = 0;
  // One sample with cold caches, in milliseconds. nullopt: it failed, and there is no time.
  virtual std::optional<double> Sample(std::int64_t index) = 0;
  // The plan is out of the running; its memory can be freed. Called at most once a plan.
  virtual void Drop(std::int64_t index) = 0;
};

struct TuneLimits {
  double seconds = 20;  // no new plan is begun after this, once there is one that works
  int plans = 256;      // nor after this many
  int at_once = 1;      // plans that are prepared together
  int samples = 5;      // of each plan
  double hopeless = 3;  // a plan whose first sample is this many times the best median gets no more
  int finalists = 3;    // sampled again in turns, so that a clock that drifts does not choose
  double close = 1.25;  // only plans within this ratio of the best are finalists
  int final_samples = 15;
};

struct Choice {
  std::optional<std::int64_t> index;  // nullopt: no plan works
  double median_ms = 0;               // of the final samples if there was a final
  std::int64_t offered = 0, repeated = 0, tried = 0, failed = 0;
  bool out_of_time = false;           // plans were left untried
  std::vector<std::string> failures;  // the first few distinct reasons, "name: reason"
};

double Median(std::vector<double> values);  // values must not be empty

// Every plan but the chosen one is dropped. `now` gives seconds.
Choice ChoosePlan(PlanSource& source, const TuneLimits& limits, const std::function<double()>& now);

}  // namespace assay::cudnn
