// Launches one case for a profiler to look at, and nothing else while the profiler collects.
#pragma once

#include "harness/config/case.h"
#include "harness/worker/executor.h"

namespace assay {

// Fills, prepares and warms up; then opens the ranges case > measure, and between cudaProfilerStart and
// cudaProfilerStop makes `launches` launches of the case. Nothing is judged or timed. Throws
// std::runtime_error if the case cannot run here.
void ProfileCase(const Case& c, Executor& executor, std::uint64_t seed, int launches);

}  // namespace assay
