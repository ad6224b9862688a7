// The variants `hopper_l2` and `hopper_l2_tf32`: what they take, and how they launch.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/device/launch.h"
#include "kernels/dsconv/l2/choose.h"
#include "kernels/dsconv/l2/kernel.h"
#include "kernels/dsconv/sixteen_bits.h"
#include "kernels/dsconv/variant.h"

namespace assay::dsconv::l2 {

// Kernel has: kName, kSummary, kOthers, the variant for what these do not take, Promise(dtype),
// WhyNotType(problem, shape, device), of dtypes and their rows, and Dispatch(dtype, fn), which calls fn with
// the ElementTag of one that it takes.
template <class Kernel>
class Fused {
 public:
  static constexpr const char *kName = Kernel::kName, *kSummary = Kernel::kSummary;
  using Tile = l2::Tile;

  static assay_promise Promise(assay_dtype dtype) { return Kernel::Promise(dtype); }

  static std::string WhyNot(const assay_problem& problem, const Shape& shape,
                            const assay_device_info& device) {
#ifdef ASSAY_SIMT
    (void)problem, (void)shape, (void)device;
    return "needs sm_90a";
#else
    if (std::string why = Kernel::WhyNotType(problem, shape, device); !why.empty()) return why;
    const std::string others = Kernel::kOthers;
    if (shape.r != 3 || shape.s != 3) {
      return "takes 3x3 filters, whose weights fit a lane's registers; " + others + " takes others";
    }
    const bool strided = shape.stride_h != 1 || shape.stride_w != 1;
    if (strided &&
        (shape.stride_h != 2 || shape.stride_w != 2 || shape.dilation_h != 1 || shape.dilation_w != 1)) {
      return "takes stride 1, or stride 2 both ways without dilation; " + others + " takes others";
    }
    if (std::string why = WhyNotClamps(shape, others); !why.empty()) return why;
    if (IsTooLarge(problem, shape)) {
      return "x or what the depthwise half makes is above 2^32 - 2 bytes, n * p * q above 2^25 - 2^11, or "
             "there are more than 2^31 - 1 tiles of 128 pixels by 128 channels: offsets are 32-bit";
    }
    return {};
#endif
  }

  static std::vector<Tile> Tiles(const assay_problem& problem, const Shape& shape,
                                 const assay_device_info& device) {
    return AllTiles(shape, problem.dtype, device);
  }
  static std::string TileName(const Tile& tile) {
    return "n" + std::to_string(tile.columns) + "c" + std::to_string(tile.pixel_blocks) + "s" +
           std::to_string(tile.operands) + "." + std::to_string(tile.weights) + (tile.resident ? "r" : "") +
           (tile.few_makers ? "m" : "") + "t" + std::to_string(tile.run);
  }
  static double Cost(const assay_problem& problem, const Shape& shape, const assay_device_info& device,
                     const Tile& tile) {
    return CostOf(shape, problem.dtype, tile, device);
  }
  // Of boundary tests, see variant.h.
  static std::vector<assay_tile_axis> Axes(const assay_problem& problem, const Shape& shape,
                                           const assay_device_info& device) {
    if (IsTooLarge(problem, shape)) return {};  // numbers of a plan are 32-bit too
    const std::vector<Tile> tiles = AllTiles(shape, problem.dtype, device);
    if (tiles.empty()) return {};
    return {{"p", BandRows(shape.stride_h)}, {"k", tiles[0].columns}, {"c", kChunk}};
  }

  Fused(const assay_problem& problem, const Shape& shape, const assay_device_info& device)
      : Fused(problem, shape, device, AllTiles(shape, problem.dtype, device).at(0)) {}
  Fused(const assay_problem& problem, const Shape& shape, const assay_device_info& device, const Tile& tile)
      : shape_(shape), dtype_(problem.dtype), plan_(PlanOf(shape, problem.dtype, tile, device)) {
    description_ = std::to_string(kPixels) + " pixels x " + std::to_string(tile.columns) +
                   " channels a block, clusters of " + std::to_string(tile.pixel_blocks) +
                   ", stages of operands " + std::to_string(tile.operands) + ", of weights " +
                   std::to_string(tile.weights) + (tile.resident ? " (they stay)" : "") + ", room for " +
                   std::to_string(plan_.slots) + " of " + std::to_string(plan_.blocks) +
                   " blocks of pixels, " + std::to_string(plan_.shared_bytes) + " bytes of shared memory, " +
                   std::to_string(plan_.clusters) + " clusters";
  }

  std::uint64_t workspace_bytes() const { return static_cast<std::uint64_t>(plan_.workspace_bytes); }
  const std::string& description() const { return description_; }

  cudaError_t Prepare(const assay_buffers& buffers, void* stream) {
    const auto kernel_of = [](auto tag) { return PrepackKernel<typename decltype(tag)::Type>; };
    return LaunchPrepack([&](auto&& fn) { return Kernel::Dispatch(dtype_, fn); }, kernel_of, shape_, plan_,
                         buffers, stream);
  }

  cudaError_t Launch(const assay_buffers& buffers, void* stream) {
#ifdef ASSAY_SIMT
    (void)buffers, (void)stream;
    return cudaErrorInvalidValue;
#else
    return Kernel::Dispatch(dtype_, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      const auto launch = [&](auto kernel) {
        const auto blocks = static_cast<unsigned>(plan_.tile.pixel_blocks);
        // Blocks wait for each other: all of them run, or none.
        return device::LaunchTogether(
            kernel, dim3(static_cast<unsigned>(plan_.clusters) * blocks), dim3(blocks),
            dim3(static_cast<unsigned>(Threads(plan_.tile))), static_cast<std::size_t>(plan_.shared_bytes),
            stream, shape_, plan_, static_cast<const T*>(buffers.inputs[kX]),
            static_cast<char*>(buffers.workspace), static_cast<T*>(buffers.outputs[0]));
      };
      const std::int32_t columns = plan_.tile.columns;
      if constexpr (sizeof(T) == 4) {
        if (columns == 256 && plan_.tile.few_makers) return launch(L2Kernel<T, 32, kFewMakers>);
      }
      switch (columns) {
        case 256:
          return launch(L2Kernel<T, 32>);
        case 208:
          return launch(L2Kernel<T, 26>);
        case 192:
          return launch(L2Kernel<T, 24>);
        case 128:
          return launch(L2Kernel<T, 16>);
        default:
          return cudaErrorInvalidValue;  // never: the tile was chosen from these
      }
    });
#endif
  }

 private:
  static constexpr std::int64_t kMostPixels = (std::int64_t{1} << 25) -
                                              (1 << 11),  // an image behind the ring does not wrap
      kMostBytes = (std::int64_t{1} << 32) - 2;
  static bool IsTooLarge(const assay_problem& problem, const Shape& shape) {
    const std::int64_t most = kMostBytes / (problem.dtype == ASSAY_F32 ? 4 : 2);
    const std::int64_t pixels = static_cast<std::int64_t>(shape.n) * shape.p * shape.q;
    return pixels > kMostPixels || static_cast<std::int64_t>(shape.n) * shape.x.n > most ||
           (pixels + 127) * DivideUp<std::int64_t>(shape.c, kChunk) * kChunk > most ||
           (pixels / kPixels + 1) * (shape.k / 128 + std::int64_t{1}) > 0x7fffffff;
  }

  Shape shape_;
  assay_dtype dtype_;
  Plan plan_;
  std::string description_;
};

}  // namespace assay::dsconv::l2
