// Many output channels (fp16 and bf16, sm_90a): both halves in one persistent kernel, a block a
// multiprocessor. A block owns 128 output pixels x up to 256 output channels at a time, whatever rows the
// pixels lie in; 7 or 11 of its warps make the depthwise half of 64 input channels in fp32 and leave it in
// shared memory, two warpgroups multiply it by weights (wgmma), one warp copies. Blocks of a cluster share
// weights (multicast) or the depthwise half (copied from block to block). In shared memory: rings of input
// rows, of operands and of weights. x is read once for a cluster, with its halo, weights once for a cluster's
// pixels. Time goes to the depthwise warps' issue slots and latencies, then to L2 and the tensor cores.
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/device/element.h"
#include "kernels/device/launch.h"
#include "kernels/device/tensor_map.h"
#include "kernels/dsconv/sixteen_bits.h"
#include "kernels/dsconv/variant.h"
#include "kernels/dsconv/wide/choose.h"
#include "kernels/dsconv/wide/clamp.h"
#include "kernels/dsconv/wide/kernel.h"
#include "kernels/dsconv/wide/prepack.h"

namespace assay::dsconv::hopper_wide {
namespace {

class HopperWide {
 public:
  using Tile = wide::Tile;
  static constexpr const char* kName = "hopper_wide";
  static constexpr const char* kSummary =
      "for many output channels: depthwise by FMA into shared memory, pointwise by wgmma; fp16 and bf16, "
      "sm_90a";

  static assay_promise Promise(assay_dtype dtype) { return SixteenBitPromise(dtype); }

  static std::string WhyNot(const assay_problem& problem, const Shape& shape,
                            const assay_device_info& device) {
#ifdef ASSAY_SIMT
    (void)problem, (void)shape, (void)device;
    return "needs sm_90a";
#else
    if (std::string why = WhyNotSixteenBits(problem, shape, device); !why.empty()) return why;
    if (std::string why = WhyNotClamps(shape); !why.empty()) return why;
    if (static_cast<std::int64_t>(shape.n) * shape.p * shape.q > kMostPixels) {
      return "n * p * q is above 2^29: pixels are numbered in 32 bits, some of them twice";
    }
    if (!wide::HasTile(shape, device)) {
      return "no unit of input rows fits into shared memory: kernel, stride, dilation or w is too large";
    }
    return {};
#endif
  }

  static std::vector<Tile> Tiles(const assay_problem&, const Shape& shape, const assay_device_info& device) {
    return wide::AllTiles(shape, device);
  }
  static std::string TileName(const Tile& tile) {
    const auto text = [](std::int32_t value) { return std::to_string(value); };
    return "n" + text(tile.columns) + "c" + text(tile.pixel_blocks) + "x" + text(tile.column_blocks) + "w" +
           text(tile.width) + "u" + text(tile.unit) + "s" + text(tile.operands) + "." + text(tile.weights) +
           "." + text(tile.inputs);
  }
  static double Cost(const assay_problem&, const Shape& shape, const assay_device_info& device,
                     const Tile& tile) {
    return wide::CostOf(shape, tile, device);
  }
  // Of boundary tests, see variant.h.
  static std::vector<assay_tile_axis> Axes(const assay_problem&, const Shape& shape,
                                           const assay_device_info& device) {
    const std::vector<Tile> tiles = wide::AllTiles(shape, device);
    if (tiles.empty()) return {};
    return {{"q", tiles[0].width}, {"k", tiles[0].columns}, {"c", wide::kChunk}};
  }

