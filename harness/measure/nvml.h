// The GPU's clocks and state through NVML, opened at run time: the library comes with the driver and its
// header may be missing where the harness is built, so the few prototypes used stand in nvml.cpp.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "harness/measure/throttle.h"

namespace assay {

class NvmlGpu {
 public:
  // `pci_bus_id` as cudaDeviceGetPCIBusId gives it: NVML counts GPUs otherwise than CUDA does. Never throws;
  // without the library or the GPU, unavailable() says why and everything else is empty.
  explicit NvmlGpu(const std::string& pci_bus_id, const std::string& library = "libnvidia-ml.so.1");
  ~NvmlGpu();
  NvmlGpu(const NvmlGpu&) = delete;
  NvmlGpu& operator=(const NvmlGpu&) = delete;

  const std::string& unavailable() const { return unavailable_; }
  ClockState Clocks() const;  // what cannot be read is 0
  // "driver" -> "580.159.04", "SM clock" -> "1980 MHz now, 1980 MHz at most", ... A value that cannot be read
  // says so.
  std::vector<std::pair<std::string, std::string>> Describe() const;

 private:
  struct Api;
  std::unique_ptr<Api> api_;
  void* device_ = nullptr;
  std::string unavailable_;
};

}  // namespace assay
