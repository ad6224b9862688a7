// The variants `hopper_tf32` and `hopper_tf32x3`: what they take, and how they launch.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/device/launch.h"
#include "kernels/device/tensor_map.h"
#include "kernels/dsconv/hopper_tf32/choose.h"
#include "kernels/dsconv/hopper_tf32/kernel.h"
#include "kernels/dsconv/hopper_tf32/prepack.h"
#include "kernels/dsconv/variant.h"

namespace assay::dsconv::hopper_tf32 {

// Kernel has: kName, kSummary, kParts and kOperand, the format that it promises.
template <class Kernel>
class Fused {
 public:
  static constexpr const char *kName = Kernel::kName, *kSummary = Kernel::kSummary;
  static constexpr int kParts = Kernel::kParts;
  using Tile = hopper_tf32::Tile;

  static assay_promise Promise(assay_dtype) { return PrepackedPromise(Kernel::kOperand); }

  static std::vector<Tile> Tiles(const assay_problem&, const Shape& shape, const assay_device_info& device) {
    return ListTiles(shape, device, kParts);
  }

  static std::string TileName(const Tile& tile) {
    return std::to_string(tile.bands * kBandRows) + "x" + std::to_string(tile.columns) + "x" +
           std::to_string(tile.channels_out) + "s" + std::to_string(tile.x_stages) + "a" +
           std::to_string(tile.operand_stages) + "w" + std::to_string(tile.weight_stages) +
           (tile.cluster == 2 ? "c2" : "") + (tile.few ? "f" : "") +
           (tile.sharing == Sharing::kTurns ? "turns" : "") + (tile.runs ? "runs" : "");
  }

  static double Cost(const assay_problem&, const Shape& shape, const assay_device_info& device,
                     const Tile& tile) {
    constexpr double kCyclesPerMicrosecond = 1755;
    return CostOf(shape, tile, MakePlan(shape, tile, kParts), kParts, std::max(1, device.num_sms)) /
           kCyclesPerMicrosecond;
  }

  static std::vector<assay_tile_axis> Axes(const assay_problem&, const Shape& shape,
                                           const assay_device_info& device) {
    const std::vector<Tile> tiles = ListTiles(shape, device, kParts);
    if (tiles.empty()) return {};
    return {{"p", tiles[0].bands * kBandRows},
            {"q", tiles[0].columns},
            {"k", tiles[0].channels_out},
            {"c", ChunkOf(shape, tiles[0])}};
  }

  static std::string WhyNot(const assay_problem& problem, const Shape& shape,
                            const assay_device_info& device) {
#ifdef ASSAY_SIMT
    (void)problem, (void)shape, (void)device;
    return "needs sm_90a";
#else
    if (std::string why = WhyNotSm90a(device); !why.empty()) return why;
    if (problem.dtype != ASSAY_F32) return "fp16 and bf16 are not taken; fp32 is";
    const std::int64_t bands = static_cast<std::int64_t>(shape.n) * DivideUp(shape.p, kBandRows);
    if (bands * DivideUp(shape.q, 4) * DivideUp(shape.k, 32) > 0x7fffffff) {
      return "n, p, q and k need more than 2^31 - 1 tiles";
    }
    if (shape.k > (1 << 26)) return "k is above 2^26";
    if (ListTiles(shape, device, kParts).empty()) {
      return "no block's input tile fits into shared memory: kernel, stride or dilation is too large";
    }
    return {};
#endif
  }

  Fused(const assay_problem& problem, const Shape& shape, const assay_device_info& device)
      : Fused(problem, shape, device, ListTiles(shape, device, kParts).at(0)) {}

  Fused(const assay_problem&, const Shape& shape, const assay_device_info& device, const Tile& tile)
      : shape_(shape), tile_(tile), plan_(MakePlan(shape, tile, kParts)) {
    const std::int32_t clusters = std::max(1, device.num_sms / plan_.cluster);
    const std::int32_t each = DivideUp(plan_.items, clusters);
    blocks_ = DivideUp(plan_.items, each) * plan_.cluster;
    if (tile.runs) plan_.run_items = each;
    if (plan_.counted) blocks_ = std::min(plan_.items, clusters);
    description_ =
        std::to_string(tile.bands * kBandRows) + "x" + std::to_string(tile.columns) + " pixels x " +
        std::to_string(tile.channels_out) + " channels a block, " + std::to_string(ChunkOf(shape, tile)) +
        " input channels at once, " + std::to_string(tile.x_stages) + " stages " +
        (plan_.copies ? "element by element" : (plan_.by_rows ? "by rows" : "by boxes")) + ", " +
        std::to_string(tile.operand_stages) + " of operands, weights " +
        (plan_.resident ? "resident" : "in " + std::to_string(tile.weight_stages)) +
        (plan_.cluster == 2 ? " shared by clusters of 2, " : ", ") + std::to_string(shared_bytes()) +
        " bytes of shared memory, grid " + std::to_string(blocks_);
  }

