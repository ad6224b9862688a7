// Makes a pack's row out of a kernel class, so that a kernel file holds the kernel and little else. A kernel
// class K has
//
//   static constexpr const char *kName, *kSummary;
//   static assay_promise Promise(assay_dtype);
//   // Empty: supported.
//   static std::string WhyNot(const assay_problem&, const Shape&, const assay_device_info&);
//   // What a block, a warp or a round of its loop works on; sizes around the multiples of these are tested.
//   static std::vector<assay_tile_axis> Axes(const assay_problem&, const Shape&, const assay_device_info&);
//   K(const assay_problem&, const Shape&, const assay_device_info&);  // create()
//   std::uint64_t workspace_bytes() const;
//   cudaError_t Prepare(const assay_buffers&, void* stream);
//   cudaError_t Launch(const assay_buffers&, void* stream);
//   const std::string& description() const;
//
// (or, where it is another variant that may fail and say why, std::int32_t Prepare and Launch with an
// assay_message* behind the stream),
// and, where there is something to choose (`assay tune` searches it),
//
//   struct Tile {...};  // all of it: pixels and channels of a block, stages, split
//   // Those that are valid for this problem and device, pruned by shared memory and occupancy, a few dozen
//   at
//   // most; what the constructor above takes stands first.
//   static std::vector<Tile> Tiles(const assay_problem&, const Shape&, const assay_device_info&);
//   static std::string TileName(const Tile&);  // short, no two alike, see assay_configuration
//   K(const assay_problem&, const Shape&, const assay_device_info&, const Tile&);
//   // Optional: microseconds of a launch by its own model; it is the ratios that have to be right.
//   static double Cost(const assay_problem&, const Shape&, const assay_device_info&, const Tile&);
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <concepts>
#include <cstdio>
#include <exception>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "kernels/dsconv/shape.h"
#include "kernels/pack.h"

namespace assay::dsconv {

inline void Say(assay_message* message, const std::string& text) {
  std::snprintf(message->text, sizeof message->text, "%s", text.c_str());
}

inline std::int32_t Report(cudaError_t status, const char* what, assay_message* message) {
  if (status == cudaSuccess) return 0;
  Say(message, std::string(what) + ": " + cudaGetErrorName(status) + " (" + cudaGetErrorString(status) + ")");
  return 1;
}

// fp32 arithmetic on operands of the tensors' own type, the intermediate never rounded.
inline assay_promise Fp32Promise() {
  assay_promise promise{};
  promise.operand = ASSAY_FORMAT_F32;
  promise.accumulator = ASSAY_FORMAT_F32;
  promise.repeatable = 1;
  promise.alignment = 16;
  return promise;
}

// Operands of this format, of weights that are prepacked.
inline assay_promise PrepackedPromise(assay_format operand) {
  assay_promise promise = Fp32Promise();
  promise.operand = operand;
  promise.prepacks_weights = 1;
  return promise;
}

// fp16 or bf16 operands, the intermediate rounded to them.
inline assay_promise SixteenBitPromise(assay_dtype dtype) {
  assay_promise promise = PrepackedPromise(dtype == ASSAY_BF16 ? ASSAY_FORMAT_BF16 : ASSAY_FORMAT_F16);
  promise.rounds_intermediate = 1;
  return promise;
}

// Why a kernel of wgmma and TMA cannot run on the device; empty where it can.
inline std::string WhyNotSm90a(const assay_device_info& device) {
  if (device.compute_capability / 10 == 9) return {};
  return "needs sm_90a, and the device has compute capability " +
         std::to_string(device.compute_capability / 10) + "." +
         std::to_string(device.compute_capability % 10);
}

// Limits that all variants of this pack share: Shape holds 32-bit sizes and offsets within one channel plane
// or row.
inline std::string WhyNotAnyVariant(const assay_problem& problem) {
  constexpr std::int64_t kLimit = std::numeric_limits<std::int32_t>::max();
  for (int i = 0; i < problem.num_params; ++i) {
    if (problem.params[i].value > kLimit) return std::string(problem.params[i].name) + " is above 2^31 - 1";
  }
  const auto get = [&](const char* name) { return assay_param_or(&problem, name, 0); };
  if (get("h") * get("w") > kLimit / (problem.layout == ASSAY_NHWC ? get("c") : 1) ||
      get("p") * get("q") > kLimit / (problem.layout == ASSAY_NHWC ? get("k") : 1)) {
    return "h * w or p * q (times the channels in nhwc) is above 2^31 - 1: offsets within an image are "
           "32-bit";
  }
  // A block may compute pixels behind the last one, up to a tile's 64 along an axis.
  const auto reach = [&](const char* pixels, const char* stride, const char* taps, const char* dilation) {
    return (get(pixels) + 63) * get(stride) + (get(taps) - 1) * get(dilation);
  };
  if (reach("p", "stride_h", "r", "dilation_h") > kLimit ||
      reach("q", "stride_w", "s", "dilation_w") > kLimit) {
    return "(p + 63) * stride + (kernel - 1) * dilation is above 2^31 - 1 along an axis";
  }
  return {};
}

template <class Kernel>
concept HasTiles = requires(const assay_problem& problem, const Shape& shape, const assay_device_info& device,
                            const typename Kernel::Tile& tile) {
  { Kernel::Tiles(problem, shape, device) } -> std::same_as<std::vector<typename Kernel::Tile>>;
  { Kernel::TileName(tile) } -> std::same_as<std::string>;
  Kernel(problem, shape, device, tile);
};

template <class Kernel>
concept HasCost = HasTiles<Kernel> &&
    requires(const assay_problem& problem, const Shape& shape, const assay_device_info& device,
             const typename Kernel::Tile& tile) {
  { Kernel::Cost(problem, shape, device, tile) } -> std::same_as<double>;
};

template <class Kernel>
concept SaysWhy = requires(Kernel& kernel, const assay_buffers& buffers, assay_message* error) {
  { kernel.Launch(buffers, nullptr, error) } -> std::same_as<std::int32_t>;
};

template <class Kernel>
struct VariantOf {
  static std::int32_t Supports(const assay_problem* problem, const assay_device_info* device,
                               assay_message* why) {
    std::string reason = WhyNotAnyVariant(*problem);
    if (reason.empty()) reason = Kernel::WhyNot(*problem, ShapeOf(*problem), *device);
    if (reason.empty()) return 0;
    Say(why, reason);
    return 1;
  }
  static std::int32_t Create(const assay_problem* problem, const assay_device_info* device, void** plan,
                             assay_message* error) try {
    *plan = new Kernel(*problem, ShapeOf(*problem), *device);
    return 0;
  } catch (const std::exception& e) {
    Say(error, e.what());
    return 1;
  }
  static std::uint64_t WorkspaceBytes(const void* plan) {
    return static_cast<const Kernel*>(plan)->workspace_bytes();
  }
  static std::int32_t Prepare(void* plan, const assay_buffers* buffers, void* stream, assay_message* error) {
    auto& kernel = *static_cast<Kernel*>(plan);
    if constexpr (SaysWhy<Kernel>) {
      return kernel.Prepare(*buffers, stream, error);
    } else {
      return Report(kernel.Prepare(*buffers, stream), "prepare", error);
    }
  }
  static std::int32_t Launch(void* plan, const assay_buffers* buffers, void* stream, assay_message* error) {
    auto& kernel = *static_cast<Kernel*>(plan);
    if constexpr (SaysWhy<Kernel>) {
      return kernel.Launch(*buffers, stream, error);
    } else {
      return Report(kernel.Launch(*buffers, stream), "launch", error);
    }
  }
  static const char* Describe(const void* plan) {
    return static_cast<const Kernel*>(plan)->description().c_str();
  }
  static void Release(void* plan) { delete static_cast<Kernel*>(plan); }
  static std::int32_t Axes(const assay_problem* problem, const assay_device_info* device,
                           assay_tile_axis* axes, std::int32_t capacity) try {
    const std::vector<assay_tile_axis> all = Kernel::Axes(*problem, ShapeOf(*problem), *device);
    const auto room = static_cast<std::size_t>(std::max(capacity, 0));
    std::copy_n(all.begin(), std::min(all.size(), room), axes);
    return static_cast<std::int32_t>(all.size());
  } catch (const std::exception&) {
    return 0;
  }

