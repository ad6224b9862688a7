// The variants `hopper_dilated`, `hopper_dilated_tf32` and `hopper_dilated_tf32x3`: what they take, and how
// they launch.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/device/launch.h"
#include "kernels/device/tensor_map.h"
#include "kernels/dsconv/dilated/choose.h"
#include "kernels/dsconv/dilated/kernel.h"
#include "kernels/dsconv/floats_nhwc.h"
#include "kernels/dsconv/sixteen_bits.h"
#include "kernels/dsconv/variant.h"

namespace assay::dsconv::dilated {

// Kernel has: kName, kSummary, kOthers, the variant for what these do not take, kParts of an fp32 number,
// Promise(dtype), WhyNotType(problem, shape, device), of dtypes and their rows, and Dispatch(dtype, fn),
// which calls fn with the ElementTag of one that it takes.
template <class Kernel>
class Fused {
 public:
  static constexpr const char *kName = Kernel::kName, *kSummary = Kernel::kSummary;
  using Tile = dilated::Tile;
  static assay_promise Promise(assay_dtype dtype) { return Kernel::Promise(dtype); }

  static std::string WhyNot(const assay_problem& problem, const Shape& shape,
                            const assay_device_info& device) {
#ifdef ASSAY_SIMT
    (void)problem, (void)shape, (void)device;
    return "needs sm_90a";
#else
    if (std::string why = Kernel::WhyNotType(problem, shape, device); !why.empty()) return why;
    const std::string others = Kernel::kOthers;
    if (shape.r != 3 || shape.s != 3 || shape.stride_h != 1 || shape.stride_w != 1) {
      return "takes 3x3 filters at stride 1; " + others + " takes others";
    }
    if (shape.dilation_h == 1 && shape.dilation_w == 1)
      return "takes dilated filters; " + others + " takes others";
    if (std::string why = WhyNotClamps(shape, others); !why.empty()) return why;
    if (static_cast<std::int64_t>(shape.n) * shape.p * shape.q > kMostPixels) {
      return "n * p * q is above 2^26";
    }
    const Plan plan = MakePlan(shape, problem.dtype, Kernel::kParts, {1, 2, 1});
    if (plan.span > 256)
      return "copies up to 256 columns of x at once; " + others + " takes rows that need more";
    if (AllTiles(shape, problem.dtype, Kernel::kParts, device).empty()) {
      return "two stages of " + std::to_string(plan.rows) + " rows of " + std::to_string(plan.span) +
             " pixels do not fit into shared memory";
    }
    return {};
#endif
  }

  static std::vector<Tile> Tiles(const assay_problem& problem, const Shape& shape,
                                 const assay_device_info& device) {
    return AllTiles(shape, problem.dtype, Kernel::kParts, device);
  }
  static std::string TileName(const Tile& tile) {
    return "s" + std::to_string(tile.weights) + "." + std::to_string(tile.operands) + "." +
           std::to_string(tile.inputs);
  }
  static double Cost(const assay_problem& problem, const Shape& shape, const assay_device_info& device,
                     const Tile& tile) {
    return CostOf(shape, problem.dtype, Kernel::kParts, tile, device);
  }
  // Of boundary tests, see variant.h.
  static std::vector<assay_tile_axis> Axes(const assay_problem& problem, const Shape&,
                                           const assay_device_info&) {
    return {{"q", kGroup}, {"k", kOutputs}, {"c", ChunkOf(problem.dtype)}};
  }

  Fused(const assay_problem& problem, const Shape& shape, const assay_device_info& device)
      : Fused(problem, shape, device, AllTiles(shape, problem.dtype, Kernel::kParts, device).at(0)) {}
  Fused(const assay_problem& problem, const Shape& shape, const assay_device_info&, const Tile& tile)
      : shape_(shape), dtype_(problem.dtype), plan_(MakePlan(shape, problem.dtype, Kernel::kParts, tile)) {
    description_ =
        std::to_string(plan_.tiles) + " tiles of " + (plan_.pairs ? "two rows" : "a row's part") + ", " +
        std::to_string(plan_.piece) + " pixels each, by " + std::to_string(kOutputs) + " channels, up to " +
        std::to_string(plan_.rows) + " rows of " + std::to_string(plan_.span) + " pixels of x, " +
        std::to_string(plan_.guard) + " zeros beside them, stages of weights, operands and input " +
        std::to_string(tile.weights) + ", " + std::to_string(tile.operands) + ", " +
        std::to_string(tile.inputs) + ", " + std::to_string(plan_.shared_bytes) + " bytes of shared memory";
  }

  std::uint64_t workspace_bytes() const { return static_cast<std::uint64_t>(plan_.workspace_bytes); }
  const std::string& description() const { return description_; }

  cudaError_t Prepare(const assay_buffers& buffers, void* stream) {
    const auto kernel_of = [](auto tag) {
      return PrepackKernel<typename decltype(tag)::Type, Kernel::kParts>;
    };
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
      using Kind = KindOf<T, Kernel::kParts>;
      CUtensorMap map;
      // Boxes of a row's columns and a chunk of channels.
      const cudaError_t status =
          device::DescribeNhwc(static_cast<const T*>(buffers.inputs[kX]),
                               {shape_.c, shape_.w, shape_.h, shape_.n}, {plan_.chunk, plan_.span, 1, 1},
                               CU_TENSOR_MAP_SWIZZLE_NONE, CU_TENSOR_MAP_L2_PROMOTION_L2_128B, map);
      if (status != cudaSuccess) return status;
      const auto launch = [&](auto kernel) {
        return device::LaunchKernel(
            kernel, dim3(static_cast<unsigned>(plan_.tiles), static_cast<unsigned>(plan_.column_tiles)),
            dim3(kThreads), static_cast<std::size_t>(plan_.shared_bytes), stream, shape_, plan_, map,
            static_cast<const char*>(buffers.workspace), static_cast<T*>(buffers.outputs[0]));
      };
      const auto of_rows = [&](auto rows) {
        constexpr int kRows = decltype(rows)::value;
        switch (plan_.classes) {
          case 1:
            return launch(DilatedKernel<Kind, Classes<Kind, kRows, 1>>);
          case 2:
            return launch(DilatedKernel<Kind, Classes<Kind, kRows, 2>>);
          case 3:
            return launch(DilatedKernel<Kind, Classes<Kind, kRows, 3>>);
          default:
            return launch(DilatedKernel<Kind, Neighbours<Kind>>);
        }
      };
      return plan_.pairs ? of_rows(std::integral_constant<int, 2>{})
                         : of_rows(std::integral_constant<int, 1>{});
    });
#endif
  }

 private:
  static constexpr std::int64_t kMostPixels = std::int64_t{1} << 26;

  Shape shape_;
  assay_dtype dtype_;
  Plan plan_;
  std::string description_;
};

// fp32 tensors, of which products take kNumParts TF32 numbers each.
template <int kNumParts>
struct OfFloats : FloatsNhwc<kNumParts> {
  static std::string WhyNotType(const assay_problem& problem, const Shape& shape,
                                const assay_device_info& device) {
    return WhyNotFloatsNhwc(problem, shape, device, "few");
  }
};

}  // namespace assay::dsconv::dilated
