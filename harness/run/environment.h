// What a reader must know of the machine to believe a figure: one name and one value a line of the report.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "harness/worker/executor.h"

namespace assay {

std::vector<std::pair<std::string, std::string>> DescribeEnvironment(Executor& executor);

std::string ProgramVersion();  // "0.1.0"
std::string UtcNow();          // "2026-01-31T12:34:56Z"

}  // namespace assay
