// The variants `tf32` and `tf32x3`: what they take, and how they launch.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/device/launch.h"
#include "kernels/dsconv/tf32/choose.h"
#include "kernels/dsconv/tf32/kernel.h"
#include "kernels/dsconv/tf32/prepack.h"
#include "kernels/dsconv/variant.h"

namespace assay::dsconv::tf32 {

// Kernel has: kName, kSummary, kParts and kOperand, the format that it promises.
template <class Kernel>
class Fused {
 public:
  static constexpr const char *kName = Kernel::kName, *kSummary = Kernel::kSummary;
  static constexpr int kParts = Kernel::kParts;
  using Tile = tf32::Tile;

  static assay_promise Promise(assay_dtype) { return PrepackedPromise(Kernel::kOperand); }

  static std::vector<assay_tile_axis> Axes(const assay_problem&, const Shape& shape,
                                           const assay_device_info& device) {
    const tf32::Tile tile = ChooseTile(shape, device, kParts);
    return {{"p", tile.warps_p * kRows},
            {"q", tile.warps_q * kColumns},
            {"k", tile.matrices * 16},
            {"c", tile.groups * kGroup}};
  }

  static std::string WhyNot(const assay_problem& problem, const Shape& shape,
                            const assay_device_info& device) {
    if (device.backend == ASSAY_BACKEND_CUDA && device.compute_capability < 80) {
      return "mma.sync in TF32 needs compute capability 8.0";
    }
    if (problem.dtype != ASSAY_F32) return "fp16 and bf16 are not taken; fp32 is";
    const tf32::Tile tile = ChooseTile(shape, device, kParts);
    if (CountTiles(shape, tile) > 0x7fffffff) return "n, p and q need more than 2^31 - 1 blocks";
    if (shape.k > 65535 * 16 * tile.matrices) return "k needs more than 65535 blocks";
    return {};
  }

  static std::vector<Tile> Tiles(const assay_problem&, const Shape& shape, const assay_device_info& device) {
    return ListTiles(shape, device, kParts);
  }
  static std::string TileName(const Tile& tile) {
    return "m" + std::to_string(tile.matrices) + "i" + std::to_string(tile.images) + "w" +
           std::to_string(tile.warps_p) + "x" + std::to_string(tile.warps_q) + "g" +
           std::to_string(tile.groups) + "s" + std::to_string(tile.stages) + "b" +
           std::to_string(tile.blocks_per_sm) + (tile.resident ? "-resident" : "") +
           (tile.direct ? "-direct" : "");
  }
  static double Cost(const assay_problem&, const Shape& shape, const assay_device_info& device,
                     const Tile& tile) {
    constexpr double kCyclesPerMicrosecond = 1980;  // of an H100
    if (tile.direct) return 0;
    return CostOf(shape, tile, MakePlan(shape, tile, kParts), kParts, std::max(1, device.num_sms)) *
           static_cast<double>(DivideUp(shape.c, kGroup)) / kCyclesPerMicrosecond;
  }

  Fused(const assay_problem& problem, const Shape& shape, const assay_device_info& device)
      : Fused(problem, shape, device, ChooseTile(shape, device, kParts)) {}
  Fused(const assay_problem&, const Shape& shape, const assay_device_info& device, const Tile& tile)
      : shape_(shape),
        tile_(tile),
        plan_(MakePlan(shape, tile_, kParts)),
        blocks_out_(DivideUp(shape.k, plan_.channels_out)) {
    const std::int32_t slots = std::max(1, device.num_sms * tile_.blocks_per_sm / blocks_out_);
    blocks_ = DivideUp(plan_.tiles, DivideUp(plan_.tiles, slots));
    plan_.step_n = blocks_ / (plan_.tiles_p * plan_.tiles_q);
    plan_.step_p = blocks_ / plan_.tiles_q % plan_.tiles_p;
    plan_.step_q = blocks_ % plan_.tiles_q;
    description_ = std::to_string(plan_.images) + "x" + std::to_string(plan_.rows) + "x" +
                   std::to_string(plan_.columns) + " pixels x " + std::to_string(plan_.channels_out) +
                   " channels a block, " + std::to_string(plan_.groups * kGroup) +
                   " input channels at once, " + std::to_string(plan_.stages) + " stages" +
                   (plan_.direct ? " without the input tile" : "") + ", weights " +
                   (plan_.resident ? "resident" : "streamed") + ", " + std::to_string(SharedBytes(plan_)) +
                   " bytes of shared memory, grid " + std::to_string(blocks_) + "x" +
                   std::to_string(blocks_out_);
  }

