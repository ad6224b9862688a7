// The variants `mma` and `hopper`: what they take, and how they launch.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/device/element.h"
#include "kernels/device/launch.h"
#include "kernels/dsconv/mma/choose.h"
#include "kernels/dsconv/mma/kernel.h"
#include "kernels/dsconv/mma/prepack.h"
#include "kernels/dsconv/shape.h"
#include "kernels/dsconv/variant.h"

namespace assay::dsconv::mma {

// Kernel has: kName, kSummary, LoaderOf, Blocks, SourceOf(shape, plan, x, source), and
// WhyNot(problem, shape, device), empty where it runs.
template <class Kernel>
class Fused {
 public:
  static constexpr const char *kName = Kernel::kName, *kSummary = Kernel::kSummary;
  using Tile = mma::Tile;

  static assay_promise Promise(assay_dtype dtype) { return SixteenBitPromise(dtype); }

  static std::vector<assay_tile_axis> Axes(const assay_problem& problem, const Shape& shape,
                                           const assay_device_info& device) {
    const mma::Tile tile = Choose(shape, problem.layout, device);
    return {{"p", tile.warps_p * 2 * tile.rows},
            {"q", tile.warps_q * kColumns},
            {"k", tile.tiles * 8},
            {"c", tile.chunk}};
  }

  static std::string WhyNot(const assay_problem& problem, const Shape& shape,
                            const assay_device_info& device) {
    if (std::string reason = Kernel::WhyNot(problem, shape, device); !reason.empty()) return reason;
    if (problem.dtype == ASSAY_F32) return "fp32 is not taken; fp16 and bf16 are";
    const mma::Tile tile = Choose(shape, problem.layout, device);
    if (tile.rows == 0) {
      return "no block's input tile fits into shared memory: kernel, stride or dilation is too large";
    }
    return {};
  }

  static std::vector<Tile> Tiles(const assay_problem& problem, const Shape& shape,
                                 const assay_device_info& device) {
    return ListTiles(shape, problem.layout, device, kLimits, typename Kernel::Blocks{});
  }
  static std::string TileName(const Tile& tile) {
    return std::to_string(2 * tile.rows * tile.warps_p) + "x" + std::to_string(kColumns * tile.warps_q) +
           (tile.images > 1 ? "x" + std::to_string(tile.images) : "") +
           (tile.split > 1 ? "p" + std::to_string(tile.split) : "") + "r" + std::to_string(tile.rows) + "k" +
           std::to_string(8 * tile.tiles) + "c" + std::to_string(tile.chunk) +
           (tile.last_chunk < tile.chunk ? "." + std::to_string(tile.last_chunk) : "") + "s" +
           std::to_string(tile.stages) + (tile.blocks > 1 ? "b" + std::to_string(tile.blocks) : "") +
           (tile.resident ? "r" : "") + (tile.rehearses ? "" : "u") + (tile.dynamic ? "" : "f");
  }
  static double Cost(const assay_problem& problem, const Shape& shape, const assay_device_info& device,
                     const Tile& tile) {
    return CostOf(shape, MakePlan(shape, problem.layout, tile), tile, device.num_sms, kLimits.bulk);
  }

  Fused(const assay_problem& problem, const Shape& shape, const assay_device_info& device)
      : Fused(problem, shape, device, Choose(shape, problem.layout, device)) {}
  Fused(const assay_problem& problem, const Shape& shape, const assay_device_info& device, const Tile& tile)
      : shape_(shape), dtype_(problem.dtype), tile_(tile), plan_(MakePlan(shape, problem.layout, tile_)) {
    blocks_out_ = DivideUp(shape.k, plan_.channels_out);
    blocks_ = SpreadTiles(std::max(1, device.num_sms * tile_.blocks / blocks_out_),
                          kLimits.bulk && tile_.dynamic, plan_);
    plan_.step_n = blocks_ / (plan_.tiles_p * plan_.tiles_q);
    plan_.step_p = blocks_ / plan_.tiles_q % plan_.tiles_p;
    plan_.step_q = blocks_ % plan_.tiles_q;
    shared_bytes_ = SharedBytes(plan_, kLimits.barrier_bytes);
    description_ = std::to_string(plan_.rows) + "x" + std::to_string(plan_.columns) + " pixels" +
                   (plan_.images > 1 ? " of " + std::to_string(plan_.images) + " images" : "") + " x " +
                   std::to_string(plan_.channels_out) + " channels a block of " +
                   std::to_string(plan_.warps) + " warps, " + std::to_string(plan_.chunk) +
                   " input channels at once, " + std::to_string(plan_.stages) + " stages, weights " +
                   (plan_.resident ? "resident" : "streamed") + ", " + std::to_string(shared_bytes_) +
                   " bytes of shared memory, grid " + std::to_string(blocks_) + "x" +
                   std::to_string(blocks_out_);
  }

