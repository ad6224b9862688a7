// For few outputs and many channels (fp16 and bf16, sm_90a): blocks that have the same up to 192 output
// pixels and different output channels are a group. Each block begins to copy its weights and its part of the
// input to shared memory, makes its share of the group's depthwise half from there and puts it into the
// workspace, waits for the others of its group, and multiplies what all of them made (wgmma, a warpgroup for
// 64 pixels). So the depthwise half is made once, and one launch takes what the second of two kernels would
// cost. Time goes to the launch, to latencies (x, the exchange, the operands), and to L2's rate for operands.
#include <string>
#include <vector>

#include "kernels/device/element.h"
#include "kernels/device/launch.h"
#include "kernels/dsconv/group/choose.h"
#include "kernels/dsconv/group/kernel.h"
#include "kernels/dsconv/sixteen_bits.h"
#include "kernels/dsconv/variant.h"

namespace assay::dsconv::hopper_group {
namespace {

class HopperGroup {
 public:
  using Tile = group::Tile;
  static constexpr const char* kName = "hopper_group";
  static constexpr const char* kSummary =
      "for few outputs and many channels: blocks of the same pixels share the depthwise half, pointwise by "
      "wgmma; fp16 and bf16, nhwc, sm_90a";

  static assay_promise Promise(assay_dtype dtype) { return SixteenBitPromise(dtype); }

  static std::string WhyNot(const assay_problem& problem, const Shape& shape,
                            const assay_device_info& device) {
#ifdef ASSAY_SIMT
    (void)problem, (void)shape, (void)device;
    return "needs sm_90a";
#else
    if (std::string why = WhyNotSixteenBits(problem, shape, device); !why.empty()) return why;
    const std::int64_t pixels = static_cast<std::int64_t>(shape.n) * shape.p * shape.q;
    if (pixels > kMostPixels || static_cast<std::int64_t>(shape.n) * shape.h * shape.w > kMostPixels * 64 ||
        static_cast<std::int64_t>(shape.c) + shape.k > kMostChannels ||
        shape.r * std::int64_t{shape.s} > 4096) {
      return "is for few outputs: n * p * q is above 2^15, or n * h * w above 2^21, c + k above 2^16, or a "
             "filter's taps above 4096";
    }
    if (group::TilesFor(shape, device).empty()) {
      return "is for few outputs: blocks of up to 192 pixels and up to 128 channels, whose weights fit into "
             "shared memory, are more than the multiprocessors";
    }
    return {};
#endif
  }

  static std::vector<Tile> Tiles(const assay_problem&, const Shape& shape, const assay_device_info& device) {
    return group::TilesFor(shape, device);
  }
  static std::string TileName(const Tile& tile) {
    return "p" + std::to_string(tile.pixels) + "n" + std::to_string(tile.columns) + "u" +
           std::to_string(tile.span);
  }
  static double Cost(const assay_problem&, const Shape& shape, const assay_device_info& device,
                     const Tile& tile) {
    return group::CostOf(shape, tile, device);
  }
  // Of boundary tests, see variant.h.
  static std::vector<assay_tile_axis> Axes(const assay_problem&, const Shape& shape,
                                           const assay_device_info& device) {
    const std::vector<Tile> tiles = group::TilesFor(shape, device);
    if (tiles.empty()) return {};
    return {{"q", tiles[0].span}, {"k", tiles[0].columns}, {"c", group::kChunk}};
  }

  HopperGroup(const assay_problem& problem, const Shape& shape, const assay_device_info& device)
      : HopperGroup(problem, shape, device, group::TilesFor(shape, device).at(0)) {}
  HopperGroup(const assay_problem& problem, const Shape& shape, const assay_device_info& device,
              const Tile& tile)
      : dtype_(problem.dtype),
        any_(group::IsAny(shape)),
        plan_(group::MakePlan(shape, tile, device.shared_bytes_per_block, layout_)) {
    description_ = std::to_string(layout_.groups) + " groups of " + std::to_string(plan_.block_pixels) +
                   " pixels, blocks of " + std::to_string(tile.columns) + " channels, " +
                   std::to_string(plan_.group) + " a group, strips of " + std::to_string(tile.span) +
                   " outputs, " + std::to_string(plan_.stages) + " of " + std::to_string(plan_.chunks) +
                   " stages of operands, " + std::to_string(layout_.shared_bytes) + " bytes of shared memory";
  }

  std::uint64_t workspace_bytes() const { return static_cast<std::uint64_t>(layout_.workspace_bytes); }
  const std::string& description() const { return description_; }

  cudaError_t Prepare(const assay_buffers& buffers, void* stream) {
    return DispatchSixteenBits(dtype_, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      const auto in = [&](int i) { return static_cast<const T*>(buffers.inputs[i]); };
      group::Plan plan = plan_;
      plan.workspace = static_cast<char*>(buffers.workspace);
      return device::LaunchKernel(group::PrepackKernel<T>, dim3(264), dim3(256), 0, stream, plan,
                                  layout_.tile.columns, layout_.operands_bytes, layout_.counters, in(kWDw),
                                  in(kBDw), in(kWPw), in(kBPw));
    });
  }

  cudaError_t Launch(const assay_buffers& buffers, void* stream) {
#ifdef ASSAY_SIMT
    (void)buffers, (void)stream;
    return cudaErrorInvalidValue;
#else
    return DispatchSixteenBits(dtype_, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      switch (layout_.tile.columns) {
        case 16:
          return LaunchTiles<T, 2>(buffers, stream);
        case 32:
          return LaunchTiles<T, 4>(buffers, stream);
        case 48:
          return LaunchTiles<T, 6>(buffers, stream);
        case 64:
          return LaunchTiles<T, 8>(buffers, stream);
        case 96:
          return LaunchTiles<T, 12>(buffers, stream);
        case 128:
          return LaunchTiles<T, 16>(buffers, stream);
        default:
          return cudaErrorInvalidValue;  // never: the tile was chosen from these
      }
    });
#endif
  }

 private:
  static constexpr std::int64_t kMostPixels = 1 << 15, kMostChannels = 1 << 16;

#ifndef ASSAY_SIMT
  template <class T, int kTiles>
  cudaError_t LaunchTiles(const assay_buffers& buffers, void* stream) {
    group::Plan plan = plan_;
    plan.x = buffers.inputs[kX], plan.y = buffers.outputs[0];
    plan.workspace = static_cast<char*>(buffers.workspace);
    // Blocks wait for each other: all of them run, or none.
    return device::LaunchTogether(
        any_ ? group::GroupKernel<T, kTiles, true> : group::GroupKernel<T, kTiles, false>,
        dim3(static_cast<unsigned>(layout_.groups * plan_.group)), dim3(1), dim3(group::kThreads),
        static_cast<std::size_t>(layout_.shared_bytes), stream, plan);
  }
#endif

  assay_dtype dtype_;
  bool any_;
  group::Layout layout_;
  group::Plan plan_;
  std::string description_;
};

}  // namespace

assay_variant Row() { return VariantOf<HopperGroup>::Row(); }

}  // namespace assay::dsconv::hopper_group
