// The table of the cuDNN pack. Exceptions end here: each C function turns them into its message.
#include "kernels/pack.h"

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>

#include "reference/cudnn/dsconv_plan.h"
#include "reference/cudnn/error.h"
#include "reference/cudnn/library.h"
#include "reference/cudnn/promise.h"

namespace assay::cudnn {
namespace {

void Say(assay_message* message, const std::string& text) {
  if (message == nullptr) return;
  const std::size_t length = text.copy(message->text, sizeof(message->text) - 1);
  message->text[length] = '\0';
}

template <typename Function>
std::int32_t Guarded(assay_message* message, Function&& function) noexcept {
  try {
    function();
    return 0;
  } catch (const std::exception& exception) {
    Say(message, exception.what());
  } catch (...) {
    Say(message, "an exception that is no std::exception");
  }
  return 1;
}

// Why there is no CUDA device; empty if there is one.
std::string NoDevice() {
  int devices = 0;
  const cudaError_t status = cudaGetDeviceCount(&devices);
  if (status == cudaSuccess && devices > 0) return "";
  (void)cudaGetLastError();
  int driver = 0;
  // CUDA calls a driver that is not there one that is too old.
  const bool no_driver = cudaDriverGetVersion(&driver) == cudaSuccess && driver == 0;
  return fmt::format("no CUDA device can be used: {}", no_driver               ? "there is no NVIDIA driver"
                                                       : status != cudaSuccess ? cudaGetErrorString(status)
                                                                               : "there is none");
}

// Why no plan can be made on this machine at all; empty if one can.
std::string Unavailable() {
  const std::string& library = OpenLibrary().unavailable;
  const std::string device = NoDevice();
  return library + (library.empty() || device.empty() ? "" : "; ") + device;
}

const std::string& UnavailableOnce() {
  static const std::string reason = Unavailable();
  return reason;
}

void CheckUsable(const assay_device_info& device) {
  if (!UnavailableOnce().empty()) throw Error("unavailable: " + UnavailableOnce());
  if (device.backend != ASSAY_BACKEND_CUDA) throw Error("cuDNN runs on CUDA devices only");
}

std::int32_t Supports(const assay_problem* problem, const assay_device_info* device, assay_message* why) {
  return Guarded(why, [&] {
    CheckUsable(*device);
    if (problem->dtype == ASSAY_BF16 && device->compute_capability < 80) {
      throw Error(fmt::format("bf16 needs compute capability 8.0, and the device has {}.{}",
                              device->compute_capability / 10, device->compute_capability % 10));
    }
    DsconvPlan::CheckSupport(*problem, device->ordinal);
  });
}

std::int32_t Create(const assay_problem* problem, const assay_device_info* device, void** plan,
                    assay_message* error) {
  *plan = nullptr;
  return Guarded(error, [&] {
    CheckUsable(*device);
    *plan = new DsconvPlan(*problem, device->ordinal);
  });
}

std::uint64_t WorkspaceBytes(const void* plan) {
  return static_cast<const DsconvPlan*>(plan)->WorkspaceBytes();
}

std::int32_t Launch(void* plan, const assay_buffers* buffers, void* stream, assay_message* error) {
  return Guarded(error, [&] { static_cast<DsconvPlan*>(plan)->Launch(*buffers, stream); });
}

const char* Describe(const void* plan) { return static_cast<const DsconvPlan*>(plan)->description().c_str(); }

void Release(void* plan) { delete static_cast<DsconvPlan*>(plan); }

assay_variant DsconvVariant() {
  assay_variant variant = {};
  variant.op = "dsconv";
  variant.name = "cudnn";
  variant.summary = kSummary;
  variant.role = ASSAY_ROLE_BASELINE;
  variant.promise = Promise;
  variant.supports = Supports;
  variant.create = Create;
  variant.workspace_bytes = WorkspaceBytes;
  variant.prepare = nullptr;
  variant.launch = Launch;
  variant.describe = Describe;
  variant.release = Release;
  return variant;
}

assay_pack MakePack() {
  static const assay_variant variant = DsconvVariant();
  assay_pack pack = {};
  pack.abi = ASSAY_PACK_ABI;
  pack.name = "cudnn";
  pack.version = OpenLibrary().version.empty() ? nullptr : OpenLibrary().version.c_str();
  pack.backend = ASSAY_BACKEND_CUDA;
  pack.unavailable = UnavailableOnce().empty() ? nullptr : UnavailableOnce().c_str();
  pack.variants = &variant;
  pack.num_variants = 1;
  return pack;
}

}  // namespace
}  // namespace assay::cudnn

extern "C" const assay_pack* assay_pack_entry(void) {
  static const assay_pack pack = assay::cudnn::MakePack();
  return &pack;
}
