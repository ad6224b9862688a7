// NVML's view of a CUDA device.
#pragma once

#include "harness/measure/nvml.h"

namespace assay::cuda {

// Opened once per GPU and process, since starting NVML may take long. Not thread-safe. Throws DeviceError if
// CUDA does not know the ordinal; a missing NVML shows in unavailable().
const NvmlGpu& NvmlOf(int ordinal);

}  // namespace assay::cuda