  std::uint64_t workspace_bytes() const {
    return static_cast<std::uint64_t>(blocks_out_) * static_cast<std::uint64_t>(plan_.packed_bytes);
  }
  const std::string& description() const { return description_; }

  cudaError_t Prepare(const assay_buffers& buffers, void* stream) {
    return DispatchLayout([&](auto last, auto matrices) {
      const auto in = [&](int i) { return static_cast<const float*>(buffers.inputs[i]); };
      const dim3 grid(static_cast<unsigned>(plan_.chunks * plan_.groups), static_cast<unsigned>(blocks_out_));
      return device::LaunchKernel(PrepackKernel<decltype(last)::value, decltype(matrices)::value, kParts>,
                                  grid, dim3(256), 0, stream, shape_, plan_, in(kWDw), in(kBDw), in(kWPw),
                                  in(kBPw), static_cast<char*>(buffers.workspace));
    });
  }

  cudaError_t Launch(const assay_buffers& buffers, void* stream) {
    return DispatchLayout([&](auto last, auto matrices) {
      constexpr bool kLast = decltype(last)::value;
      constexpr int kMatrices = decltype(matrices)::value;
      if (plan_.direct || !IsFixed(shape_)) return Run<kLast, kMatrices, 0, 0, false>(buffers, stream);
      return IsClamp(shape_.act_mid) && IsClamp(shape_.act_out)
                 ? RunFixed<kLast, kMatrices, true>(buffers, stream)
                 : RunFixed<kLast, kMatrices, false>(buffers, stream);
    });
  }

 private:
  template <bool kLast, int kMatrices, bool kClamps>
  cudaError_t RunFixed(const assay_buffers& buffers, void* stream) {
    if (shape_.r == 5) return Run<kLast, kMatrices, 5, 1, kClamps>(buffers, stream);
    return shape_.stride_h == 1 ? Run<kLast, kMatrices, 3, 1, kClamps>(buffers, stream)
                                : Run<kLast, kMatrices, 3, 2, kClamps>(buffers, stream);
  }

  template <bool kLast, int kMatrices, int kSize, int kStride, bool kClamps>
  cudaError_t Run(const assay_buffers& buffers, void* stream) {
    const dim3 grid(static_cast<unsigned>(blocks_), static_cast<unsigned>(blocks_out_));
    return device::LaunchKernel(
        FusedKernel<kLast, kSize, kStride, kClamps, kMatrices, kParts>, grid,
        dim3(static_cast<unsigned>(32 * plan_.warps)), static_cast<std::size_t>(SharedBytes(plan_)), stream,
        shape_, plan_, static_cast<const float*>(buffers.inputs[kX]),
        static_cast<const char*>(buffers.workspace), static_cast<float*>(buffers.outputs[0]));
  }

  template <class Fn>
  cudaError_t DispatchLayout(Fn&& fn) {
    return shape_.channels_last ? DispatchMatrices(std::true_type{}, fn)
                                : DispatchMatrices(std::false_type{}, fn);
  }
  template <class Last, class Fn>
  cudaError_t DispatchMatrices(Last last, Fn&& fn) {
    if (tile_.matrices == 8) return fn(last, std::integral_constant<int, 8>{});
    if (tile_.matrices == 4) return fn(last, std::integral_constant<int, 4>{});
    return fn(last, std::integral_constant<int, 2>{});
  }

  Shape shape_;
  tf32::Tile tile_;
  Plan plan_;
  std::int32_t blocks_out_, blocks_ = 0;
  std::string description_;
};

}  // namespace assay::dsconv::tf32
