#include <fmt/format.h>

#include <map>

#include "harness/measure/cuda/gpu_nvml.h"
#include "harness/measure/cuda/owners.h"
#include "harness/measure/measure.h"

namespace assay {
namespace {

std::string VersionText(int version) { return fmt::format("{}.{}", version / 1000, version % 1000 / 10); }

}  // namespace

namespace cuda {

const NvmlGpu& NvmlOf(int ordinal) {
  static std::map<int, NvmlGpu> gpus;
  const auto found = gpus.find(ordinal);
  if (found != gpus.end()) return found->second;
  char pci_bus_id[32] = {};
  ASSAY_CUDA_CHECK(cudaDeviceGetPCIBusId(pci_bus_id, sizeof pci_bus_id, ordinal));
  return gpus.try_emplace(ordinal, pci_bus_id).first->second;
}

}  // namespace cuda

std::vector<std::pair<std::string, std::string>> DescribeGpu(int ordinal) {
  cudaDeviceProp properties = {};
  ASSAY_CUDA_CHECK(cudaGetDeviceProperties(&properties, ordinal));
  int driver = 0, runtime = 0;
  ASSAY_CUDA_CHECK(cudaDriverGetVersion(&driver));
  ASSAY_CUDA_CHECK(cudaRuntimeGetVersion(&runtime));
  std::vector<std::pair<std::string, std::string>> facts = {
      {"GPU", properties.name},
      {"compute capability", fmt::format("{}.{}", properties.major, properties.minor)},
      {"SMs", std::to_string(properties.multiProcessorCount)},
      {"L2", fmt::format("{:.0f} MiB", properties.l2CacheSize / 1048576.0)},
      {"memory", fmt::format("{:.1f} GiB", static_cast<double>(properties.totalGlobalMem) / 1073741824.0)},
      {"CUDA", fmt::format("runtime {}, driver supports {}", VersionText(runtime), VersionText(driver))},
  };
  for (auto& fact : cuda::NvmlOf(ordinal).Describe()) facts.push_back(std::move(fact));
  return facts;
}

}  // namespace assay
