#include "harness/measure/throttle.h"

#include <utility>

namespace assay {

std::string ThrottleNames(std::uint64_t reasons) {
  constexpr std::pair<std::uint64_t, const char*> kNames[] = {
      {clock_reason::kSwPowerCap, "SW power cap"},
      {clock_reason::kHwSlowdown, "HW slowdown"},
      {clock_reason::kSwThermalSlowdown, "SW thermal slowdown"},
      {clock_reason::kHwThermalSlowdown, "HW thermal slowdown"},
      {clock_reason::kHwPowerBrake, "HW power brake"},
  };
  std::string names;
  for (const auto& [bit, name] : kNames) {
    if ((reasons & bit) == 0) continue;
    if (!names.empty()) names += ", ";
    names += name;
  }
  return names;
}

}  // namespace assay
