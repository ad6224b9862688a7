// The judging steps that draw inputs, launch and hold the outputs against the reference; one file a step. A
// step that is not in the table is not reported. Memory is checked behind every launch (memory_step.h),
// after-timing is another entry.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "harness/record/record.h"
#include "harness/verify/case_run.h"

namespace assay {

// What one turn of a step came to.
struct Finding {
  std::optional<Failure> failure;
  double max_error_share = 0;  // of bounded comparisons
  std::int64_t compared = 0;   // elements
  std::int64_t idle = 0;       // of them, those whose right value says little: zero or saturated
  std::string note;            // what the detail of the step should say besides
};

struct Turn {
  int index = 0;
  int seeds = 0;                 // how many the config asks for
  std::uint64_t first_seed = 0;  // they are consecutive
  std::uint64_t seed() const { return first_seed + static_cast<std::uint64_t>(index); }
};

// A step that has passed, for its detail.
struct StepSummary {
  int turns = 0;
  double max_error_share = 0;
  std::string note;
};

struct JudgingStep {
  Step step;
  // Why the step cannot be held for this case; empty: it can.
  std::string (*not_applicable)(const Case& c);
  // How many turns it takes. A step with a turn for each seed takes turns with others of the kind.
  int (*turns)(const Case& c, int seeds);
  bool for_each_seed;
  Finding (*run)(CaseRun& run, const Turn& turn);
  // What was checked, once all turns have passed.
  std::string (*passed)(const CaseRun& run, const StepSummary& summary);
};

// Those for each seed first, then the others, each in the order of Step.
std::span<const JudgingStep> JudgingSteps();

JudgingStep ExactStep();
JudgingStep BoundedStep();
JudgingStep PrecisionStep();
JudgingStep SpecialValuesStep();
JudgingStep OrderStep();

// The comparison of one set of outputs (`bits[i]` being output i's) with the reference of a drawing: exact
// where the reference is (FillKind::kExact, some probes), otherwise within the bound that the variant's
// promise gives.
Finding CompareOutputs(Step step, const Case& c, const VariantInfo& variant, const Drawing& drawing,
                       std::span<const std::span<const std::byte>> bits, ReferenceCache& cache,
                       HostArray<float>& room);
// Of the run's last launch.
Finding CompareLastLaunch(Step step, CaseRun& run, const Drawing& drawing);

// "802816 elements of y"
std::string ElementsOfOutputs(const std::vector<TensorSpec>& outputs);

}  // namespace assay
