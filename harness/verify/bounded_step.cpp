// Step bounded: random reals; every element within the bound that follows from the arithmetic that the
// variant promises.
#include <fmt/format.h>

#include "harness/verify/sentences.h"
#include "harness/verify/steps.h"

namespace assay {
namespace {

std::string NotApplicable(const Case&) { return {}; }

Finding Run(CaseRun& run, std::uint64_t seed) {
  run.Launch(FillKind::kRandom, seed);
  return CompareLastLaunch(Step::kBounded, run, FillKind::kRandom, seed);
}

std::string Passed(const CaseRun& run, int seeds, double max_error_share) {
  return fmt::format("{}: {} within the bound, the largest error is {:.3g} of it",
                     Counted(seeds, "seed", "seeds"), ElementsOfOutputs(run.outputs()), max_error_share);
}

}  // namespace

JudgingStep BoundedStep() { return {Step::kBounded, NotApplicable, Run, Passed}; }

}  // namespace assay
