#include "harness/verify/memory_step.h"

#include <fmt/format.h>

#include "harness/verify/sentences.h"

namespace assay {

std::optional<Failure> CheckMemoryStep(const CaseBuffers& buffers, std::uint64_t seed) {
  const std::string faults = buffers.CheckMemory();
  if (faults.empty()) return std::nullopt;
  Failure failure;
  failure.step = Step::kMemory;
  failure.seed = seed;
  failure.detail = fmt::format("step {}, seed {}: {}", StepName(Step::kMemory), seed, faults);
  return failure;
}

std::string MemoryPassed(int launches) {
  return fmt::format("{}: guard zones intact, inputs unchanged", Counted(launches, "launch", "launches"));
}

}  // namespace assay
