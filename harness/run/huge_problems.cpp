#include "harness/run/huge_problems.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/config/boundary.h"

namespace assay {

void AddHugeProblemsThatFit(const Sweep& base, const JudgingRoom& room, Sweep& sweep) {
  int all = 0, left_out = 0;
  JudgingMemory most;  // of those that do not fit
  const auto fits = [&](const Problem& problem, assay_dtype dtype) {
    ++all;
    const JudgingMemory needs = MemoryToJudge(problem, dtype);
    if (WhyNoRoom(needs, room).empty()) return true;
    ++left_out;
    most.device_bytes = std::max(most.device_bytes, needs.device_bytes);
    most.host_bytes = std::max(most.host_bytes, needs.host_bytes);
    return false;
  };
  AddHugeProblems(base, fits, sweep);
  if (left_out == 0) return;
  sweep.notices.push_back(fmt::format(
      "{} of {} problems with more than 2^31 elements in a tensor (counted in each dtype) are left "
      "out: {}.",
      left_out, all, WhyNoRoom(most, room)));
}

}  // namespace assay
