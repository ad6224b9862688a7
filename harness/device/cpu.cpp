#include "harness/device/cpu.h"

#include <cstddef>
#include <fstream>

namespace assay {

std::string CpuModel() {
  std::ifstream in("/proc/cpuinfo");
  std::string line;
  while (std::getline(in, line)) {
    const std::size_t colon = line.find(':');
    if (line.rfind("model name", 0) == 0 && colon + 2 < line.size()) return line.substr(colon + 2);
  }
  return "CPU";
}

}  // namespace assay
