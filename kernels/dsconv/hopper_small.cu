// For too few outputs to fill the chip, where latency is what counts. A block owns up to 256 output pixels
// and 16 to 128 output channels; a warp 16 or 32 of the pixels and every so manieth slice of 32 input
// channels: it begins to copy all that it needs in its first instructions, makes the depthwise half of a
// slice on matrix units (depthwise.h), as the operand of its products, and meets others only where they share
// a slice. In the end the sums of warps with other slices are added up through shared memory; a warp with all
// slices stores its own. x is read once for every block of output channels, weights once for every block of
// pixels, both kept in shared memory. Time goes to the launch, to device memory's latency, and to the
// instructions of one warp.
#include <cuda_runtime.h>

#include <string>
#include <vector>

#include "kernels/device/element.h"
#include "kernels/device/launch.h"
#include "kernels/dsconv/small/choose.h"
#include "kernels/dsconv/small/kernel.h"
#include "kernels/dsconv/small/plan.h"
#include "kernels/dsconv/small/prepack.h"
#include "kernels/dsconv/variant.h"

namespace assay::dsconv::hopper_small {

class HopperSmall {
 public:
  using Tile = small::Tile;
  static constexpr const char* kName = "hopper_small";
  static constexpr const char* kSummary =
      "for few outputs: each warp from input to products by itself; fp16 and bf16, nhwc, sm_80 and up";

  static assay_promise Promise(assay_dtype dtype) { return SixteenBitPromise(dtype); }

  static std::string WhyNot(const assay_problem& problem, const Shape& shape,
                            const assay_device_info& device) {
    if (problem.dtype == ASSAY_F32) return "fp32 is not taken; fp16 and bf16 are";
    if (problem.layout != ASSAY_NHWC || shape.c % 8 != 0) return "takes nhwc with c a multiple of 8";
    if (device.backend == ASSAY_BACKEND_CUDA && device.compute_capability < 80) return "needs sm_80";
    if (shape.n * shape.y.n > kMostElements || shape.n * shape.x.n > kMostElements) {
      return "is for few outputs: x or y has more than 2^22 elements";
    }
    if (static_cast<std::int64_t>(shape.c + kMore) * (shape.k + kMore) > kMostWeights) {
      return "is for few outputs: the pointwise weights are more than 2^26 elements";
    }
    if (static_cast<std::int64_t>(shape.n) * small::DivideUp(shape.k, 16) > kMostBlocks ||
        shape.p > 2 * kMostBlocks) {
      return "is for few outputs: n * k / 16 or p / 2 is above 65535";
    }
    if (small::TilesFor(shape, device).empty()) {
      return "no block's input tile fits into shared memory: kernel, stride or dilation is too large";
    }
    return {};
  }

  static std::vector<Tile> Tiles(const assay_problem&, const Shape& shape, const assay_device_info& device) {
    return small::TilesFor(shape, device);
  }

  static std::string TileName(const Tile& tile) {
    return std::to_string(tile.rows) + "x" + std::to_string(tile.columns) + "x" +
           std::to_string(tile.tiles * 8) + "m" + std::to_string(tile.matrices) + "w" +
           std::to_string(tile.warps_m) + "x" + std::to_string(tile.warps_c);
  }
  static double Cost(const assay_problem&, const Shape& shape, const assay_device_info& device,
                     const Tile& tile) {
    return small::CostOf(shape, tile, device);
  }

  // Of boundary tests, see variant.h.
  static std::vector<assay_tile_axis> Axes(const assay_problem&, const Shape& shape,
                                           const assay_device_info& device) {
    const std::vector<Tile> tiles = small::TilesFor(shape, device);
    if (tiles.empty()) return {};
    return {{"p", tiles[0].rows}, {"q", tiles[0].columns}, {"k", tiles[0].tiles * 8}, {"c", small::kSlice}};
  }

  HopperSmall(const assay_problem& problem, const Shape& shape, const assay_device_info& device)
      : HopperSmall(problem, shape, device, small::TilesFor(shape, device).at(0)) {}

  HopperSmall(const assay_problem& problem, const Shape& shape, const assay_device_info&, const Tile& tile)
      : dtype_(problem.dtype),
        filter_(small::FilterOf(shape)),
        tile_(tile),
        plan_(small::MakePlan(shape, tile)),
        grid_(static_cast<unsigned>(small::DivideUp(shape.q, tile.columns)),
              static_cast<unsigned>(small::DivideUp(shape.p, tile.rows)),
              static_cast<unsigned>(plan_.blocks_k * shape.n)) {
    description_ = std::to_string(tile.rows) + "x" + std::to_string(tile.columns) + " pixels x " +
                   std::to_string(tile.tiles * 8) + " channels a block, " + std::to_string(tile.warps_m) +
                   "x" + std::to_string(tile.warps_c) + " warps of " + std::to_string(16 * tile.matrices) +
                   " pixels and " + std::to_string(plan_.steps) + " slices, " + std::to_string(tile.stages) +
                   " at a time, " + std::to_string(small::SharedBytes(plan_, tile_)) +
                   " bytes of shared memory, grid " + std::to_string(grid_.x) + "x" +
                   std::to_string(grid_.y) + "x" + std::to_string(grid_.z);
  }

