// Step special values: NaN and infinities reach every output that the definition takes them to and no other;
// zeros of either sign are zero, and subnormal numbers are not.
#include <fmt/format.h>

#include "harness/verify/sentences.h"
#include "harness/verify/steps.h"

namespace assay {
namespace {

int SpecialTurns(const Case& c) { return c.problem.op->ProbeTurns(c.problem, FillKind::kSpecial); }
int SubnormalTurns(const Case& c) { return c.problem.op->ProbeTurns(c.problem, FillKind::kSubnormal); }

int Turns(const Case& c, int /*seeds*/) { return SpecialTurns(c) + SubnormalTurns(c); }

std::string NotApplicable(const Case& c) {
  return Turns(c, 1) == 0 ? fmt::format("{} has no inputs with special values", c.problem.op->name()) : "";
}

Finding Run(CaseRun& run, const Turn& turn) {
  const int special = SpecialTurns(run.c());
  const bool subnormal = turn.index >= special;
  const auto seed =
      turn.first_seed + static_cast<std::uint64_t>(subnormal ? turn.index - special : turn.index);
  const Drawing drawing = run.DrawingOf(subnormal ? FillKind::kSubnormal : FillKind::kSpecial, seed);
  run.Launch(drawing);
  Finding finding = CompareLastLaunch(Step::kSpecialValues, run, drawing);
  // Where nothing rounds before it, an error's share of the bound says nothing about sums.
  if (subnormal && !finding.failure) finding.max_error_share = 0;
  return finding;
}

std::string Passed(const CaseRun& run, const StepSummary&) {
  const int special = SpecialTurns(run.c());
  std::string text;
  if (special > 0) {
    text = fmt::format(
        "{} with NaN, infinities, signed zeros and subnormal numbers in the activations: each where it "
        "belongs; ",
        Counted(special, "launch", "launches"));
  }
  return text + fmt::format("{} with activations that are subnormal throughout: none flushed to zero",
                            Counted(SubnormalTurns(run.c()), "launch", "launches"));
}

}  // namespace

JudgingStep SpecialValuesStep() { return {Step::kSpecialValues, NotApplicable, Turns, false, Run, Passed}; }

}  // namespace assay
