// Both halves in fp32 by FFMA: a block makes the depthwise half of its pixels once for its output channels.
// A block owns 64 to 256 output pixels, in one line through the images (tiled/plan.h), and 16 to 256 output
// channels; a warp 64 pixels x 32 channels of them, a thread 8 x 8. Shared memory holds, for two chunks of 8
// or 16 input channels each, the halo'd input tile, the depthwise results [channel][pixel] and the pointwise
// weights [channel][k], prepacked: while one chunk is multiplied, the block's warps make the next one and
// copy (cp.async) the one after it. A strip of four pixels reads each of its inputs once; each depthwise
// result is read by a warp for 32 output channels, each weight for 64 pixels. Time goes to the FFMA of the
// product, 64 for 4 reads of 16 bytes, where there are many output channels, and to memory where few.
#include <cuda_runtime.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "kernels/device/element.h"
#include "kernels/dsconv/shape.h"
#include "kernels/dsconv/tiled/choose.h"
#include "kernels/dsconv/tiled/launch.h"
#include "kernels/dsconv/tiled/prepack.h"
#include "kernels/dsconv/variant.h"

namespace assay::dsconv::tiled {

class Tiled {
 public:
  static constexpr const char* kName = "tiled";
  static constexpr const char* kSummary =
      "both halves in fp32 by FFMA: strips of depthwise results beside a register-blocked product";

  using Tile = tiled::Tile;

  static assay_promise Promise(assay_dtype) { return PrepackedPromise(ASSAY_FORMAT_F32); }

  static std::vector<Tile> Tiles(const assay_problem& problem, const Shape& shape,
                                 const assay_device_info& device) {
    return TilesOf(shape, problem.dtype, device);
  }

  static std::string TileName(const Tile& tile) {
    const BlockInfo block = InfoOf(tile.block);
    constexpr const char* kNames[] = {"strips", "strips", "gather3", "gather", "direct"};
    return std::to_string(block.pixels) + "x" + std::to_string(block.out) + "c" +
           std::to_string(block.chunk) + "-" + kNames[static_cast<int>(tile.depthwise)] + "-q" +
           std::to_string(tile.band);
  }

  static double Cost(const assay_problem& problem, const Shape& shape, const assay_device_info& device,
                     const Tile& tile) {
    return CostOf(shape, tile, problem.dtype, device);
  }

  static std::vector<assay_tile_axis> Axes(const assay_problem& problem, const Shape& shape,
                                           const assay_device_info& device) {
    const std::vector<Tile> tiles = TilesOf(shape, problem.dtype, device);
    if (tiles.empty()) return {};
    const BlockInfo block = InfoOf(tiles.front().block);
    return {{"p", std::max(1, block.pixels / tiles.front().band)},
            {"q", tiles.front().band},
            {"k", block.out},
            {"c", block.chunk}};
  }

  static std::string WhyNot(const assay_problem& problem, const Shape& shape,
                            const assay_device_info& device) {
    if (!TilesOf(shape, problem.dtype, device).empty()) return {};
    return "n, p, q and k need more than 2^31 - 1 blocks";
  }

  Tiled(const assay_problem& problem, const Shape& shape, const assay_device_info& device)
      : Tiled(problem, shape, device, TilesOf(shape, problem.dtype, device).front()) {}

  Tiled(const assay_problem& problem, const Shape& shape, const assay_device_info&, const Tile& tile)
      : shape_(shape), dtype_(problem.dtype), tile_(tile), plan_(MakePlan(shape, tile, problem.dtype)) {
    const Layout layout = LayoutOf(shape, tile, problem.dtype);
    blocks_ = layout.blocks, shared_bytes_ = layout.shared_bytes;
    records_ = {layout.block.chunk, layout.block.out,
                static_cast<std::int32_t>(DivideUp(shape.c, layout.block.chunk)),
                static_cast<std::int32_t>(DivideUp(shape.k, layout.block.out))};
    description_ = TileName(tile) + ", " + std::to_string(blocks_) + " blocks, " +
                   std::to_string(shared_bytes_) + " bytes of shared memory";
  }

  std::uint64_t workspace_bytes() const {
    return static_cast<std::uint64_t>(records_.Words(plan_)) * sizeof(float);
  }
  const std::string& description() const { return description_; }

  cudaError_t Prepare(const assay_buffers& buffers, void* stream) {
    return device::DispatchElement(dtype_, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      const auto in = [&](int i) { return static_cast<const T*>(buffers.inputs[i]); };
      const Weights<T> weights = {in(kWDw), in(kBDw), in(kWPw), in(kBPw)};
      const auto blocks =
          static_cast<unsigned>(std::min<std::int64_t>(DivideUp(records_.Words(plan_), 256), 4096));
      return device::LaunchKernel(PrepackKernel<T>, dim3(blocks), dim3(256), 0, stream, shape_, plan_,
                                  records_, weights, static_cast<float*>(buffers.workspace));
    });
  }

  cudaError_t Launch(const assay_buffers& buffers, void* stream) {
    const Run run = {shape_, plan_, tile_, blocks_, shared_bytes_, buffers, stream};
    return device::DispatchElement(dtype_, [&](auto tag) {
      return LaunchTile<typename decltype(tag)::Type>(run, std::make_index_sequence<kBlocks>{});
    });
  }

 private:
  template <class T, std::size_t... i>
  static cudaError_t LaunchTile(const Run& run, std::index_sequence<i...>) {
    cudaError_t status = cudaErrorInvalidValue;
    const auto launch = [&]<int kBlock>() {
      if (run.tile.block == kBlock) status = LaunchBlock<kBlock, T>(run);
    };
    (launch.template operator()<static_cast<int>(i)>(), ...);
    return status;
  }

  Shape shape_;
  assay_dtype dtype_;
  tiled::Tile tile_;
  Plan plan_;
  RecordShape records_;
  std::int64_t blocks_ = 0, shared_bytes_ = 0;
  std::string description_;
};

assay_variant Row() { return VariantOf<Tiled>::Row(); }

}  // namespace assay::dsconv::tiled
