// What CPU this machine has.
#pragma once

#include <string>

namespace assay {

// As /proc/cpuinfo names it; "CPU" if it does not.
std::string CpuModel();

}  // namespace assay
