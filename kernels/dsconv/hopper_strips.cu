// Inputs with few enough channels that the pointwise weights of a block's columns stay in shared memory, on
// images of any size (fp16 and bf16, NHWC, 3x3, sm_90a). A block, one a multiprocessor, owns 8 or 16 rows of
// a strip of 8 columns and up to 256 output channels, and goes from tile to tile and through the input
// channels 64 at a time. A warpgroup makes the depthwise half by sparse products, from boxes of x with zeros
// around (TMA) into shared memory, where two warpgroups multiply it (wgmma), tiles in turn or half of each,
// and store by TMA. x is read with a halo, by each block of output channels. Time goes to tensor cores, which
// both halves share, to the copies of x, a pixel of 64 channels at a time, and to memory.
#include <algorithm>
#include <string>
#include <vector>

#include "kernels/device/element.h"
#include "kernels/device/launch.h"
#include "kernels/device/tensor_map.h"
#include "kernels/dsconv/sixteen_bits.h"
#include "kernels/dsconv/sparse/taken.h"
#include "kernels/dsconv/strips/choose.h"
#include "kernels/dsconv/strips/kernel.h"
#include "kernels/dsconv/variant.h"

namespace assay::dsconv::hopper_strips {
namespace {

class HopperStrips {
 public:
  using Tile = strips::Tile;
  static constexpr const char* kName = "hopper_strips";
  static constexpr const char* kSummary =
      "pointwise weights stay in shared memory, depthwise by sparse products, pointwise by wgmma; fp16 and "
      "bf16, sm_90a";

  static assay_promise Promise(assay_dtype dtype) { return SixteenBitPromise(dtype); }

  static std::string WhyNot(const assay_problem& problem, const Shape& shape,
                            const assay_device_info& device) {
#ifdef ASSAY_SIMT
    (void)problem, (void)shape, (void)device;
    return "needs sm_90a";
#else
    if (std::string why = WhyNotSixteenBits(problem, shape, device); !why.empty()) return why;
    if (std::string why = sparse::WhyNotFilter(shape); !why.empty()) return why;
    if (std::string why = WhyNotClamps(shape); !why.empty()) return why;
    if (shape.k % 8 != 0) return "takes k a multiple of 8; hopper takes others";
    const std::int64_t rows = static_cast<std::int64_t>(shape.n) * shape.p;
    if (rows * strips::DivideUp(shape.q, 8) >
        strips::kMostTiles / strips::DivideUp(shape.c, strips::kChunk)) {
      return "n * p * (q / 8) * (c / 64) is above 2^26: chunks of tiles are counted in 32 bits";
    }
    if (strips::AllTiles(shape, device).empty()) {
      return "the pointwise weights of 128 output channels do not fit into shared memory beside input tiles";
    }
    return {};
#endif
  }

  static std::vector<Tile> Tiles(const assay_problem&, const Shape& shape, const assay_device_info& device) {
    return strips::AllTiles(shape, device);
  }
  static std::string TileName(const Tile& tile) {
    return "k" + std::to_string(tile.columns) + "p" + std::to_string(tile.pairs) + (tile.shared ? "h" : "t") +
           "b" + std::to_string(tile.boxes) + "s" + std::to_string(tile.inputs) + "." +
           std::to_string(tile.operands);
  }
  static double Cost(const assay_problem&, const Shape& shape, const assay_device_info& device,
                     const Tile& tile) {
    return strips::CostOf(shape, tile, device);
  }
  // Of boundary tests, see variant.h.
  static std::vector<assay_tile_axis> Axes(const assay_problem&, const Shape& shape,
                                           const assay_device_info& device) {
    const std::vector<Tile> tiles = strips::AllTiles(shape, device);
    if (tiles.empty()) return {};
    return {{"p", 2 * tiles[0].pairs}, {"q", 8}, {"k", tiles[0].columns}, {"c", strips::kChunk}};
  }

