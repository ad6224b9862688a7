// Step exact: small integers, for which every correct kernel gives the reference bit for bit, whatever its
// order of sums.
#include <fmt/format.h>

#include "harness/verify/sentences.h"
#include "harness/verify/steps.h"

namespace assay {
namespace {

std::string NotApplicable(const Case& c) {
  std::string why;
  if (c.problem.op->HasExactInputs(c.problem, c.dtype, &why)) return {};
  return why.empty() ? "the operator has no exact inputs for this case" : why;
}

int Turns(const Case&, int seeds) { return seeds; }

Finding Run(CaseRun& run, const Turn& turn) {
  const Drawing drawing = run.DrawingOf(FillKind::kExact, turn.seed());
  run.Launch(drawing);
  return CompareLastLaunch(Step::kExact, run, drawing);
}

std::string Passed(const CaseRun& run, const StepSummary& summary) {
  return fmt::format("{}: {} equal to the reference bit for bit", Counted(summary.turns, "seed", "seeds"),
                     ElementsOfOutputs(run.outputs()));
}

}  // namespace

JudgingStep ExactStep() { return {Step::kExact, NotApplicable, Turns, true, Run, Passed}; }

}  // namespace assay
