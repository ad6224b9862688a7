// For inputs with few enough channels that the pointwise weights of a block's columns stay in shared memory;
// fp16 and bf16, NHWC, sm_90a. A block, one a multiprocessor, owns a rectangle of output pixels and up to 256
// output channels and goes from rectangle to rectangle. A warpgroup owns 64 of the pixels, a warp a patch of
// 2 x 8: it makes the depthwise half on matrix units, straight from the swizzled input tile into registers
// (mma/depthwise.h), which are the left operand of asynchronous products (wgmma) that run while the next 32
// channels are made. Warpgroups hand nothing to each other; a warp that does nothing else copies input tiles
// into a ring of stages. Time goes to the depthwise half, which tensor cores do between the products, and to
// its latencies.
#include <cuda_runtime.h>

#include <algorithm>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/device/launch.h"
#include "kernels/dsconv/keep/choose.h"
#include "kernels/dsconv/keep/kernel.h"
#include "kernels/dsconv/keep/prepack.h"
#include "kernels/dsconv/mma/input_map.h"
#include "kernels/dsconv/sixteen_bits.h"
#include "kernels/dsconv/variant.h"

namespace assay::dsconv::hopper_keep {
namespace {

#ifdef ASSAY_SIMT
constexpr mma::LoaderLimits kLimits = {};
#else
using AnyLoader = mma::BulkLoader<__half>;
constexpr mma::LoaderLimits kLimits = {AnyLoader::kBarrierBytes, AnyLoader::kMostStages, 1,
                                       AnyLoader::kMostPixels, true};
#endif

class HopperKeep {
 public:
  using Tile = mma::Tile;
  using Blocks = mma::BlockList<mma::Block<1, 32, 8>, mma::Block<1, 16, 12>>;
  static constexpr const char* kName = "hopper_keep";
  static constexpr const char* kSummary =
      "pointwise weights stay in shared memory, depthwise half in registers, pointwise by wgmma; fp16 and "
      "bf16, nhwc, sm_90a";

  static assay_promise Promise(assay_dtype dtype) { return SixteenBitPromise(dtype); }

  static std::string WhyNot(const assay_problem& problem, const Shape& shape,
                            const assay_device_info& device) {
#ifdef ASSAY_SIMT
    (void)problem, (void)shape, (void)device;
    return "needs sm_90a";
#else
    if (std::string why = WhyNotSixteenBits(problem, shape, device); !why.empty()) return why;
    if (!mma::IsFixed(shape)) {
      return "takes 3x3 and 5x5 filters of stride 1 or 2 without dilation, with none, relu or relu6 between "
             "the halves; hopper takes others";
    }
    if (Tiles(problem, shape, device).empty()) {
      return "the pointwise weights of 128 output channels do not fit into shared memory beside input tiles";
    }
    return {};
#endif
  }

  static std::vector<Tile> Tiles(const assay_problem& problem, const Shape& shape,
                                 const assay_device_info& device) {
    if (!mma::IsFixed(shape)) return {};
    return keep::TilesFor(shape, problem.layout, device, kLimits, Blocks{});
  }
  static std::string TileName(const Tile& tile) {
    return std::to_string(2 * tile.warps_p) + "x" + std::to_string(mma::kColumns * tile.warps_q) +
           (tile.images > 1 ? "x" + std::to_string(tile.images) : "") + "k" + std::to_string(8 * tile.tiles) +
           "c" + std::to_string(tile.chunk) + "s" + std::to_string(tile.stages);
  }
  static double Cost(const assay_problem& problem, const Shape& shape, const assay_device_info& device,
                     const Tile& tile) {
    return keep::LaunchCost(shape, keep::PlanOf(shape, problem.layout, tile), tile, device.num_sms);
  }
  // Of boundary tests, see variant.h.
  static std::vector<assay_tile_axis> Axes(const assay_problem& problem, const Shape& shape,
                                           const assay_device_info& device) {
    const std::vector<Tile> tiles = Tiles(problem, shape, device);
    if (tiles.empty()) return {};
    return {{"p", tiles[0].warps_p * 2},
            {"q", tiles[0].warps_q * mma::kColumns},
            {"k", tiles[0].tiles * 8},
            {"c", tiles[0].chunk}};
  }