  std::uint64_t workspace_bytes() const {
    return static_cast<std::uint64_t>(small::PackedBytes(plan_, tile_));
  }
  const std::string& description() const { return description_; }

  cudaError_t Prepare(const assay_buffers& buffers, void* stream) {
    return Dispatch([&](auto tag, auto compiled) {
      using T = typename decltype(tag)::Type;
      const auto in = [&](int i) { return static_cast<const T*>(buffers.inputs[i]); };
      constexpr int kTiles = decltype(compiled)::kTiles;
      const auto launch = [&](auto kernel) {
        return device::LaunchKernel(kernel, dim3(132), dim3(256), 0, stream, plan_, in(kWDw), in(kBDw),
                                    in(kWPw), in(kBPw), static_cast<char*>(buffers.workspace));
      };
      switch (filter_) {
        case small::Filter::k3x3:
          return launch(small::PrepackKernel<T, small::Filter::k3x3, kTiles>);
        case small::Filter::k3x3Stride2:
          return launch(small::PrepackKernel<T, small::Filter::k3x3Stride2, kTiles>);
        default:
          return launch(small::PrepackKernel<T, small::Filter::kAny, kTiles>);
      }
    });
  }

  cudaError_t Launch(const assay_buffers& buffers, void* stream) {
    return Dispatch([&](auto tag, auto compiled) {
      using T = typename decltype(tag)::Type;
      constexpr int kMatrices = decltype(compiled)::kMatrices, kTiles = decltype(compiled)::kTiles;
      const mma::Tensors<T> tensors = mma::TensorsOf<T>(buffers);
      small::Plan plan = plan_;
      plan.x = tensors.x, plan.y = tensors.y, plan.packed = static_cast<const char*>(buffers.workspace);
      const dim3 block(32, static_cast<unsigned>(tile_.warps_m), static_cast<unsigned>(tile_.warps_c));
      const auto launch = [&](auto kernel) {
        return device::LaunchKernel(kernel, grid_, block,
                                    static_cast<std::size_t>(small::SharedBytes(plan_, tile_)), stream, plan,
                                    tensors);
      };
      switch (filter_) {
        case small::Filter::k3x3:
          return launch(small::SmallKernel<T, small::Filter::k3x3, kMatrices, kTiles>);
        case small::Filter::k3x3Stride2:
          if constexpr (small::HasRegisters(small::Filter::k3x3Stride2, kMatrices, kTiles)) {
            return launch(small::SmallKernel<T, small::Filter::k3x3Stride2, kMatrices, kTiles>);
          }
          return cudaErrorInvalidValue;  // never: no such tile is offered
        default:
          return launch(small::SmallKernel<T, small::Filter::kAny, kMatrices, kTiles>);
      }
    });
  }

 private:
  // Beyond that a launch is bound by what kernels for full chips are made for. Offsets are 32-bit, also those
  // of weights beyond the last channels, which rounding up adds.
  static constexpr std::int64_t kMostElements = 1 << 22, kMostWeights = 1 << 26, kMore = 128;
  static constexpr std::int64_t kMostBlocks = 65535;  // of a grid, down and deep

  template <int kMatrices_, int kTiles_>
  struct Block {
    static constexpr int kMatrices = kMatrices_, kTiles = kTiles_;
  };

  template <class Fn>
  cudaError_t Dispatch(Fn&& fn) {
    if (dtype_ == ASSAY_F16) return DispatchTile(device::ElementTag<__half>{}, fn);
    return DispatchTile(device::ElementTag<__nv_bfloat16>{}, fn);
  }
  template <class Tag, class Fn>
  cudaError_t DispatchTile(Tag tag, Fn&& fn) {
    switch (tile_.matrices * 100 + tile_.tiles) {
      case 102:
        return fn(tag, Block<1, 2>{});
      case 104:
        return fn(tag, Block<1, 4>{});
      case 108:
        return fn(tag, Block<1, 8>{});
      case 116:
        return fn(tag, Block<1, 16>{});
      case 202:
        return fn(tag, Block<2, 2>{});
      case 204:
        return fn(tag, Block<2, 4>{});
      case 208:
        return fn(tag, Block<2, 8>{});
      case 216:
        return fn(tag, Block<2, 16>{});
      default:
        return cudaErrorInvalidValue;  // never: kCompiled has no other
    }
  }

  assay_dtype dtype_;
  small::Filter filter_;
  Tile tile_;
  small::Plan plan_;
  dim3 grid_;
  std::string description_;
};

assay_variant Row() { return VariantOf<HopperSmall>::Row(); }

}  // namespace assay::dsconv::hopper_small
