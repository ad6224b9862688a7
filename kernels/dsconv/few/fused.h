// The variants `few`, `few_tf32` and `few_tf32x3`: what they take, and how they launch.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/device/launch.h"
#include "kernels/dsconv/few/choose.h"
#include "kernels/dsconv/few/kernel.h"
#include "kernels/dsconv/sixteen_bits.h"
#include "kernels/dsconv/variant.h"

namespace assay::dsconv::few {

// Kernel has: kName, kSummary, kBytes of an element, kParts of an operand, Promise(dtype), WhyNot(dtype), and
// Dispatch(dtype, fn), which calls fn with the Kind.
template <class Kernel>
class Fused {
 public:
  static constexpr const char *kName = Kernel::kName, *kSummary = Kernel::kSummary;
  using Tile = few::Tile;

  static assay_promise Promise(assay_dtype dtype) { return Kernel::Promise(dtype); }

  static std::string WhyNot(const assay_problem& problem, const Shape& shape,
                            const assay_device_info& device) {
    if (device.backend == ASSAY_BACKEND_CUDA && device.compute_capability < 80)
      return "mma.sync in these types needs compute capability 8.0";
    if (std::string why = Kernel::WhyNot(problem.dtype); !why.empty()) return why;
    return WhyTooMany(shape);
  }

  static std::vector<Tile> Tiles(const assay_problem&, const Shape& shape, const assay_device_info& device) {
    return AllTiles(shape, Kernel::kBytes, Kernel::kParts, device);
  }
  static std::string TileName(const Tile& tile) {
    return "p" + std::to_string(tile.pixels) + "n" + std::to_string(tile.columns);
  }
  static double Cost(const assay_problem&, const Shape& shape, const assay_device_info& device,
                     const Tile& tile) {
    return CostOf(shape, Kernel::kBytes, Kernel::kParts, tile, device);
  }
  // Of boundary tests, see variant.h.
  static std::vector<assay_tile_axis> Axes(const assay_problem& problem, const Shape& shape,
                                           const assay_device_info& device) {
    if (!WhyTooMany(shape).empty()) return {};  // a plan's numbers are 32-bit
    const Tile tile = Tiles(problem, shape, device).at(0);
    return {{"q", tile.pixels}, {"k", tile.columns}, {"c", kRowBytes / Kernel::kBytes}};
  }

  Fused(const assay_problem& problem, const Shape& shape, const assay_device_info& device)
      : Fused(problem, shape, device, Tiles(problem, shape, device).at(0)) {}
  Fused(const assay_problem& problem, const Shape& shape, const assay_device_info& device, const Tile& tile)
      : shape_(shape),
        dtype_(problem.dtype),
        plan_(PlanOf(shape, Kernel::kBytes, tile, std::max(1, device.num_sms))) {
    description_ = std::to_string(plan_.tiles) + " tiles of " + std::to_string(tile.pixels) + " pixels x " +
                   std::to_string(tile.columns) + " channels, " +
                   std::to_string(StagesOf(tile.pixels, tile.columns)) + " stages a warp, " +
                   std::to_string(SharedBytes(tile.pixels, tile.columns)) + " bytes of shared memory, " +
                   std::to_string(plan_.blocks) + " blocks";
  }

  std::uint64_t workspace_bytes() const { return static_cast<std::uint64_t>(plan_.workspace_bytes); }
  const std::string& description() const { return description_; }

  cudaError_t Prepare(const assay_buffers& buffers, void* stream) {
    const auto kernel_of = [](auto kind) { return PrepackKernel<decltype(kind)>; };
    return LaunchPrepack([&](auto&& fn) { return Kernel::Dispatch(dtype_, fn); }, kernel_of, shape_, plan_,
                         buffers, stream);
  }

  cudaError_t Launch(const assay_buffers& buffers, void* stream) {
    return Kernel::Dispatch(dtype_, [&](auto kind) {
      using Kind = decltype(kind);
      return shape_.channels_last ? LaunchTile<Kind, true>(buffers, stream)
                                  : LaunchTile<Kind, false>(buffers, stream);
    });
  }

