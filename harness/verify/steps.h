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

// What one seed of a step came to.
struct Finding {
  std::optional<Failure> failure;
  double max_error_share = 0;  // of bounded comparisons
};

struct JudgingStep {
  Step step;
  // Why the step cannot be held for this case; empty: it can.
  std::string (*not_applicable)(const Case& c);
  Finding (*run)(CaseRun& run, std::uint64_t seed);
  // What was checked, once all seeds have passed.
  std::string (*passed)(const CaseRun& run, int seeds, double max_error_share);
};

// In the order of Step.
std::span<const JudgingStep> JudgingSteps();

JudgingStep ExactStep();
JudgingStep BoundedStep();

// The comparison of one set of outputs (`bits[i]` being output i's) with the reference of a drawing: exact
// for FillKind::kExact, otherwise within the bound that the variant's promise gives.
Finding CompareOutputs(Step step, const Case& c, const VariantInfo& variant, const Drawing& drawing,
                       std::span<const std::span<const std::byte>> bits, ReferenceCache& cache,
                       HostArray<float>& room);
// Of the run's last launch.
Finding CompareLastLaunch(Step step, CaseRun& run, FillKind kind, std::uint64_t seed);

// "802816 elements of y"
std::string ElementsOfOutputs(const std::vector<TensorSpec>& outputs);

}  // namespace assay
