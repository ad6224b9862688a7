// Many input and few output channels on small images (fp16 and bf16, NHWC, 3x3, sm_90a). A block, one a
// multiprocessor, owns all columns of some rows of an image, an image if it is small, and all output
// channels, and goes through the input channels 64 at a time. One warp copies x (TMA), one the weights; eight
// warps make the depthwise half by sparse products, each 16 channels of a strip of 8 columns from top to
// bottom, from shared memory into shared memory; a warpgroup multiplies it (wgmma). So x is read once, with
// the halo of rows where an image has several blocks, and the weights once a tile. Time goes to the tensor
// cores, and at either end of a launch to memory.
#include <string>
#include <vector>

#include "kernels/device/element.h"
#include "kernels/device/launch.h"
#include "kernels/device/tensor_map.h"
#include "kernels/dsconv/sixteen_bits.h"
#include "kernels/dsconv/sparse/choose.h"
#include "kernels/dsconv/sparse/kernel.h"
#include "kernels/dsconv/sparse/taken.h"
#include "kernels/dsconv/variant.h"

namespace assay::dsconv::hopper_sparse {
namespace {

class HopperSparse {
 public:
  using Tile = sparse::Tile;
  static constexpr const char* kName = "hopper_sparse";
  static constexpr const char* kSummary =
      "for few output channels on small images: depthwise by sparse products, pointwise by wgmma; fp16 and "
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
    const bool from_zero =
        shape.act_mid == device::Activation::kRelu || shape.act_mid == device::Activation::kRelu6;
    if (!from_zero) return "takes relu and relu6 after the depthwise half; hopper takes others";
    if (std::string why = WhyNotClamps(shape); !why.empty()) return why;
    if (shape.k % 8 != 0 || shape.k > kMostOutputs) {
      return "takes k a multiple of 8 up to " + std::to_string(kMostOutputs) + "; hopper takes others";
    }
    const std::int32_t pitch = sparse::PitchOf(shape), in_plane = sparse::DivideUp(shape.w, shape.stride_w);
    if (pitch > (shape.stride_w == 1 ? kMostPitch : kMostPitch / 2))
      return "takes up to 31 columns of x, or 30 at stride 2; hopper takes more";
    const std::int32_t reach = (shape.q - 1) * shape.stride_w + 2 - shape.pad_w;
    if (sparse::DivideUp(shape.pad_w, shape.stride_w) > pitch - in_plane || shape.pad_h > kMostPadding ||
        shape.q > pitch || reach >= pitch * shape.stride_w) {
      return "padding is wider than the columns between rows in shared memory";
    }
    const std::int64_t rows = static_cast<std::int64_t>(shape.n) * shape.p;
    if (rows > sparse::kMostTiles / sparse::DivideUp(shape.c, sparse::kChunk)) {
      return "n * p * (c / 64) is above 2^26: chunks of tiles are counted in 32 bits";
    }
    if (sparse::AllTiles(shape, device).empty()) {
      return "no tile: so many output channels, or rows of so many columns, do not fit a block";
    }
    return {};
#endif
  }

  static std::vector<Tile> Tiles(const assay_problem&, const Shape& shape, const assay_device_info& device) {
    return sparse::AllTiles(shape, device);
  }
  static std::string TileName(const Tile& tile) {
    return "p" + std::to_string(tile.pairs) + "c" + std::to_string(tile.cluster) + "s" +
           std::to_string(tile.inputs) + "." + std::to_string(tile.operands) + "." +
           std::to_string(tile.weights);
  }
  static double Cost(const assay_problem&, const Shape& shape, const assay_device_info& device,
                     const Tile& tile) {
    return sparse::CostOf(shape, tile, device);
  }
  // Of boundary tests, see variant.h.
  static std::vector<assay_tile_axis> Axes(const assay_problem&, const Shape& shape,
                                           const assay_device_info& device) {
    const std::vector<Tile> tiles = sparse::AllTiles(shape, device);
    if (tiles.empty()) return {};
    return {{"p", 2 * tiles[0].pairs}, {"q", 8}, {"k", 32}, {"c", sparse::kChunk}};
  }

  HopperSparse(const assay_problem& problem, const Shape& shape, const assay_device_info& device)
      : HopperSparse(problem, shape, device, sparse::AllTiles(shape, device).at(0)) {}
  HopperSparse(const assay_problem& problem, const Shape& shape, const assay_device_info& device,
               const Tile& tile)
      : shape_(shape),
        dtype_(problem.dtype),
        plan_(sparse::MakePlan(shape, problem.dtype, tile, device.num_sms)) {
    description_ = std::to_string(plan_.tiles) + " tiles of " + std::to_string(plan_.rows) + " rows by " +
                   std::to_string(plan_.pitch) + " columns, " + std::to_string(plan_.columns) +
                   " channels, clusters of " + std::to_string(tile.cluster) +
                   ", stages of input, operands and weights " + std::to_string(tile.inputs) + ", " +
                   std::to_string(tile.operands) + ", " + std::to_string(tile.weights) +
                   (plan_.resident ? " (they stay)" : "") + ", " + std::to_string(plan_.shared_bytes) +
                   " bytes of shared memory, grid " + std::to_string(plan_.grid);
  }

  std::uint64_t workspace_bytes() const { return static_cast<std::uint64_t>(plan_.workspace_bytes); }
  const std::string& description() const { return description_; }

  cudaError_t Prepare(const assay_buffers& buffers, void* stream) {
    const auto kernel_of = [](auto tag) { return sparse::PrepackKernel<typename decltype(tag)::Type>; };
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
      CUtensorMap map;
      cudaError_t status = device::DescribeNhwc(
          tensors.x, {shape_.c * shape_.stride_w, shape_.w / shape_.stride_w, shape_.h, shape_.n},
          {sparse::kChunk, plan_.pitch, plan_.box_rows, 1}, CU_TENSOR_MAP_SWIZZLE_128B,
          CU_TENSOR_MAP_L2_PROMOTION_L2_256B, map);
      if (status != cudaSuccess) return status;
      status = cudaErrorInvalidValue;  // never: the tile is of one of the kinds
      sparse::ForEachKind(sparse::Kinds{}, [&](auto kind) {
        using Kind = decltype(kind);
        if (Kind::kStride != plan_.stride || Kind::kPitch != plan_.pitch ||
            Kind::kPairs != plan_.tile.pairs || Kind::kTiles * 8 != plan_.columns) {
          return;
        }
        status = device::LaunchClusters(
            sparse::SparseKernel<T, Kind::kStride, Kind::kTiles, Kind::kPitch, Kind::kPairs>,
            dim3(static_cast<unsigned>(plan_.grid)), dim3(static_cast<unsigned>(plan_.tile.cluster)),
            dim3(sparse::kThreads), static_cast<std::size_t>(plan_.shared_bytes), stream, shape_, plan_, map,
            tensors, static_cast<const char*>(buffers.workspace));
      });
      return status;
    });
#endif
  }

 private:
  static constexpr std::int32_t kMostOutputs = 320, kMostPitch = 32, kMostPadding = 2;

  Shape shape_;
  assay_dtype dtype_;
  sparse::Plan plan_;
  std::string description_;
};

}  // namespace

assay_variant Row() { return VariantOf<HopperSparse>::Row(); }

}  // namespace assay::dsconv::hopper_sparse
