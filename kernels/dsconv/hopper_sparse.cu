// Many input and few output channels on small images (fp16 and bf16, sm_90a).
#include <string>
#include <vector>

#include "kernels/device/element.h"
#include "kernels/device/launch.h"
#include "kernels/device/tensor_map.h"
#include "kernels/dsconv/sixteen_bits.h"
#include "kernels/dsconv/sparse/kernel.h"
#include "kernels/dsconv/variant.h"

#ifndef ALL_X
#define ALL_X X(1, 4, 32, 7) X(1, 4, 32, 5) X(1, 4, 32, 2) X(1, 8, 16, 7) X(1, 12, 16, 7) X(1, 20, 8, 4) X(1, 40, 8, 4) X(2, 8, 16, 2) X(2, 8, 16, 4) X(2, 20, 8, 4)
#endif
namespace assay::dsconv::hopper_sparse {
namespace {

class HopperSparse {
 public:
  using Tile = sparse::Tile;
  static constexpr const char* kName = "hopper_sparse";
  static constexpr const char* kSummary = "few output channels: depthwise by sparse products, pointwise by wgmma; sm_90a";

  static assay_promise Promise(assay_dtype dtype) { return SixteenBitPromise(dtype); }
  static std::string WhyNot(const assay_problem& problem, const Shape& shape, const assay_device_info& device) {
    if (std::string why = WhyNotSixteenBits(problem, shape, device); !why.empty()) return why;
    if (shape.r != 3 || shape.s != 3 || shape.stride_h != shape.stride_w || shape.stride_h > 2 || (shape.stride_w == 2 && shape.w % 2 != 0) || shape.dilation_h != 1 || shape.dilation_w != 1) return "3x3, stride 1";
    if (std::string why = WhyNotClamps(shape); !why.empty()) return why;
    if (Tiles(problem, shape, device).empty()) return "no tile";
    return {};
  }
  static std::vector<Tile> Tiles(const assay_problem&, const Shape& shape, const assay_device_info& device) {
    std::vector<Tile> tiles;
    const std::int32_t chunks = sparse::DivideUp(shape.c, sparse::kChunk);
    for (const std::int32_t pairs : {sparse::DivideUp(shape.p, 2), sparse::DivideUp(shape.p, 4), sparse::DivideUp(shape.p, 6), 4, 2}) {
      for (const std::int32_t cluster : {1, 2}) {
        for (const std::int32_t operands : {2, 3, 4, 5}) {
          for (const std::int32_t weights : {2, 3, 4, 6, chunks}) {
            if (weights > chunks || weights > sparse::kMostStages || (weights == chunks && weights < 6 && weights == 3 && false)) continue;
            for (std::int32_t inputs = 8; inputs >= 2; --inputs) {
              const Tile tile{pairs, cluster, inputs, operands, weights};
              const sparse::Plan plan = sparse::MakePlan(shape, ASSAY_F16, tile, shape.k, device.num_sms);
              if (!Has(shape, plan) || plan.shared_bytes > device.shared_bytes_per_block) continue;
              bool there = false;
              for (const Tile& other : tiles) there = there || TileName(other) == TileName(tile);
              if (!there) tiles.push_back(tile);
              break;
            }
          }
        }
      }
    }
    return tiles;
  }
  static std::string TileName(const Tile& tile) {
    return "p" + std::to_string(tile.pairs) + "c" + std::to_string(tile.cluster) + "s" + std::to_string(tile.inputs) + "." +
           std::to_string(tile.operands) + "." + std::to_string(tile.weights);
  }
  static std::vector<assay_tile_axis> Axes(const assay_problem&, const Shape&, const assay_device_info&) { return {{"p", 2}, {"q", 8}, {"c", 64}}; }

  HopperSparse(const assay_problem& problem, const Shape& shape, const assay_device_info& device)
      : HopperSparse(problem, shape, device, Tiles(problem, shape, device).at(0)) {}
  HopperSparse(const assay_problem& problem, const Shape& shape, const assay_device_info& device, const Tile& tile)
      : shape_(shape), dtype_(problem.dtype), plan_(sparse::MakePlan(shape, problem.dtype, tile, shape.k, device.num_sms)) {
    description_ = "x";
  }
  std::uint64_t workspace_bytes() const { return static_cast<std::uint64_t>(plan_.workspace_bytes); }
  const std::string& description() const { return description_; }

  cudaError_t Prepare(const assay_buffers& buffers, void* stream) {
    return DispatchSixteenBits(dtype_, [&](auto tag) {
      using T = typename decltype(tag)::Type;
      const auto in = [&](int i) { return static_cast<const T*>(buffers.inputs[i]); };
      return device::LaunchKernel(sparse::PrepackKernel<T>, dim3(512), dim3(256), 0, stream, shape_, plan_, in(kWDw),
                                  in(kBDw), in(kWPw), in(kBPw), static_cast<char*>(buffers.workspace));
    });
  }
  cudaError_t Launch(const assay_buffers& buffers, void* stream) {
#ifdef ONLY_F16
    using T = __half;
#else
    return DispatchSixteenBits(dtype_, [&](auto tag) {
      using T = typename decltype(tag)::Type;
#endif
      const auto in = [&](int i) { return static_cast<const T*>(buffers.inputs[i]); };
      const mma::Tensors<T> tensors = {in(kX), in(kWDw), in(kBDw), in(kWPw), in(kBPw), static_cast<T*>(buffers.outputs[0])};
      CUtensorMap map;
      const cudaError_t status = device::DescribeNhwc(in(kX), {shape_.c * shape_.stride_w, shape_.w / shape_.stride_w, shape_.h, shape_.n},
                                                      {sparse::kChunk, plan_.pitch, plan_.box_rows, 1},
                                                      CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_256B, map);
      if (status != cudaSuccess) return status;
      const auto launch = [&](auto kernel) {
        return device::LaunchClusters(kernel, dim3(static_cast<unsigned>(plan_.grid)), dim3(static_cast<unsigned>(plan_.tile.cluster)),
                                      dim3(sparse::kThreads), static_cast<std::size_t>(plan_.shared_bytes), stream, shape_, plan_, map, tensors,
                                      static_cast<const char*>(buffers.workspace));
      };
#define X(st, t, p, r) if (shape_.stride_w == st && plan_.columns == t * 8 && plan_.pitch == p && plan_.tile.pairs == r) return launch(sparse::SparseKernel<T, st, t, p, r>);
      ALL_X
#undef X
      return cudaErrorInvalidValue;
#ifndef ONLY_F16
    });
#endif
  }

 private:
  static bool Has(const Shape& shape, const sparse::Plan& plan) {
#define X(st, t, p, r) if (shape.stride_w == st && plan.columns == t * 8 && plan.pitch == p && plan.tile.pairs == r) return true;
    ALL_X
#undef X
    return false;
  }
  Shape shape_;
  assay_dtype dtype_;
  sparse::Plan plan_;
  std::string description_;
};

}  // namespace

assay_variant Row() { return VariantOf<HopperSparse>::Row(); }

}  // namespace assay::dsconv::hopper_sparse
