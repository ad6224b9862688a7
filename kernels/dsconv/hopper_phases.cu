// Many input and output channels (fp16 and bf16, sm_90a): both halves in one persistent kernel, a block a
// multiprocessor, one half after the other. All warps of all blocks make the depthwise half, each output
// once, into the workspace, most of which L2 keeps; when all have, two warpgroups of each block multiply it,
// 128 pixels x up to 256 output channels at a time, while a warp copies operands and one weights, which two
// blocks of a cluster may share (multicast). Time goes to FMA and device memory first, then to the tensor
// cores, which nothing else disturbs.
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

namespace assay::dsconv::hopper_phases {
namespace {

class HopperPhases {
 public:
  using Tile = phases::Tile;
  static constexpr const char* kName = "hopper_phases";
  static constexpr const char* kSummary =
      "for many channels: all blocks make the depthwise half in L2, then multiply it by wgmma; fp16 and "
      "bf16, sm_90a";

  static assay_promise Promise(assay_dtype dtype) { return SixteenBitPromise(dtype); }

  static std::string WhyNot(const assay_problem& problem, const Shape& shape,
                            const assay_device_info& device) {
#ifdef ASSAY_SIMT
    (void)problem, (void)shape, (void)device;
    return "needs sm_90a";
#else
    if (std::string why = WhyNotSixteenBits(problem, shape, device); !why.empty()) return why;
    if (shape.k % 8 != 0)
      return "takes k a multiple of 8, whose rows are stored by TMA; hopper_l2 takes others";
    if (shape.r != 3 || shape.s != 3 || shape.stride_h != shape.stride_w || shape.stride_h > 2 ||
        shape.dilation_h != 1 || shape.dilation_w != 1) {
      return "takes 3x3 filters at stride 1 or 2 without dilation; hopper_l2 and hopper take others";
    }
    if (shape.c <= phases::kChunk) return "takes more than 64 input channels; hopper takes fewer";
    if (std::string why = WhyNotClamps(shape); !why.empty()) return why;
    if (IsTooLarge(shape)) {
      return "n * p * q is above 2^25 - 2^11, or strips or operands of a chunk are too many for 32-bit "
             "numbers";
    }
    return {};
#endif
  }

  static std::vector<Tile> Tiles(const assay_problem& problem, const Shape& shape,
                                 const assay_device_info& device) {
    return phases::AllTiles(shape, problem.dtype, device);
  }
  static std::string TileName(const Tile& tile) {
    return "n" + std::to_string(tile.columns) + "c" + std::to_string(tile.pixel_blocks) + "w" +
           std::to_string(tile.span) + (tile.warps == phases::kLeastWarps ? "" : "m");
  }
  static double Cost(const assay_problem& problem, const Shape& shape, const assay_device_info& device,
                     const Tile& tile) {
    return phases::CostOf(shape, problem.dtype, tile, device);
  }
  // Of boundary tests, see variant.h.
  static std::vector<assay_tile_axis> Axes(const assay_problem& problem, const Shape& shape,
                                           const assay_device_info& device) {
    // Numbers of a plan are 32-bit too.
    if (shape.stride_h > 2 || shape.stride_w > 2 || IsTooLarge(shape)) return {};
    const Tile tile = phases::AllTiles(shape, problem.dtype, device).at(0);
    return {{"q", tile.span}, {"k", tile.columns}, {"c", phases::kChunk}};
  }

  HopperPhases(const assay_problem& problem, const Shape& shape, const assay_device_info& device)
      : HopperPhases(problem, shape, device, phases::AllTiles(shape, problem.dtype, device).at(0)) {}
  HopperPhases(const assay_problem& problem, const Shape& shape, const assay_device_info& device,
               const Tile& tile)
      : shape_(shape), dtype_(problem.dtype), plan_(phases::PlanOf(shape, problem.dtype, tile, device)) {
    plan_.has_bias = assay_param_or(&problem, "bias_pw", 1) != 0;
    description_ = std::to_string(phases::kPixels) + " pixels x " + std::to_string(tile.columns) +
                   " channels a block, clusters of " + std::to_string(tile.pixel_blocks) + ", " +
                   std::to_string(plan_.stages) + " stages, strips of " + std::to_string(plan_.rows) + " x " +
                   std::to_string(tile.span) + " outputs, " + std::to_string(tile.warps) + " warps, " +
                   std::to_string(plan_.shared_bytes) + " bytes of shared memory, " +
                   std::to_string(plan_.clusters) + " clusters";
  }

