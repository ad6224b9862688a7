// The table of a pack whose variant is a two-kernel baseline. Exceptions end here: each C function turns them
// into its message.
#pragma once

#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>

#include "kernels/pack.h"
#include "reference/cudnn/dsconv_plan.h"
#include "reference/cudnn/error.h"
#include "reference/cudnn/promise.h"

namespace assay::cudnn {

inline void Say(assay_message* message, const std::string& text) {
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
inline std::string NoDevice() {
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

// Baseline has kName, kSummary, kTf32Name and kTf32Summary; Unavailable(), why its libraries cannot be used,
// empty if they can; Version(), of them; OfferHalf and MakeHalf for DsconvPlan, of which the first tries
// nothing. The pack has two variants: one that keeps fp32 as it is, and one that may round it to TF32.
template <typename Baseline>
struct PackTable {
  static const std::string& Unavailable() {
    static const std::string reason = [] {
      const std::string library = Baseline::Unavailable(), device = NoDevice();
      return library + (library.empty() || device.empty() ? "" : "; ") + device;
    }();
    return reason;
  }

  static const std::string& Version() {
    static const std::string version = Baseline::Version();
    return version;
  }

  static void CheckUsable(const assay_device_info& device) {
    if (!Unavailable().empty()) throw Error("unavailable: " + Unavailable());
    if (device.backend != ASSAY_BACKEND_CUDA)
      throw Error(fmt::format("{} runs on CUDA devices only", Baseline::kLibraries));
  }

  template <bool kTf32>
  static std::int32_t Supports(const assay_problem* problem, const assay_device_info* device,
                               assay_message* why) {
    return Guarded(why, [&] {
      CheckUsable(*device);
      if (kTf32 && problem->dtype != ASSAY_F32) {
        throw Error(fmt::format("only fp32 tensors are taken, which TF32 is for; {} takes the others",
                                Baseline::kName));
      }
      if (kTf32 && device->compute_capability < 80) throw Error("TF32 needs compute capability 8.0");
      if (problem->dtype == ASSAY_BF16 && device->compute_capability < 80) {
        throw Error(fmt::format("bf16 needs compute capability 8.0, and the device has {}.{}",
                                device->compute_capability / 10, device->compute_capability % 10));
      }
      DsconvPlan::CheckSupport(*problem, kTf32, device->ordinal, Baseline::OfferHalf);
    });
  }

  template <bool kTf32>
  static std::int32_t Create(const assay_problem* problem, const assay_device_info* device, void** plan,
                             assay_message* error) {
    *plan = nullptr;
    return Guarded(error, [&] {
      CheckUsable(*device);
      *plan = new DsconvPlan(*problem, kTf32, device->ordinal, Baseline::MakeHalf, Version());
    });
  }

  static std::uint64_t WorkspaceBytes(const void* plan) {
    return static_cast<const DsconvPlan*>(plan)->WorkspaceBytes();
  }

  static std::int32_t Launch(void* plan, const assay_buffers* buffers, void* stream, assay_message* error) {
    return Guarded(error, [&] { static_cast<DsconvPlan*>(plan)->Launch(*buffers, stream); });
  }

  static const char* Describe(const void* plan) {
    return static_cast<const DsconvPlan*>(plan)->description().c_str();
  }

  static void Release(void* plan) { delete static_cast<DsconvPlan*>(plan); }

  template <bool kTf32>
  static assay_variant Row() {
    assay_variant variant = {};
    variant.op = "dsconv";
    variant.name = kTf32 ? Baseline::kTf32Name : Baseline::kName;
    variant.summary = kTf32 ? Baseline::kTf32Summary : Baseline::kSummary;
    variant.role = ASSAY_ROLE_BASELINE;
    variant.promise = kTf32 ? Tf32Promise : Promise;
    variant.supports = Supports<kTf32>;
    variant.create = Create<kTf32>;
    variant.workspace_bytes = WorkspaceBytes;
    variant.launch = Launch;
    variant.describe = Describe;
    variant.release = Release;
    return variant;
  }

  static assay_pack Make() {
    static const assay_variant variants[] = {Row<false>(), Row<true>()};
    assay_pack pack = {};
    pack.abi = ASSAY_PACK_ABI;
    pack.name = Baseline::kName;
    pack.version = Version().empty() ? nullptr : Version().c_str();
    pack.backend = ASSAY_BACKEND_CUDA;
    pack.unavailable = Unavailable().empty() ? nullptr : Unavailable().c_str();
    pack.variants = variants;
    pack.num_variants = 2;
    return pack;
  }
};

}  // namespace assay::cudnn