  std::uint64_t workspace_bytes() const {
    return static_cast<std::uint64_t>(plan_.counters_at) + 2 * sizeof(std::uint32_t);
  }
  const std::string& description() const { return description_; }

  cudaError_t Prepare(const assay_buffers& buffers, void* stream) {
    const auto in = [&](int i) { return static_cast<const float*>(buffers.inputs[i]); };
    const PackSizes sizes = {ChunkOf(shape_, tile_), UnitChannels(kParts), tile_.channels_out, kParts == 0};
    const auto pack = [&](auto last) {
      const dim3 grid(static_cast<unsigned>(plan_.units), static_cast<unsigned>(plan_.channel_blocks));
      return device::LaunchKernel(PrepackKernel<decltype(last)::value>, grid, dim3(256), 0, stream, shape_,
                                  plan_, sizes, in(kWDw), in(kBDw), in(kWPw), in(kBPw),
                                  static_cast<char*>(buffers.workspace));
    };
    return shape_.channels_last ? pack(std::true_type{}) : pack(std::false_type{});
  }

#ifdef ASSAY_SIMT
  cudaError_t Launch(const assay_buffers&, void*) { return cudaErrorInvalidValue; }
#else
  cudaError_t Launch(const assay_buffers& buffers, void* stream) {
    Maps maps{};
    if (!plan_.copies) {
      const cudaError_t status = Describe(static_cast<const float*>(buffers.inputs[kX]), maps.x);
      if (status != cudaSuccess) return status;
    }
    if (plan_.boxes_out) {
      const cudaError_t status = DescribeOutputs(static_cast<float*>(buffers.outputs[0]), maps.y);
      if (status != cudaSuccess) return status;
    }
    return shape_.channels_last ? LaunchLayout<true>(buffers, maps, stream)
                                : LaunchLayout<false>(buffers, maps, stream);
  }

 private:
  struct Maps {
    CUtensorMap x, y;
  };