  HopperWide(const assay_problem& problem, const Shape& shape, const assay_device_info& device)
      : HopperWide(problem, shape, device, wide::AllTiles(shape, device).at(0)) {}
  HopperWide(const assay_problem& problem, const Shape& shape, const assay_device_info& device,
             const Tile& tile)
      : shape_(shape), dtype_(problem.dtype), plan_(wide::MakePlan(shape, problem.dtype, tile)) {
    clusters_ = std::min(plan_.cluster_tiles, wide::MostClusters(tile, device));
    description_ = std::to_string(wide::kPixels) + " pixels x " + std::to_string(tile.columns) +
                   " channels a block, " + std::to_string(wide::kChunk) +
                   " input channels at once, rows of " + std::to_string(tile.width) + ", clusters of " +
                   std::to_string(tile.pixel_blocks) + "x" + std::to_string(tile.column_blocks) +
                   ", stages of operands, weights and input " + std::to_string(tile.operands) + ", " +
                   std::to_string(tile.weights) + ", " + std::to_string(tile.inputs) + " (" +
                   std::to_string(tile.unit) + " pixels), " + std::to_string(plan_.shared_bytes) +
                   " bytes of shared memory, " + std::to_string(clusters_) + " clusters";
  }

  std::uint64_t workspace_bytes() const { return static_cast<std::uint64_t>(plan_.workspace_bytes); }
  const std::string& description() const { return description_; }

  cudaError_t Prepare(const assay_buffers& buffers, void* stream) {
    const auto kernel_of = [](auto tag) { return wide::PrepackKernel<typename decltype(tag)::Type>; };
    return LaunchPrepack(dtype_, kernel_of, shape_, plan_, buffers, stream);
  }

  cudaError_t Launch(const assay_buffers& buffers, void* stream) {
#ifdef ASSAY_SIMT
    (void)buffers, (void)stream;
    return cudaErrorInvalidValue;
#else
    return DispatchSixteenBits(dtype_, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      wide::InputMaps maps;
      const auto* x = static_cast<const T*>(buffers.inputs[kX]);
      if (const cudaError_t status = MapOf<T>(x, 1, maps.row); status != cudaSuccess) return status;
      if (const cudaError_t status = MapOf<T>(x, wide::kBoxRows, maps.rows); status != cudaSuccess)
        return status;
      const auto launch = [&](auto kernel) {
        const auto across = static_cast<unsigned>(plan_.tile.column_blocks),
                   down = static_cast<unsigned>(plan_.tile.pixel_blocks);
        return device::LaunchClusters(
            kernel, dim3(static_cast<unsigned>(clusters_) * across, down), dim3(across, down),
            dim3(static_cast<unsigned>(wide::Threads(plan_.tile.columns))),
            static_cast<std::size_t>(plan_.shared_bytes), stream, shape_, plan_, maps,
            static_cast<const char*>(buffers.workspace), static_cast<T*>(buffers.outputs[0]));
      };
      switch (plan_.tile.columns) {
        case 256:
          return launch(wide::WideKernel<T, 32>);
        case 192:
          return launch(wide::WideKernel<T, 24>);
        case 128:
          return launch(wide::WideKernel<T, 16>);
        default:
          return cudaErrorInvalidValue;  // never: the tile was chosen from these
      }
    });
#endif
  }

 private:
  static constexpr std::int64_t kMostPixels = std::int64_t{1} << 29;

#ifndef ASSAY_SIMT
  // x as (c, w, h, n), and boxes of some rows and a chunk of channels.
  template <class T>
  cudaError_t MapOf(const T* x, std::int32_t rows, CUtensorMap& map) const {
    return device::DescribeNhwc(x, {shape_.c, shape_.w, shape_.h, shape_.n},
                                {wide::kChunk, plan_.box_columns, rows, 1}, CU_TENSOR_MAP_SWIZZLE_NONE,
                                CU_TENSOR_MAP_L2_PROMOTION_L2_256B, map);
  }
#endif

  Shape shape_;
  assay_dtype dtype_;
  wide::Plan plan_;
  std::int32_t clusters_ = 1;
  std::string description_;
};

}  // namespace

assay_variant Row() { return VariantOf<HopperWide>::Row(); }

}  // namespace assay::dsconv::hopper_wide
