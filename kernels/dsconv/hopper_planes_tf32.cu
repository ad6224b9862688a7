// NCHW in fp32 with the pointwise half in TF32, in one cooperative launch, the halves one after the other as
// in hopper_phases:
// - Operands, pixels by channels, are made from planes as they are: parts of channels that follow each other
//   in x come by bulk copies, which know no padding, so that lanes leave out what lies beside the image. A
//   lane makes four channels of a column, and eight lanes write 128 bytes of a pixel: nothing is transposed.
// - Products are hopper_phases_tf32's; sums go through shared memory, from which a warp stores 32 pixels of a
//   channel, or 64 of two, to its plane.
#include <cuda_runtime.h>

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/device/launch.h"
#include "kernels/device/tensor_map.h"
#include "kernels/dsconv/floats_nhwc.h"
#include "kernels/dsconv/planes/choose.h"
#include "kernels/dsconv/planes/kernel.h"
#include "kernels/dsconv/sixteen_bits.h"
#include "kernels/dsconv/variant.h"

namespace assay::dsconv::hopper_planes_tf32 {
namespace {

class HopperPlanesTf32 {
 public:
  using Tile = planes::Tile;
  static constexpr const char* kName = "hopper_planes_tf32";
  static constexpr const char* kSummary =
      "nchw: depthwise in fp32 from planes, then pointwise by wgmma in TF32 to planes; fp32, sm_90a";

  static assay_promise Promise(assay_dtype dtype) { return FloatsNhwc<1>::Promise(dtype); }

  static std::string WhyNot(const assay_problem& problem, const Shape& shape,
                            const assay_device_info& device) {
#ifdef ASSAY_SIMT
    (void)problem, (void)shape, (void)device;
    return "needs sm_90a";
#else
    const std::string others = "hopper_tf32";
    if (std::string why = WhyNotSm90a(device); !why.empty()) return why;
    if (problem.dtype != ASSAY_F32) return "fp16 and bf16 are not taken; fp32 is";
    if (problem.layout != ASSAY_NCHW || shape.c % 8 != 0)
      return "takes nchw with c a multiple of 8; " + others + " takes others";
    if (std::string why = WhyNotFilters(shape, others); !why.empty()) return why;
    if (shape.c <= planes::kChunk) return "takes more than 32 input channels; " + others + " takes fewer";
    if (std::string why = WhyNotClamps(shape, others); !why.empty()) return why;
    if (IsTooLarge(shape))
      return "n * p * q is above 2^25 - 2^11, or what is made at once is too much for 32-bit numbers";
    if (planes::AllTiles(shape, device).empty())
      return "rows of x are too long for shared memory; " + others + " takes these";
    return {};
#endif
  }

  static std::vector<Tile> Tiles(const assay_problem&, const Shape& shape, const assay_device_info& device) {
    return planes::AllTiles(shape, device);
  }
  static std::string TileName(const Tile& tile) {
    return "n" + std::to_string(tile.columns) + "c" + std::to_string(tile.pixel_blocks) + "g" +
           std::to_string(tile.group);
  }
  static double Cost(const assay_problem&, const Shape& shape, const assay_device_info& device,
                     const Tile& tile) {
    return planes::CostOf(shape, planes::PlanOf(shape, tile, device), tile);
  }
  // Of boundary tests, see variant.h.
  static std::vector<assay_tile_axis> Axes(const assay_problem&, const Shape& shape,
                                           const assay_device_info& device) {
    if (shape.stride_h > 2 || shape.stride_w > 2 || IsTooLarge(shape)) return {};
    const std::vector<Tile> tiles = planes::AllTiles(shape, device);
    if (tiles.empty()) return {};
    const planes::Plan plan = planes::PlanOf(shape, tiles[0], device);
    return {{"p", plan.rows}, {"q", plan.columns}, {"k", tiles[0].columns}, {"c", planes::kChunk}};
  }