  // None where the kernel does not take the problem: tiles are asked of those that do.
  static std::int32_t Configurations(const assay_problem* problem, const assay_device_info* device,
                                     assay_configuration* list, std::int32_t capacity) try {
    assay_message why{};
    if (Supports(problem, device, &why) != 0) return 0;
    const Shape shape = ShapeOf(*problem);
    std::int32_t count = 0;
    for (const auto& tile : Kernel::Tiles(*problem, shape, *device)) {
      if (count < capacity) {
        assay_configuration& to = list[count];
        std::snprintf(to.text, sizeof to.text, "%s", Kernel::TileName(tile).c_str());
        to.cost = 0;
        if constexpr (HasCost<Kernel>) to.cost = Kernel::Cost(*problem, shape, *device, tile);
      }
      ++count;
    }
    return count;
  } catch (const std::exception&) {
    return -1;
  }

  static std::int32_t CreateConfigured(const assay_problem* problem, const assay_device_info* device,
                                       const char* configuration, void** plan, assay_message* error) try {
    if (Supports(problem, device, error) != 0) return 1;
    const Shape shape = ShapeOf(*problem);
    std::string offered;
    for (const auto& tile : Kernel::Tiles(*problem, shape, *device)) {
      const std::string name = Kernel::TileName(tile);
      if (name == configuration) {
        *plan = new Kernel(*problem, shape, *device, tile);
        return 0;
      }
      offered += (offered.empty() ? "" : ", ") + name;
    }
    Say(error, "found configuration \"" + std::string(configuration) +
                   "\"; allowed for this problem: " + (offered.empty() ? "none" : offered));
    return 1;
  } catch (const std::exception& e) {
    Say(error, e.what());
    return 1;
  }

  static assay_variant Row() {
    assay_variant row{};
    row.op = "dsconv", row.name = Kernel::kName, row.summary = Kernel::kSummary;
    row.role = ASSAY_ROLE_KERNEL;
    row.promise = &Kernel::Promise, row.supports = &Supports;
    row.create = &Create, row.release = &Release, row.describe = &Describe, row.tile = &Axes;
    row.workspace_bytes = &WorkspaceBytes, row.prepare = &Prepare, row.launch = &Launch;
    if constexpr (HasTiles<Kernel>) {
      row.configurations = &Configurations;
      row.create_configured = &CreateConfigured;
    }
    return row;
  }
};

}  // namespace assay::dsconv
