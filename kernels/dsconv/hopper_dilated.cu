// Dilated filters (fp16 and bf16, sm_90a): a block owns 66 to 72 pixels, two rows of up to 36 that lie a
// dilation apart (and then share rows of x), or a part of a longer one, and 256 output channels. It goes
// through the input channels 64 at a time. One warp copies the rows of x (TMA), one the weights, some chunks
// ahead; two teams of six warps make the depthwise half, a chunk each, from shared memory into shared memory;
// a warpgroup multiplies (wgmma) the weights, as rows, by the pixels, as columns. So x is read once or twice,
// weights once a block, all from L2, and nothing in between leaves the multiprocessor. Time goes to the
// depthwise warps, which the products slow down.
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/device/element.h"
#include "kernels/device/launch.h"
#include "kernels/device/tensor_map.h"
#include "kernels/dsconv/dilated/choose.h"
#include "kernels/dsconv/dilated/kernel.h"
#include "kernels/dsconv/sixteen_bits.h"
#include "kernels/dsconv/variant.h"

namespace assay::dsconv::hopper_dilated {
namespace {

class HopperDilated {
 public:
  using Tile = dilated::Tile;
  static constexpr const char* kName = "hopper_dilated";
  static constexpr const char* kSummary =
      "for dilated filters: depthwise by FMA from shared memory, pointwise by wgmma; fp16 and bf16, sm_90a";

  static assay_promise Promise(assay_dtype dtype) { return SixteenBitPromise(dtype); }

  static std::string WhyNot(const assay_problem& problem, const Shape& shape,
                            const assay_device_info& device) {
#ifdef ASSAY_SIMT
    (void)problem, (void)shape, (void)device;
    return "needs sm_90a";
#else
    if (std::string why = WhyNotSixteenBits(problem, shape, device); !why.empty()) return why;
    if (shape.r != 3 || shape.s != 3 || shape.stride_h != 1 || shape.stride_w != 1) {
      return "takes 3x3 filters at stride 1; hopper takes others";
    }
    if (shape.dilation_h == 1 && shape.dilation_w == 1)
      return "takes dilated filters; hopper_l2 takes others";
    if (std::string why = WhyNotClamps(shape); !why.empty()) return why;
    if (static_cast<std::int64_t>(shape.n) * shape.p * shape.q > kMostPixels) {
      return "n * p * q is above 2^26";
    }
    const dilated::Plan plan = dilated::MakePlan(shape, problem.dtype, {2, 2, 2});
    if (plan.span > 256) return "copies up to 256 columns of x at once; hopper takes rows that need more";
    if (dilated::AllTiles(shape, device).empty()) {
      return "two stages of " + std::to_string(plan.rows) + " rows of " + std::to_string(plan.span) +
             " pixels do not fit into shared memory";
    }
    return {};
#endif
  }

  static std::vector<Tile> Tiles(const assay_problem&, const Shape& shape, const assay_device_info& device) {
    return dilated::AllTiles(shape, device);
  }
  static std::string TileName(const Tile& tile) {
    return "s" + std::to_string(tile.weights) + "." + std::to_string(tile.operands) + "." +
           std::to_string(tile.inputs);
  }
  static double Cost(const assay_problem&, const Shape& shape, const assay_device_info& device,
                     const Tile& tile) {
    return dilated::CostOf(shape, tile, device);
  }
  // Of boundary tests, see variant.h.
  static std::vector<assay_tile_axis> Axes(const assay_problem&, const Shape&, const assay_device_info&) {
    return {{"q", dilated::kGroup}, {"k", dilated::kOutputs}, {"c", dilated::kChunk}};
  }

  HopperDilated(const assay_problem& problem, const Shape& shape, const assay_device_info& device)
      : HopperDilated(problem, shape, device, dilated::AllTiles(shape, device).at(0)) {}
  HopperDilated(const assay_problem& problem, const Shape& shape, const assay_device_info&, const Tile& tile)
      : shape_(shape), dtype_(problem.dtype), plan_(dilated::MakePlan(shape, problem.dtype, tile)) {
    description_ = std::to_string(plan_.tiles) + " tiles of " + (plan_.pairs ? "two rows" : "a row's part") +
                   ", " + std::to_string(plan_.piece) + " pixels each, by " +
                   std::to_string(dilated::kOutputs) + " channels, up to " + std::to_string(plan_.rows) +
                   " rows of " + std::to_string(plan_.span) + " pixels of x, " + std::to_string(plan_.guard) +
                   " zeros beside them, stages of weights, operands and input " +
                   std::to_string(tile.weights) + ", " + std::to_string(tile.operands) + ", " +
                   std::to_string(tile.inputs) + ", " + std::to_string(plan_.shared_bytes) +
                   " bytes of shared memory";
  }

  std::uint64_t workspace_bytes() const { return static_cast<std::uint64_t>(plan_.workspace_bytes); }
  const std::string& description() const { return description_; }

  cudaError_t Prepare(const assay_buffers& buffers, void* stream) {
    const auto kernel_of = [](auto tag) { return dilated::PrepackKernel<typename decltype(tag)::Type>; };
    return LaunchPrepack(dtype_, kernel_of, shape_, plan_, buffers, stream);
  }

  cudaError_t Launch(const assay_buffers& buffers, void* stream) {
#ifdef ASSAY_SIMT
    (void)buffers, (void)stream;
    return cudaErrorInvalidValue;
#else
    return DispatchSixteenBits(dtype_, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      CUtensorMap map;
      // Boxes of a row's columns and a chunk of channels.
      const cudaError_t status =
          device::DescribeNhwc(static_cast<const T*>(buffers.inputs[kX]),
                               {shape_.c, shape_.w, shape_.h, shape_.n}, {dilated::kChunk, plan_.span, 1, 1},
                               CU_TENSOR_MAP_SWIZZLE_NONE, CU_TENSOR_MAP_L2_PROMOTION_L2_128B, map);
      if (status != cudaSuccess) return status;
      const auto launch = [&](auto kernel) {
        return device::LaunchKernel(
            kernel, dim3(static_cast<unsigned>(plan_.tiles), static_cast<unsigned>(plan_.column_tiles)),
            dim3(dilated::kThreads), static_cast<std::size_t>(plan_.shared_bytes), stream, shape_, plan_, map,
            static_cast<const char*>(buffers.workspace), static_cast<T*>(buffers.outputs[0]));
      };
      const auto of_rows = [&](auto rows) {
        constexpr int kRows = decltype(rows)::value;
        switch (plan_.classes) {
          case 1:
            return launch(dilated::DilatedKernel<T, dilated::Classes<T, kRows, 1>>);
          case 2:
            return launch(dilated::DilatedKernel<T, dilated::Classes<T, kRows, 2>>);
          case 3:
            return launch(dilated::DilatedKernel<T, dilated::Classes<T, kRows, 3>>);
          default:
            return launch(dilated::DilatedKernel<T, dilated::Neighbours<T>>);
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
  dilated::Plan plan_;
  std::string description_;
};

}  // namespace

assay_variant Row() { return VariantOf<HopperDilated>::Row(); }

}  // namespace assay::dsconv::hopper_dilated
