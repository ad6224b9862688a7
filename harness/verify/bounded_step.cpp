// Step bounded: random reals; every element within the bound that follows from the arithmetic that the
// variant promises.
#include <fmt/format.h>

#include "harness/verify/sentences.h"
#include "harness/verify/steps.h"

namespace assay {
namespace {

std::string NotApplicable(const Case&) { return {}; }

int Turns(const Case&, int seeds) { return seeds; }

Finding Run(CaseRun& run, const Turn& turn) {
  const Drawing drawing = run.DrawingOf(FillKind::kRandom, turn.seed());
  run.Launch(drawing);
  return CompareLastLaunch(Step::kBounded, run, drawing);
}

std::string Passed(const CaseRun& run, const StepSummary& summary) {
  return fmt::format("{}: {} within the bound, the largest error is {:.3g} of it",
                     Counted(summary.turns, "seed", "seeds"), ElementsOfOutputs(run.outputs()),
                     summary.max_error_share);
}

}  // namespace

JudgingStep BoundedStep() { return {Step::kBounded, NotApplicable, Turns, true, Run, Passed}; }

}  // namespace assay
