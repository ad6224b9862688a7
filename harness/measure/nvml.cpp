#include "harness/measure/nvml.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <stdexcept>

namespace assay {
namespace {

// NVML API reference, "Device Queries" and "Device Enums". Enumerations are ints in the ABI.
using Return = int;
using Handle = void*;
constexpr Return kSuccess = 0;
constexpr int kClockSm = 1;
constexpr int kClockMemory = 2;
constexpr int kTemperatureGpu = 0;

class MissingFunction : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class Fn>
void Load(void* library, const char* name, Fn*& function, bool required = true) {
  function = reinterpret_cast<Fn*>(dlsym(library, name));
  if (function == nullptr && required) throw MissingFunction(std::string("the NVML library lacks ") + name);
}

}  // namespace

struct NvmlGpu::Api {
  void* library = nullptr;
  bool initialised = false;
  Return (*init)() = nullptr;
  Return (*shutdown)() = nullptr;
  const char* (*error_string)(Return) = nullptr;
  Return (*by_pci_bus_id)(const char*, Handle*) = nullptr;
  Return (*clock)(Handle, int, unsigned*) = nullptr;
  Return (*max_clock)(Handle, int, unsigned*) = nullptr;
  Return (*reasons)(Handle, unsigned long long*) = nullptr;
  Return (*driver_version)(char*, unsigned) = nullptr;
  Return (*persistence)(Handle, int*) = nullptr;
  Return (*ecc)(Handle, int*, int*) = nullptr;
  Return (*mig)(Handle, unsigned*, unsigned*) = nullptr;
  Return (*power_limit)(Handle, unsigned*) = nullptr;
  Return (*temperature)(Handle, int, unsigned*) = nullptr;

  ~Api() {
    if (initialised) shutdown();
    if (library != nullptr) dlclose(library);
  }

  void LoadAll() {
    Load(library, "nvmlInit_v2", init);
    Load(library, "nvmlShutdown", shutdown);
    Load(library, "nvmlErrorString", error_string);
    Load(library, "nvmlDeviceGetHandleByPciBusId_v2", by_pci_bus_id);
    Load(library, "nvmlDeviceGetClockInfo", clock);
    Load(library, "nvmlDeviceGetMaxClockInfo", max_clock);
    // Drivers before 535 know this one by its old name only.
    Load(library, "nvmlDeviceGetCurrentClocksEventReasons", reasons, false);
    if (reasons == nullptr) Load(library, "nvmlDeviceGetCurrentClocksThrottleReasons", reasons);
    Load(library, "nvmlSystemGetDriverVersion", driver_version);
    Load(library, "nvmlDeviceGetPersistenceMode", persistence);
    Load(library, "nvmlDeviceGetEccMode", ecc);
    Load(library, "nvmlDeviceGetMigMode", mig, false);
    Load(library, "nvmlDeviceGetEnforcedPowerLimit", power_limit);
    Load(library, "nvmlDeviceGetTemperature", temperature);
  }

  std::string Unreadable(Return code) const { return fmt::format("cannot be read: {}", error_string(code)); }
};

NvmlGpu::NvmlGpu(const std::string& pci_bus_id, const std::string& library) : api_(std::make_unique<Api>()) {
  api_->library = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (api_->library == nullptr) {
    unavailable_ = fmt::format("{} was not found", library);
    return;
  }
  try {
    api_->LoadAll();
  } catch (const MissingFunction& missing) {
    unavailable_ = missing.what();
    return;
  }
  if (const Return code = api_->init(); code != kSuccess) {
    unavailable_ = fmt::format("NVML does not start: {}", api_->error_string(code));
    return;
  }
  api_->initialised = true;
  if (const Return code = api_->by_pci_bus_id(pci_bus_id.c_str(), &device_); code != kSuccess) {
    unavailable_ = fmt::format("NVML does not know the GPU at {}: {}", pci_bus_id, api_->error_string(code));
  }
}

NvmlGpu::~NvmlGpu() = default;

ClockState NvmlGpu::Clocks() const {
  ClockState state;
  if (!unavailable_.empty()) return state;
  unsigned mhz = 0;
  if (api_->clock(device_, kClockSm, &mhz) == kSuccess) state.sm_mhz = mhz;
  unsigned long long reasons = 0;
  if (api_->reasons(device_, &reasons) == kSuccess) state.reasons = reasons;
  return state;
}

std::vector<std::pair<std::string, std::string>> NvmlGpu::Describe() const {
  if (!unavailable_.empty())
    return {{"NVML", "unavailable: " + unavailable_ + "; clocks and throttling are not watched"}};
  std::vector<std::pair<std::string, std::string>> facts;
  const auto add = [&](const char* what, Return code, const auto& text) {
    facts.emplace_back(what, code == kSuccess ? text() : api_->Unreadable(code));
  };
  char version[96] = {};
  add("driver", api_->driver_version(version, sizeof version), [&] { return std::string(version); });
  for (const auto& [what, type] :
       {std::pair{"SM clock", kClockSm}, std::pair{"memory clock", kClockMemory}}) {
    unsigned now = 0, most = 0;
    Return code = api_->clock(device_, type, &now);
    if (code == kSuccess) code = api_->max_clock(device_, type, &most);
    add(what, code, [&] { return fmt::format("{} MHz now, {} MHz at most", now, most); });
  }
  unsigned long long reasons = 0;
  add("throttling", api_->reasons(device_, &reasons),
      [&] { return IsThrottled(reasons) ? ThrottleNames(reasons) : std::string("none at the start"); });
  int on = 0, pending = 0;
  add("ECC", api_->ecc(device_, &on, &pending), [&] { return std::string(on != 0 ? "on" : "off"); });
  add("persistence mode", api_->persistence(device_, &on),
      [&] { return std::string(on != 0 ? "on" : "off"); });
  if (api_->mig != nullptr) {
    unsigned mig = 0, mig_pending = 0;
    add("MIG", api_->mig(device_, &mig, &mig_pending), [&] { return std::string(mig != 0 ? "on" : "off"); });
  }
  unsigned value = 0;
  add("power limit", api_->power_limit(device_, &value),
      [&] { return fmt::format("{} W", (value + 500) / 1000); });
  add("temperature", api_->temperature(device_, kTemperatureGpu, &value),
      [&] { return fmt::format("{} C", value); });
  return facts;
}

}  // namespace assay