  std::uint64_t workspace_bytes() const { return static_cast<std::uint64_t>(plan_.workspace_bytes); }
  const std::string& description() const { return description_; }

  cudaError_t Prepare(const assay_buffers& buffers, void* stream) {
    const auto kernel_of = [](auto tag) { return phases::PrepackKernel<typename decltype(tag)::Type>; };
    return LaunchPrepack(dtype_, kernel_of, shape_, plan_, buffers, stream);
  }

  cudaError_t Launch(const assay_buffers& buffers, void* stream) {
#ifdef ASSAY_SIMT
    (void)buffers, (void)stream;
    return cudaErrorInvalidValue;
#else
    return DispatchSixteenBits(dtype_, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      return ForTile([&](auto tiles, auto stride, auto span, auto warps) {
        using Box = phases::InputBox<stride(), span()>;
        CUtensorMap x_map, operands_map, y_map;
        cudaError_t status = device::DescribeNhwc(
            static_cast<const T*>(buffers.inputs[kX]), {shape_.c, shape_.w, shape_.h, shape_.n},
            {phases::kChunk, Box::kColumns, Box::kRows, 1}, CU_TENSOR_MAP_SWIZZLE_NONE,
            CU_TENSOR_MAP_L2_PROMOTION_L2_128B, x_map);
        if (status != cudaSuccess) return status;
        const auto* operands = static_cast<const char*>(buffers.workspace) + plan_.operands_from;
        status = device::DescribeNhwc(reinterpret_cast<const T*>(operands),
                                      {phases::kChunk, plan_.pixels, plan_.chunks, 1},
                                      {phases::kChunk, phases::kPixels, 1, 1}, CU_TENSOR_MAP_SWIZZLE_128B,
                                      CU_TENSOR_MAP_L2_PROMOTION_NONE, operands_map);
        if (status != cudaSuccess) return status;
        status =
            device::DescribeNhwc(static_cast<const T*>(buffers.outputs[0]), {shape_.k, plan_.pixels, 1, 1},
                                 {phases::kBoxColumns, phases::kBoxPixels, 1, 1}, CU_TENSOR_MAP_SWIZZLE_128B,
                                 CU_TENSOR_MAP_L2_PROMOTION_NONE, y_map);
        if (status != cudaSuccess) return status;
        const auto blocks = static_cast<unsigned>(plan_.tile.pixel_blocks);
        // Blocks wait for each other: all of them run, or none.
        return device::LaunchTogether(phases::PhasesKernel<T, tiles(), stride(), span(), warps()>,
                                      dim3(static_cast<unsigned>(plan_.clusters) * blocks), dim3(blocks),
                                      dim3(32 * warps()), static_cast<std::size_t>(plan_.shared_bytes),
                                      stream, shape_, plan_, x_map, operands_map, y_map,
                                      static_cast<char*>(buffers.workspace));
      });
    });
#endif
  }

 private:
  // As hopper_l2 takes.
  static constexpr std::int64_t kMostPixels = (std::int64_t{1} << 25) - (1 << 11);
  static bool IsTooLarge(const Shape& shape) {
    const std::int64_t pixels = static_cast<std::int64_t>(shape.n) * shape.p * shape.q;
    return pixels > kMostPixels ||
           pixels * phases::DivideUp(shape.c, phases::kChunk) > 0x7fffffff - (1 << 16) ||
           (pixels / phases::kPixels + 2) * (shape.k / 128 + std::int64_t{1}) > 0x7fffffff;
  }

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
          if constexpr (warps() == phases::kLeastWarps) return fn(tiles, kNumber<1>, kNumber<7>, warps);
          return cudaErrorInvalidValue;
      }
    };
    if (plan_.tile.warps == phases::kMostWarps) return of_strips(kNumber<16>, kNumber<phases::kMostWarps>);
    constexpr auto kWarps = kNumber<phases::kLeastWarps>;
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
  phases::Plan plan_;
  std::string description_;
};

}  // namespace

assay_variant Row() { return VariantOf<HopperPhases>::Row(); }

}  // namespace assay::dsconv::hopper_phases
