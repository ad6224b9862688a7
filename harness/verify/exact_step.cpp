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

Finding Run(CaseRun& run, std::uint64_t seed) {
  run.Launch(FillKind::kExact, seed);
  return CompareLastLaunch(Step::kExact, run, FillKind::kExact, seed);
}

std::string Passed(const CaseRun& run, int seeds, double) {
  return fmt::format("{}: {} equal to the reference bit for bit", Counted(seeds, "seed", "seeds"),
                     ElementsOfOutputs(run.outputs()));
}

}  // namespace

JudgingStep ExactStep() { return {Step::kExact, NotApplicable, Run, Passed}; }

}  // namespace assay