  HopperKeep(const assay_problem& problem, const Shape& shape, const assay_device_info& device)
      : HopperKeep(problem, shape, device, Tiles(problem, shape, device).at(0)) {}
  HopperKeep(const assay_problem& problem, const Shape& shape, const assay_device_info& device,
             const Tile& tile)
      : shape_(shape), dtype_(problem.dtype), tile_(tile), plan_(keep::PlanOf(shape, problem.layout, tile)) {
    blocks_out_ = mma::DivideUp(shape.k, plan_.channels_out);
    blocks_ = mma::SpreadTiles(std::max(1, device.num_sms / blocks_out_), true, plan_);
    shared_bytes_ = mma::SharedBytes(plan_, kLimits.barrier_bytes);
    description_ = std::to_string(plan_.rows) + "x" + std::to_string(plan_.columns) + " pixels" +
                   (plan_.images > 1 ? " of " + std::to_string(plan_.images) + " images" : "") + " x " +
                   std::to_string(plan_.channels_out) + " channels a block of " +
                   std::to_string(plan_.warps) + " warps, " + std::to_string(plan_.chunk) +
                   " input channels at once, " + std::to_string(plan_.stages) + " stages, " +
                   std::to_string(shared_bytes_) + " bytes of shared memory, grid " +
                   std::to_string(blocks_) + "x" + std::to_string(blocks_out_);
  }

  std::uint64_t workspace_bytes() const {
    return static_cast<std::uint64_t>(blocks_out_) * static_cast<std::uint64_t>(plan_.packed_bytes);
  }
  const std::string& description() const { return description_; }

  cudaError_t Prepare(const assay_buffers& buffers, void* stream) {
    return Dispatch([&](auto tag, auto block) {
      using T = typename decltype(tag)::Type;
      const auto in = [&](int i) { return static_cast<const T*>(buffers.inputs[i]); };
      const dim3 grid(static_cast<unsigned>(plan_.steps), static_cast<unsigned>(blocks_out_));
      return device::LaunchKernel(keep::PackKernel<T, decltype(block)::kTiles>, grid, dim3(256), 0, stream,
                                  shape_, plan_, keep::SharesRows(shape_.stride_h), in(kWDw), in(kBDw),
                                  in(kWPw), in(kBPw), static_cast<std::uint32_t*>(buffers.workspace));
    });
  }

  cudaError_t Launch(const assay_buffers& buffers, void* stream) {
#ifdef ASSAY_SIMT
    (void)buffers, (void)stream;
    return cudaErrorInvalidValue;
#else
    return Dispatch([&](auto tag, auto block) {
      using T = typename decltype(tag)::Type;
      using Block = decltype(block);
      if (shape_.r == 3 && shape_.stride_h == 1) return LaunchFilter<T, 3, 1, Block>(buffers, stream);
      if (shape_.r == 3) return LaunchFilter<T, 3, 2, Block>(buffers, stream);
      if (shape_.stride_h == 1) return LaunchFilter<T, 5, 1, Block>(buffers, stream);
      return LaunchFilter<T, 5, 2, Block>(buffers, stream);
    });
#endif
  }

 private:
#ifndef ASSAY_SIMT
  template <class T, int kSize, int kStride, class Block>
  cudaError_t LaunchFilter(const assay_buffers& buffers, void* stream) {
    const mma::Tensors<T> tensors = mma::TensorsOf<T>(buffers);
    using Loader = mma::BulkLoader<T>;
    typename Loader::Source source;
    const cudaError_t status = mma::DescribeInput(shape_, plan_, tensors.x, source);
    if (status != cudaSuccess) return status;
    return device::LaunchKernel(keep::KeepKernel<T, kSize, kStride, Block, Loader>,
                                dim3(static_cast<unsigned>(blocks_), static_cast<unsigned>(blocks_out_)),
                                dim3(static_cast<unsigned>(32 * Loader::WarpsOf(0, Block::kMostWarps))),
                                static_cast<std::size_t>(shared_bytes_), stream, shape_, plan_, tensors,
                                source, static_cast<const char*>(buffers.workspace));
  }
#endif

  template <class Fn>
  cudaError_t Dispatch(Fn&& fn) {
    return DispatchSixteenBits(dtype_, [&](auto tag) {
      return DispatchBlock(Blocks{}, [&](auto block) { return fn(tag, block); });
    });
  }
  template <class... Sizes, class Fn>
  cudaError_t DispatchBlock(mma::BlockList<Sizes...>, Fn&& fn) {
    cudaError_t status = cudaErrorInvalidValue;  // never: the tile was chosen from this list
    const auto is = [&](auto block) {
      using Candidate = decltype(block);
      if (Candidate::kTiles != tile_.tiles) return false;
      status = fn(block);
      return true;
    };
    (void)(is(Sizes{}) || ...);
    return status;
  }

  Shape shape_;
  assay_dtype dtype_;
  Tile tile_;
  mma::Plan plan_;
  std::int32_t blocks_ = 0, blocks_out_ = 0;
  std::int64_t shared_bytes_ = 0;
  std::string description_;
};

}  // namespace

assay_variant Row() { return VariantOf<HopperKeep>::Row(); }

}  // namespace assay::dsconv::hopper_keep
