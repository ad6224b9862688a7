// What NVML says of the GPU's clocks, and which of it means that a sample is not to be believed.
#pragma once

#include <cstdint>
#include <string>

namespace assay {

// Bits of nvmlDeviceGetCurrentClocksEventReasons (NVML API reference, "Clocks Event Reasons").
namespace clock_reason {
inline constexpr std::uint64_t kGpuIdle = 0x1;
inline constexpr std::uint64_t kApplicationClocks = 0x2;
inline constexpr std::uint64_t kSwPowerCap = 0x4;
inline constexpr std::uint64_t kHwSlowdown = 0x8;
inline constexpr std::uint64_t kSyncBoost = 0x10;
inline constexpr std::uint64_t kSwThermalSlowdown = 0x20;
inline constexpr std::uint64_t kHwThermalSlowdown = 0x40;
inline constexpr std::uint64_t kHwPowerBrake = 0x80;
inline constexpr std::uint64_t kDisplayClocks = 0x100;
// Lowered below what was asked for, by heat or power. The rest are settings, which hold for all samples
// alike.
inline constexpr std::uint64_t kThrottling =
    kSwPowerCap | kHwSlowdown | kSwThermalSlowdown | kHwThermalSlowdown | kHwPowerBrake;
}  // namespace clock_reason

struct ClockState {
  double sm_mhz = 0;          // 0: unknown
  std::uint64_t reasons = 0;  // clock_reason bits; 0 if unknown
};

inline bool IsThrottled(std::uint64_t reasons) { return (reasons & clock_reason::kThrottling) != 0; }
// "SW power cap, HW thermal slowdown"; only the throttling ones.
std::string ThrottleNames(std::uint64_t reasons);

}  // namespace assay
