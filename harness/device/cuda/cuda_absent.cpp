// Stands in for the cuda device in a build without CUDA.
#include "harness/device/device.h"

namespace assay {
namespace {

constexpr const char* kReason =
    "this program was built without CUDA: install the CUDA toolkit (nvcc) and configure again";

}  // namespace

CudaProbe ProbeCuda() { return {0, kReason}; }

std::unique_ptr<Device> MakeCudaDevice(int ordinal) {
  throw DeviceError("cuda:" + std::to_string(ordinal) + ": " + kReason);
}

}  // namespace assay