  std::uint64_t workspace_bytes() const {
    return static_cast<std::uint64_t>(blocks_out_) * static_cast<std::uint64_t>(plan_.packed_bytes);
  }
  const std::string& description() const { return description_; }

  cudaError_t Prepare(const assay_buffers& buffers, void* stream) {
    return Dispatch([&](auto tag, auto, auto block) {
      using T = typename decltype(tag)::Type;
      const dim3 grid(static_cast<unsigned>(plan_.steps), static_cast<unsigned>(blocks_out_));
      return device::LaunchKernel(
          PrepackKernel<T, decltype(block)::kTiles>, grid, dim3(256), 0, stream, shape_, plan_,
          static_cast<const T*>(buffers.inputs[kWDw]), static_cast<const T*>(buffers.inputs[kBDw]),
          static_cast<const T*>(buffers.inputs[kWPw]), static_cast<const T*>(buffers.inputs[kBPw]),
          static_cast<std::uint32_t*>(buffers.workspace));
    });
  }

  cudaError_t Launch(const assay_buffers& buffers, void* stream) {
    return Dispatch([&](auto tag, auto filter, auto block) {
      using T = typename decltype(tag)::Type;
      using FilterType = decltype(filter);
      const Tensors<T> tensors = TensorsOf<T>(buffers);
      using Loader = typename Kernel::template LoaderOf<T>;
      typename Loader::Source source;
      const cudaError_t status = Kernel::template SourceOf<T>(shape_, plan_, tensors.x, source);
      if (status != cudaSuccess) return status;
      return device::LaunchKernel(
          FusedKernel<T, FilterType::kSize, FilterType::kStride, decltype(block), Loader>,
          dim3(static_cast<unsigned>(blocks_), static_cast<unsigned>(blocks_out_)),
          dim3(static_cast<unsigned>(32 * Loader::WarpsOf(plan_.warps, decltype(block)::kMostWarps))),
          static_cast<std::size_t>(shared_bytes_), stream, shape_, plan_, tensors, source,
          static_cast<const char*>(buffers.workspace));
    });
  }

 private:
  using AnyLoader = typename Kernel::template LoaderOf<__half>;
  static constexpr LoaderLimits kLimits = {AnyLoader::kBarrierBytes, AnyLoader::kMostStages,
                                           AnyLoader::kMostBlocks, AnyLoader::kMostPixels, AnyLoader::kBulk};

  template <int kSize_, int kStride_>
  struct Filter {
    static constexpr int kSize = kSize_, kStride = kStride_;
  };

  template <class Fn>
  cudaError_t Dispatch(Fn&& fn) {
    if (dtype_ == ASSAY_F16) return DispatchFilter(device::ElementTag<__half>{}, fn);
    return DispatchFilter(device::ElementTag<__nv_bfloat16>{}, fn);
  }
  template <class Tag, class Fn>
  cudaError_t DispatchFilter(Tag tag, Fn&& fn) {
    const auto with = [&](auto filter) {
      return DispatchBlock(typename Kernel::Blocks{}, [&](auto block) {
        using Candidate = decltype(block);
        using FilterType = std::decay_t<decltype(filter)>;
        if constexpr (FilterType::kSize == 5 && !FitsFive(Candidate::kRows, Candidate::kTiles)) {
          return cudaErrorInvalidValue;  // never: see ListTiles
        } else {
          return fn(tag, filter, block);
        }
      });
    };
    if (!IsFixed(shape_)) return with(Filter<0, 0>{});
    if (shape_.r == 5) return shape_.stride_h == 1 ? with(Filter<5, 1>{}) : with(Filter<5, 2>{});
    return shape_.stride_h == 1 ? with(Filter<3, 1>{}) : with(Filter<3, 2>{});
  }
  template <class... Blocks, class Fn>
  cudaError_t DispatchBlock(BlockList<Blocks...>, Fn&& fn) {
    cudaError_t status = cudaErrorInvalidValue;  // never: the tile was chosen from this list
    const auto is = [&](auto block) {
      using Candidate = decltype(block);
      if (Candidate::kRows != tile_.rows || Candidate::kTiles != tile_.tiles) return false;
      status = fn(block);
      return true;
    };
    (void)(is(Blocks{}) || ...);
    return status;
  }

  static mma::Tile Choose(const Shape& shape, assay_layout layout, const assay_device_info& device) {
    const std::vector<Tile> tiles = ListTiles(shape, layout, device, kLimits, typename Kernel::Blocks{});
    return tiles.empty() ? Tile{} : tiles.front();
  }

  Shape shape_;
  assay_dtype dtype_;
  mma::Tile tile_;
  Plan plan_;
  std::int32_t blocks_ = 0, blocks_out_ = 0;
  std::int64_t shared_bytes_ = 0;
  std::string description_;
};

}  // namespace assay::dsconv::mma
