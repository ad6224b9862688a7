// The variants `hopper_phases` and `hopper_phases_tf32`: what they take, and how they launch.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/device/element.h"
#include "kernels/device/launch.h"
#include "kernels/device/tensor_map.h"
#include "kernels/dsconv/phases/choose.h"
#include "kernels/dsconv/phases/kernel.h"
#include "kernels/dsconv/sixteen_bits.h"
#include "kernels/dsconv/variant.h"

namespace assay::dsconv::phases {

// Kernel has: kName, kSummary, kOthers, the variants for what these do not take, Promise(dtype),
// WhyNotType(problem, shape, device), of dtypes and their rows, and Dispatch(dtype, fn), which calls fn with
// the ElementTag of one that it takes.
template <class Kernel>
class Fused {
 public:
  using Tile = phases::Tile;
  static constexpr const char *kName = Kernel::kName, *kSummary = Kernel::kSummary;

  static assay_promise Promise(assay_dtype dtype) { return Kernel::Promise(dtype); }

  static std::string WhyNot(const assay_problem& problem, const Shape& shape,
                            const assay_device_info& device) {
#ifdef ASSAY_SIMT
    (void)problem, (void)shape, (void)device;
    return "needs sm_90a";
#else
    if (std::string why = Kernel::WhyNotType(problem, shape, device); !why.empty()) return why;
    const std::string others = Kernel::kOthers;
    if (std::string why = WhyNotFilters(shape, others); !why.empty()) return why;
    const std::int32_t chunk = ChunkOf(problem.dtype);
    if (shape.c <= chunk)
      return "takes more than " + std::to_string(chunk) + " input channels; " + others + " takes fewer";
    if (std::string why = WhyNotClamps(shape, others); !why.empty()) return why;
    if (IsTooLarge(shape, chunk)) {
      return "n * p * q is above 2^25 - 2^11, or strips or operands of a chunk are too many for 32-bit "
             "numbers";
    }
    return {};
#endif
  }

  static std::vector<Tile> Tiles(const assay_problem& problem, const Shape& shape,
                                 const assay_device_info& device) {
    return AllTiles(shape, problem.dtype, device);
  }
  static std::string TileName(const Tile& tile) {
    return "n" + std::to_string(tile.columns) + "c" + std::to_string(tile.pixel_blocks) + "w" +
           std::to_string(tile.span) + (tile.warps == kLeastWarps ? "" : "m");
  }
  static double Cost(const assay_problem& problem, const Shape& shape, const assay_device_info& device,
                     const Tile& tile) {
    return CostOf(shape, problem.dtype, tile, device);
  }
  // Of boundary tests, see variant.h.
  static std::vector<assay_tile_axis> Axes(const assay_problem& problem, const Shape& shape,
                                           const assay_device_info& device) {
    // Numbers of a plan are 32-bit too.
    if (shape.stride_h > 2 || shape.stride_w > 2 || IsTooLarge(shape, ChunkOf(problem.dtype))) return {};
    const Tile tile = AllTiles(shape, problem.dtype, device).at(0);
    return {{"q", tile.span}, {"k", tile.columns}, {"c", ChunkOf(problem.dtype)}};
  }

  Fused(const assay_problem& problem, const Shape& shape, const assay_device_info& device)
      : Fused(problem, shape, device, AllTiles(shape, problem.dtype, device).at(0)) {}
  Fused(const assay_problem& problem, const Shape& shape, const assay_device_info& device, const Tile& tile)
      : shape_(shape), dtype_(problem.dtype), plan_(PlanOf(shape, problem.dtype, tile, device)) {
    plan_.has_bias = assay_param_or(&problem, "bias_pw", 1) != 0;
    description_ = std::to_string(kPixels) + " pixels x " + std::to_string(tile.columns) +
                   " channels a block, clusters of " + std::to_string(tile.pixel_blocks) + ", " +
                   std::to_string(plan_.stages) + " stages, strips of " + std::to_string(plan_.rows) + " x " +
                   std::to_string(tile.span) + " outputs, " + std::to_string(tile.warps) + " warps, " +
                   std::to_string(plan_.shared_bytes) + " bytes of shared memory, " +
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
      return ForTile([&](auto tiles, auto stride, auto span, auto warps) {
        using Box = InputBox<stride(), span()>;
        CUtensorMap x_map, operands_map, y_map{};
        cudaError_t status = device::DescribeNhwc(
            static_cast<const T*>(buffers.inputs[kX]), {shape_.c, shape_.w, shape_.h, shape_.n},
            {plan_.chunk, Box::kColumns, Box::kRows, 1}, CU_TENSOR_MAP_SWIZZLE_NONE,
            CU_TENSOR_MAP_L2_PROMOTION_L2_128B, x_map);
        if (status != cudaSuccess) return status;
        status = DescribeOperands<T>(plan_, buffers, operands_map);
        if (status != cudaSuccess) return status;
        if (sizeof(T) == 2) {  // fp32 leaves from registers
          status = device::DescribeNhwc(static_cast<const T*>(buffers.outputs[0]),
                                        {shape_.k, plan_.pixels, 1, 1}, {kBoxColumns, kBoxPixels, 1, 1},
                                        CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_NONE, y_map);
          if (status != cudaSuccess) return status;
        }
        const auto blocks = static_cast<unsigned>(plan_.tile.pixel_blocks);
        // Blocks wait for each other: all of them run, or none.
        return device::LaunchTogether(
            PhasesKernel<T, tiles(), stride(), span(), warps()>,
            dim3(static_cast<unsigned>(plan_.clusters) * blocks), dim3(blocks), dim3(32 * warps()),
            static_cast<std::size_t>(plan_.shared_bytes), stream, shape_, plan_, x_map, operands_map, y_map,
            static_cast<char*>(buffers.workspace), static_cast<T*>(buffers.outputs[0]));
      });
    });
#endif
  }

 private:
  // `fn` with the numbers that kernels are compiled for.
  template <class Fn>
  cudaError_t ForTile(Fn&& fn) const {
    const auto of_strips = [&](auto tiles, auto warps) {
      if (shape_.stride_h == 2) return fn(tiles, kNumber<2>, kNumber<4>, warps);
      switch (plan_.tile.span) {
        case 4:
          return fn(tiles, kNumber<1>, kNumber<4>, warps);
        case 5:
          return fn(tiles, kNumber<1>, kNumber<5>, warps);
        default:
          if constexpr (warps() == kLeastWarps) return fn(tiles, kNumber<1>, kNumber<7>, warps);
          return cudaErrorInvalidValue;
      }
    };
    if (plan_.tile.warps == kMostWarps) return of_strips(kNumber<16>, kNumber<kMostWarps>);
    constexpr auto kWarps = kNumber<kLeastWarps>;
    switch (plan_.tile.columns) {
      case 256:
        return of_strips(kNumber<32>, kWarps);
      case 192:
        return of_strips(kNumber<24>, kWarps);
      default:
        return of_strips(kNumber<16>, kWarps);
    }
  }
  template <int kValue>
  static constexpr std::integral_constant<int, kValue> kNumber{};

  Shape shape_;
  assay_dtype dtype_;
  Plan plan_;
  std::string description_;
};

}  // namespace assay::dsconv::phases