  HopperStrips(const assay_problem& problem, const Shape& shape, const assay_device_info& device)
      : HopperStrips(problem, shape, device, strips::AllTiles(shape, device).at(0)) {}
  HopperStrips(const assay_problem& problem, const Shape& shape, const assay_device_info& device,
               const Tile& tile)
      : shape_(shape),
        dtype_(problem.dtype),
        plan_(strips::MakePlan(shape, problem.dtype, tile, device.num_sms)) {
    description_ = std::to_string(plan_.tiles) + " tiles of " + std::to_string(2 * tile.pairs) +
                   " rows by 8 columns, " + std::to_string(tile.columns) + " channels, " +
                   (tile.shared ? "half of each tile" : "tiles in turn") + " a warpgroup, " +
                   std::to_string(tile.boxes) + " boxes stored at once, stages of input and operands " +
                   std::to_string(tile.inputs) + ", " + std::to_string(tile.operands) + ", " +
                   std::to_string(plan_.shared_bytes) + " bytes of shared memory, grid " +
                   std::to_string(plan_.grid) + "x" + std::to_string(plan_.blocks_out);
  }

  std::uint64_t workspace_bytes() const { return static_cast<std::uint64_t>(plan_.workspace_bytes); }
  const std::string& description() const { return description_; }

  cudaError_t Prepare(const assay_buffers& buffers, void* stream) {
    const auto kernel_of = [](auto tag) { return strips::PrepackKernel<typename decltype(tag)::Type>; };
    return LaunchPrepack(dtype_, kernel_of, shape_, plan_, buffers, stream);
  }

  cudaError_t Launch(const assay_buffers& buffers, void* stream) {
#ifdef ASSAY_SIMT
    (void)buffers, (void)stream;
    return cudaErrorInvalidValue;
#else
    return DispatchSixteenBits(dtype_, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      const mma::Tensors<T> tensors = mma::TensorsOf<T>(buffers);
      // At stride 2 pairs of columns are as pixels of twice as many channels: even columns and odd ones are
      // boxes of their own.
      CUtensorMap whole, half;
      const auto describe = [&](std::int32_t rows, CUtensorMap& map) {
        return device::DescribeNhwc(
            tensors.x, {shape_.c * shape_.stride_w, shape_.w / shape_.stride_w, shape_.h, shape_.n},
            {strips::kChunk, strips::kPitch, rows, 1}, CU_TENSOR_MAP_SWIZZLE_128B,
            CU_TENSOR_MAP_L2_PROMOTION_L2_256B, map);
      };
      cudaError_t status = describe(plan_.box_rows, whole);
      if (status == cudaSuccess) status = describe(plan_.half_rows, half);
      CUtensorMap out;
      if (status == cudaSuccess) {
        status = device::DescribeNhwc(tensors.y, {shape_.k, shape_.q, shape_.p, shape_.n}, {64, 8, 2, 1},
                                      CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_NONE, out);
      }
      if (status != cudaSuccess) return status;
      const bool from_zero = shape_.act_mid != device::Activation::kNone;
      status = cudaErrorInvalidValue;  // never: the tile is of one of the kinds
      strips::ForEachKind(strips::Kinds{}, [&](auto kind) {
        using Kind = decltype(kind);
        if (!Kind::Is(plan_.stride, plan_.tile)) return;
        const auto launch = [&](auto kernel) {
          return device::LaunchKernel(
              kernel, dim3(static_cast<unsigned>(plan_.grid), static_cast<unsigned>(plan_.blocks_out)),
              dim3(strips::kThreads), static_cast<std::size_t>(plan_.shared_bytes), stream, shape_, plan_,
              whole, half, out, tensors, static_cast<const char*>(buffers.workspace));
        };
        status = from_zero ? launch(strips::StripsKernel<T, Kind::kStride, Kind::kTiles, Kind::kPairs,
                                                         Kind::kShared, Kind::kBoxes, true>)
                           : launch(strips::StripsKernel<T, Kind::kStride, Kind::kTiles, Kind::kPairs,
                                                         Kind::kShared, Kind::kBoxes, false>);
      });
      return status;
    });
#endif
  }

 private:
  Shape shape_;
  assay_dtype dtype_;
  strips::Plan plan_;
  std::string description_;
};

}  // namespace

assay_variant Row() { return VariantOf<HopperStrips>::Row(); }

}  // namespace assay::dsconv::hopper_strips
