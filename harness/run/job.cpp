#include "harness/run/job.h"

#include "reference/dtype.h"

namespace assay {

Record StartRecord(const Case& c, const Sweep& sweep, const Device& device, const RunOptions& options) {
  Record record;
  record.id = c.Id();
  record.op = c.problem.op->name();
  record.problem = c.problem.op->ProblemId(c.problem);
  for (const assay_param& param : c.problem.params) record.params.emplace_back(param.name, param.value);
  record.label = c.label;
  record.dtype = DTypeName(c.dtype);
  record.layout = LayoutName(c.layout);
  record.variant = c.variant;
  record.baseline = c.baseline;
  record.named = c.named;
  record.device = device.name();
  record.reproduce = ReproduceCommand(c, sweep.verify, options.device_argument) + options.more_arguments;
  const Cost cost = c.problem.op->CostOf(c.problem, c.dtype);
  record.bytes = cost.compulsory_bytes;
  record.flops = cost.Flops();
  return record;
}

double TransferSeconds(const Case& c) {
  constexpr double kBytesPerSecond = 2e8;  // each byte goes to and fro several times
  double bytes = 0;
  for (const auto& specs : {c.problem.op->Inputs(c.problem), c.problem.op->Outputs(c.problem)}) {
    for (const TensorSpec& spec : specs) {
      bytes += static_cast<double>(spec.Count()) * static_cast<double>(DTypeBytes(c.dtype));
    }
  }
  return bytes / kBytesPerSecond;
}

void TakeJudgement(Record& record, const Judgement& judgement) {
  record.verdict = judgement.verdict;
  record.reason = judgement.reason;
  record.steps = judgement.steps;
  record.failure = judgement.failure;
  record.max_error_share = judgement.max_error_share;
}

}  // namespace assay
