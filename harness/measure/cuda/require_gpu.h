// The CUDA ordinal behind a Device.
#pragma once

#include "harness/device/device.h"

namespace assay::cuda {

// Throws DeviceError if times on this device say nothing about kernels.
inline int RequireGpu(const Device& device) {
  if (device.info().backend != ASSAY_BACKEND_CUDA || !device.can_time()) {
    throw DeviceError(device.name() + " cannot be timed on: only a CUDA device can");
  }
  return device.info().ordinal;
}

}  // namespace assay::cuda