  HopperPlanesTf32(const assay_problem& problem, const Shape& shape, const assay_device_info& device)
      : HopperPlanesTf32(problem, shape, device, planes::AllTiles(shape, device).at(0)) {}
  HopperPlanesTf32(const assay_problem&, const Shape& shape, const assay_device_info& device, const Tile& tile)
      : shape_(shape), plan_(planes::PlanOf(shape, tile, device)) {
    description_ = std::to_string(phases::kPixels) + " pixels x " + std::to_string(tile.columns) +
                   " channels a block, clusters of " + std::to_string(tile.pixel_blocks) + ", " +
                   std::to_string(plan_.products.stages) + " stages; operands of " +
                   std::to_string(tile.group) + " channels x " + std::to_string(plan_.rows) + " rows in " +
                   std::to_string(plan_.items) + " items, " + std::to_string(plan_.stages) + " stages; " +
                   std::to_string(plan_.products.shared_bytes) + " bytes of shared memory, " +
                   std::to_string(plan_.products.clusters) + " clusters";
  }

  std::uint64_t workspace_bytes() const { return static_cast<std::uint64_t>(plan_.products.workspace_bytes); }
  const std::string& description() const { return description_; }

  cudaError_t Prepare(const assay_buffers& buffers, void* stream) {
    const auto kernel_of = [](auto tag) { return phases::PrepackKernel<typename decltype(tag)::Type>; };
    return LaunchPrepack([](auto&& fn) { return FloatsNhwc<1>::Dispatch(ASSAY_F32, fn); }, kernel_of, shape_,
                         plan_.products, buffers, stream);
  }

  cudaError_t Launch(const assay_buffers& buffers, void* stream) {
#ifdef ASSAY_SIMT
    (void)buffers, (void)stream;
    return cudaErrorInvalidValue;
#else
    CUtensorMap operands_map;
    if (const cudaError_t status = phases::DescribeOperands<float>(plan_.products, buffers, operands_map);
        status != cudaSuccess) {
      return status;
    }
    const auto launch = [&](auto kernel) {
      const auto blocks = static_cast<unsigned>(plan_.products.tile.pixel_blocks);
      // Blocks wait for each other: all of them run, or none.
      return device::LaunchTogether(
          kernel, dim3(static_cast<unsigned>(plan_.products.clusters) * blocks), dim3(blocks),
          dim3(32 * phases::kLeastWarps), static_cast<std::size_t>(plan_.products.shared_bytes), stream, shape_,
          plan_, operands_map, static_cast<const float*>(buffers.inputs[kX]),
          static_cast<char*>(buffers.workspace), static_cast<float*>(buffers.outputs[0]));
    };
    const bool strided = shape_.stride_h == 2;
    switch (plan_.products.tile.columns) {
      case 256:
        return strided ? launch(planes::PlanesKernel<32, 2>) : launch(planes::PlanesKernel<32, 1>);
      case 192:
        return strided ? launch(planes::PlanesKernel<24, 2>) : launch(planes::PlanesKernel<24, 1>);
      default:
        return strided ? launch(planes::PlanesKernel<16, 2>) : launch(planes::PlanesKernel<16, 1>);
    }
#endif
  }

 private:
  // Of the second half; units, and floats from an image's first to a piece of it.
  static bool IsTooLarge(const Shape& shape) {
    const std::int64_t plane = static_cast<std::int64_t>(shape.h) * shape.w;
    return phases::IsTooLarge(shape, planes::kChunk) ||
           static_cast<std::int64_t>(shape.n) * (shape.c / 8) * shape.p > 0x7fffffff - (1 << 16) ||
           plane * planes::kChunk > 0x7fffffff;
  }

  Shape shape_;
  planes::Plan plan_;
  std::string description_;
};

}  // namespace

assay_variant Row() { return VariantOf<HopperPlanesTf32>::Row(); }

}  // namespace assay::dsconv::hopper_planes_tf32
