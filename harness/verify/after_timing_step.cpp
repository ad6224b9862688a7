// Step after-timing: what the timed launches left in device memory is judged as step bounded judges, so that
// a kernel which is right only while it is being judged does not keep its time.
#include <fmt/format.h>

#include <algorithm>

#include "harness/verify/judge.h"
#include "harness/verify/sentences.h"
#include "harness/verify/steps.h"

namespace assay {

void Judge::JudgeAfterTiming(const Case& c, const VariantInfo& variant, const TimedInputs& inputs,
                             std::span<const TensorVector<std::byte>> output_bits, Judgement& judgement) {
  const std::vector<std::span<const std::byte>> bits(output_bits.begin(), output_bits.end());
  Drawing drawing{&c.problem, c.dtype, FillKind::kRandom, inputs.seed};
  drawing.spikes = {c.layout, inputs.spikes};
  const Finding finding =
      CompareOutputs(Step::kAfterTiming, c, variant, drawing, bits, *cache_, scratch_->logical);

  auto& steps = judgement.steps;
  auto at = std::find_if(steps.begin(), steps.end(),
                         [](const StepResult& s) { return s.step == Step::kAfterTiming; });
  if (at == steps.end()) at = steps.insert(at, StepResult{Step::kAfterTiming, Outcome::kNotRun, ""});
  judgement.max_error_share = std::max(judgement.max_error_share, finding.max_error_share);
  if (finding.failure) {
    at->outcome = Outcome::kFailed;
    at->detail = finding.failure->detail;
    // An earlier step's failure says more about the kernel.
    if (judgement.verdict == Verdict::kRight || judgement.verdict == Verdict::kUntrusted) {
      judgement.verdict = Verdict::kWrong;
      judgement.reason = finding.failure->detail;
      judgement.failure = finding.failure;
    }
  } else if (at->outcome != Outcome::kFailed) {
    at->outcome = Outcome::kPassed;
    at->detail = fmt::format("seed {} with spikes: {} within the bound, the largest error is {:.3g} of it",
                             inputs.seed, ElementsOfOutputs(c.problem.op->Outputs(c.problem)),
                             finding.max_error_share);
  }
}

}  // namespace assay
