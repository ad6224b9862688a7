#include "harness/device/cuda/cuda_check.h"

#include <fmt/format.h>

#include <string_view>

#include "harness/device/device.h"

namespace assay {
namespace {

// Errors that are newer than the oldest toolkit that this builds with; the numbers are part of CUDA's ABI.
constexpr int kTensorMemoryLeak = 721;
constexpr int kContained = 226;

std::string_view FromRepositoryRoot(std::string_view file) {
  const std::size_t at = file.rfind("/harness/");
  return at == std::string_view::npos ? file : file.substr(at + 1);
}

}  // namespace

// The CUDA Runtime API reference, section "Data types used by CUDA Runtime", enum cudaError, says of each of
// these that the process is left "in an inconsistent state", or that the device or process cannot go on. An
// uncorrectable ECC error is among them because the page that it hit stays in use until the process ends
// (NVIDIA, Dynamic Page Retirement).
bool IsSticky(cudaError_t error) {
  switch (static_cast<int>(error)) {
    case cudaErrorECCUncorrectable:
    case kContained:
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
    case kTensorMemoryLeak:
    case cudaErrorMpsClientTerminated:
    case cudaErrorExternalDevice:
      return true;
    default:
      return false;
  }
}

void ThrowCudaError(cudaError_t error, const char* call, const char* file, int line) {
  // Otherwise the next call's check would report this error again. What it returns is the error in hand.
  static_cast<void>(cudaGetLastError());
  DeviceError thrown(fmt::format("{}: {} ({}) from {} at {}:{}", cudaGetErrorName(error),
                                 cudaGetErrorString(error), static_cast<int>(error), call,
                                 FromRepositoryRoot(file), line));
  thrown.sticky = IsSticky(error);
  throw thrown;
}

}  // namespace assay
