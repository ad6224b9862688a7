// What was put on a stream, as a CUDA graph that is ready to be launched.
#pragma once

#include <cuda_runtime_api.h>

#include <functional>
#include <memory>

#include "harness/device/device.h"

namespace assay {

// `stream` is captured and takes no work meanwhile. Throws DeviceError; what `enqueue` throws passes through,
// and no capture is left open.
std::unique_ptr<LaunchGraph> CaptureGraph(cudaStream_t stream,
                                          const std::function<void(void* stream)>& enqueue);

}  // namespace assay
