// Step precision: probes for which the promised arithmetic rounds nowhere but at the end, so that coarser
// arithmetic shows whatever the problem's size: sums of integers as wide as the promised formats, and
// one-term sums whose only error is an activation's.
#include <fmt/format.h>

#include <algorithm>

#include "harness/verify/sentences.h"
#include "harness/verify/steps.h"

namespace assay {
namespace {

int WideTurns(const Case& c, int seeds) {
  const int turns = c.problem.op->ProbeTurns(c.problem, FillKind::kWide);
  return turns == 0 ? 0 : std::max(turns, seeds);
}

int Turns(const Case& c, int seeds) {
  return WideTurns(c, seeds) + c.problem.op->ProbeTurns(c.problem, FillKind::kActivation);
}

std::string NotApplicable(const Case& c) {
  return Turns(c, 1) == 0 ? fmt::format("{} has no probe of its arithmetic", c.problem.op->name()) : "";
}

Finding Run(CaseRun& run, const Turn& turn) {
  const int wide = WideTurns(run.c(), turn.seeds);
  const int index = turn.index < wide ? turn.index : turn.index - wide;
  const FillKind kind = turn.index < wide ? FillKind::kWide : FillKind::kActivation;
  const Drawing drawing = run.DrawingOf(kind, turn.first_seed + static_cast<std::uint64_t>(index));
  run.Launch(drawing);
  return CompareLastLaunch(Step::kPrecision, run, drawing);
}

std::string Passed(const CaseRun& run, const StepSummary& summary) {
  const Drawing wide = run.DrawingOf(FillKind::kWide, 1);
  const int activations = run.c().problem.op->ProbeTurns(run.c().problem, FillKind::kActivation);
  std::string text = fmt::format("{} of integers as wide as the promised formats: {} {}",
                                 Counted(summary.turns - activations, "launch", "launches"),
                                 ElementsOfOutputs(run.outputs()),
                                 HasExactReference(wide) ? "equal to the reference, rounded once, bit for bit"
                                                         : "within the activations' own error");
  if (activations > 0) {
    text += fmt::format("; {} that sweep{} an activation's argument, within its own error",
                        Counted(activations, "launch", "launches"), activations == 1 ? "s" : "");
  }
  return text;
}

}  // namespace

JudgingStep PrecisionStep() { return {Step::kPrecision, NotApplicable, Turns, false, Run, Passed}; }

}  // namespace assay