 private:
  // Items and tiles are counted in 32 bits, and one round of threads beyond the last.
  static std::string WhyTooMany(const Shape& shape) {
    constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max() - (1 << 20);
    const std::int64_t in_groups = DivideUp<std::int64_t>(shape.c, kGroup);
    const std::int64_t most = kMost / std::max(in_groups, DivideUp<std::int64_t>(shape.k, 16)) / shape.n;
    if (std::int64_t{shape.p} * shape.q > most || shape.c > kMost || shape.k > kMost)
      return "n * p * q times a quarter of c, or a sixteenth of k, is above 2^31 - 2^20";
    if (std::int64_t{shape.r} * shape.s > (1 << 20)) return "r * s is above 2^20";
    return {};
  }

  template <class Kind, bool kChannelsLast>
  cudaError_t LaunchTile(const assay_buffers& buffers, void* stream) {
    if (plan_.tile.pixels == 64) return LaunchBoth<Kind, kChannelsLast, 4, 8>(buffers, stream);
    if (plan_.tile.pixels == 48) return LaunchBoth<Kind, kChannelsLast, 3, 8>(buffers, stream);
    if (plan_.tile.columns == 64) return LaunchBoth<Kind, kChannelsLast, 2, 8>(buffers, stream);
    if (plan_.tile.pixels == 32) return LaunchBoth<Kind, kChannelsLast, 2, 4>(buffers, stream);
    if (plan_.tile.columns == 32) return LaunchBoth<Kind, kChannelsLast, 1, 4>(buffers, stream);
    return LaunchBoth<Kind, kChannelsLast, 1, 2>(buffers, stream);
  }

  template <class Kind, bool kChannelsLast, int kMatrices, int kTiles>
  cudaError_t LaunchBoth(const assay_buffers& buffers, void* stream) {
#ifdef ASSAY_SIMT
    // Blocks of the host device run one after the other and cannot wait for each other.
    const cudaError_t status =
        LaunchHalves<Kind, kChannelsLast, kMatrices, kTiles, Halves::kDepthwise>(buffers, stream);
    if (status != cudaSuccess) return status;
    return LaunchHalves<Kind, kChannelsLast, kMatrices, kTiles, Halves::kPointwise>(buffers, stream);
#else
    return LaunchHalves<Kind, kChannelsLast, kMatrices, kTiles, Halves::kBoth>(buffers, stream);
#endif
  }

  template <class Kind, bool kChannelsLast, int kMatrices, int kTiles, Halves kHalves>
  cudaError_t LaunchHalves(const assay_buffers& buffers, void* stream) {
    using T = typename Kind::Type;
    constexpr int kShared = kHalves == Halves::kDepthwise ? 0 : SharedBytes(16 * kMatrices, 8 * kTiles);
    return device::LaunchBlocks(FewKernel<Kind, kChannelsLast, kMatrices, kTiles, kHalves>,
                                dim3(static_cast<unsigned>(plan_.blocks)), dim3(1), kHalves == Halves::kBoth,
                                dim3(kThreads), static_cast<std::size_t>(kShared), stream, shape_, plan_,
                                static_cast<const T*>(buffers.inputs[kX]),
                                static_cast<char*>(buffers.workspace), static_cast<T*>(buffers.outputs[0]));
  }

  Shape shape_;
  assay_dtype dtype_;
  Plan plan_;
  std::string description_;
};

// fp32 tensors.
template <int kNumParts>
struct OfFloats {
  static constexpr int kBytes = 4, kParts = 2 * kNumParts - 1;

  static assay_promise Promise(assay_dtype) {
    return PrepackedPromise(kNumParts == 1 ? ASSAY_FORMAT_TF32 : ASSAY_FORMAT_TF32X3);
  }
  static std::string WhyNot(assay_dtype dtype) {
    return dtype == ASSAY_F32 ? "" : "fp16 and bf16 are not taken; fp32 is";
  }
  template <class Fn>
  static cudaError_t Dispatch(assay_dtype, Fn&& fn) {
    return fn(Tf32<kNumParts>{});
  }
};

}  // namespace assay::dsconv::few