  // y of NCHW as (w, c, h, n), and boxes of a row of several channels.
  cudaError_t DescribeOutputs(float* y, CUtensorMap& map) const {
    static const auto encode = device::TensorMapEncoder();
    if (encode == nullptr) return cudaErrorNotSupported;
    const auto size = [](std::int64_t value) { return static_cast<cuuint64_t>(value); };
    const cuuint64_t row = size(4) * size(shape_.q), plane = row * size(shape_.p);
    const cuuint64_t sizes[4] = {size(shape_.q), size(shape_.k), size(shape_.p), size(shape_.n)};
    const cuuint64_t strides[3] = {plane, row, plane * size(shape_.k)};
    const cuuint32_t box[4] = {kBoxColumns, BoxChannels(kParts), 1, 1}, steps[4] = {1, 1, 1, 1};
    const CUresult status = encode(&map, CU_TENSOR_MAP_DATA_TYPE_FLOAT32, 4, y, sizes, strides, box, steps,
                                   CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                                   CU_TENSOR_MAP_L2_PROMOTION_NONE, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
    return status == CUDA_SUCCESS ? cudaSuccess : cudaErrorInvalidValue;
  }

  // x as (c, w, h, n) or (w, h, c, n), and boxes of an input tile or of rows of one.
  cudaError_t Describe(const float* x, CUtensorMap& map) const {
    static const auto encode = device::TensorMapEncoder();
    if (encode == nullptr) return cudaErrorNotSupported;
    const auto size = [](std::int64_t value) { return static_cast<cuuint64_t>(value); };
    const auto box = [](std::int32_t value) { return static_cast<cuuint32_t>(value); };
    const std::int32_t rows = plan_.by_rows ? plan_.box_rows : plan_.rows, chunk = ChunkOf(shape_, tile_);
    const cuuint32_t steps[4] = {1, 1, 1, 1};
    const cuuint64_t image = size(4) * size(shape_.c) * size(shape_.w) * size(shape_.h);
    const cuuint64_t pixels_first[4] = {size(shape_.w), size(shape_.h), size(shape_.c), size(shape_.n)};
    const cuuint64_t plane_strides[3] = {size(4) * size(shape_.w), size(4) * size(shape_.w) * size(shape_.h),
                                         image};
    const cuuint32_t plane_box[4] = {box(plan_.pitch), box(rows), box(chunk), 1};
    const cuuint64_t channels_first[4] = {size(shape_.c), size(shape_.w), size(shape_.h), size(shape_.n)};
    const cuuint64_t pixel_strides[3] = {size(4) * size(shape_.c), size(4) * size(shape_.c) * size(shape_.w),
                                         image};
    const cuuint32_t pixel_box[4] = {box(chunk), box(plan_.pitch), box(rows), 1};
    const bool last = shape_.channels_last;
    const CUresult status =
        encode(&map, CU_TENSOR_MAP_DATA_TYPE_FLOAT32, 4, const_cast<float*>(x),
               last ? channels_first : pixels_first, last ? pixel_strides : plane_strides,
               last ? pixel_box : plane_box, steps, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_NONE,
               last ? CU_TENSOR_MAP_L2_PROMOTION_L2_256B : CU_TENSOR_MAP_L2_PROMOTION_L2_128B,
               CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
    return status == CUDA_SUCCESS ? cudaSuccess : cudaErrorInvalidValue;
  }

  template <bool kLast>
  cudaError_t LaunchLayout(const assay_buffers& buffers, const Maps& maps, void* stream) {
    if (!IsFixed(shape_)) return LaunchFilter<kLast, 0, 0, 16, false>(buffers, maps, stream);
    if constexpr (kLast && kParts == 1) {
      if (tile_.few) {
        return shape_.stride_h == 1 ? LaunchFilter<kLast, 3, 1, 32, true>(buffers, maps, stream)
                                    : LaunchFilter<kLast, 3, 2, 32, true>(buffers, maps, stream);
      }
    }
    return shape_.stride_h == 1 ? LaunchFilter<kLast, 3, 1, 32, false>(buffers, maps, stream)
                                : LaunchFilter<kLast, 3, 2, 16, false>(buffers, maps, stream);
  }

  template <bool kLast, int kSize, int kStride, int kChunk, bool kFew>
  cudaError_t LaunchFilter(const assay_buffers& buffers, const Maps& maps, void* stream) {
    cudaError_t status = cudaErrorInvalidValue;  // never: the tile was chosen from these lists
    const auto launch = [&](auto matrices, auto sharing) {
      using ThisKind = Kind<kLast, kSize, kStride, kChunk, decltype(matrices)::value, kParts,
                            decltype(sharing)::value, kFew ? kFewSlots : kSlots>;
      status = device::LaunchClusters(FusedKernel<ThisKind>, dim3(static_cast<unsigned>(blocks_)),
                                      dim3(static_cast<unsigned>(plan_.cluster)), dim3(32 * ThisKind::kWarps),
                                      static_cast<std::size_t>(shared_bytes()), stream, shape_, plan_, maps.x,
                                      maps.y, static_cast<const float*>(buffers.inputs[kX]),
                                      static_cast<const char*>(buffers.workspace),
                                      static_cast<float*>(buffers.outputs[0]));
    };
    const auto consider = [&](auto matrices) {
      constexpr int kChannels = decltype(matrices)::value * 8;
      if (kChannels != tile_.channels_out) return;
      if constexpr (HasTurns(kLast, kSize, kStride, kChannels, kParts) && !kFew) {
        if (tile_.sharing == Sharing::kTurns) {
          return launch(matrices, std::integral_constant<Sharing, Sharing::kTurns>{});
        }
      }
      if constexpr (HasKernel(kLast, kSize != 0, kChannels, kParts, kFew)) {
        constexpr Sharing kSharing = SharingOf(kLast, kStride, kChannels, kParts, kFew);
        launch(matrices, std::integral_constant<Sharing, kSharing>{});
      }
    };
    ForEachMatrices(consider, std::make_index_sequence<std::size(kChannelsOut)>{});
    return status;
  }

  template <class Fn, std::size_t... kIndex>
  static void ForEachMatrices(Fn&& fn, std::index_sequence<kIndex...>) {
    (fn(std::integral_constant<int, kChannelsOut[kIndex] / 8>{}), ...);
  }
#endif

 private:
  std::int64_t shared_bytes() const { return SharedBytes(plan_, ChunkOf(shape_, tile_), kParts); }

  Shape shape_;
  Tile tile_;
  Plan plan_;
  std::int32_t blocks_ = 0;
  std::string description_;
};

}  // namespace assay::dsconv::hopper_tf32
