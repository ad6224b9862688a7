// As `mma`, with TMA and the pointwise half by wgmma; fp16 and bf16, sm_90a. Two ways, by the output
// channels: few (mma/kernel.h): a warpgroup's warps make the depthwise half of 16 channels in registers,
// while the product of the 16 channels before runs with weights straight from shared memory, read once for 64
// pixels. many (mma/split.h): one warpgroup makes the depthwise half of 128 pixels in fp32 and leaves it in
// shared memory, two others multiply it by 256 columns of weights. Time goes to device memory, then to shared
// memory and L2. Where there are too few outputs for all multiprocessors, clusters of small blocks share the
// input channels of a tile and add up through each other's shared memory (mma/parts.h).
#include <string>
#include <type_traits>

#include "kernels/device/tensor_map.h"
#include "kernels/dsconv/mma/fused.h"
#include "kernels/dsconv/mma/tma_load.h"
#include "kernels/dsconv/variant.h"

namespace assay::dsconv::hopper {
namespace {

struct Hopper {
  static constexpr const char* kName = "hopper";
  static constexpr const char* kSummary =
      "depthwise on matrix units into registers, pointwise by wgmma; fp16 and bf16, sm_90a";
  static constexpr bool kWarpgroups = true;
#ifdef ASSAY_SIMT
  template <class T, int kRows, int kTiles>
  using ProductOf = mma::WarpProduct<T, kRows, kTiles>;
  template <class T>
  using LoaderOf = mma::CopyLoader<T>;
  using Blocks = mma::BlockList<mma::Block<4, 2>>;  // none is ever run

  template <class T>
  static cudaError_t SourceOf(const Shape&, const mma::Plan&, const T*, const T*&) {
    return cudaErrorInvalidValue;
  }
  static std::string WhyNot(const assay_problem&, const Shape&, const assay_device_info&) {
    return "needs sm_90a";
  }
#else
  template <class T, int kRows, int kTiles>
  using ProductOf = mma::WarpgroupProduct<T, kRows, kTiles>;
  template <class T>
  using LoaderOf = mma::BulkLoader<T>;
  using Blocks = mma::BlockList<mma::Block<4, 2>, mma::Block<4, 4>, mma::Block<2, 8>, mma::Block<2, 12>,
                                mma::Block<1, 16>, mma::Block<1, 32>, mma::Block<1, 32, true>,
                                mma::Block<1, 4, false, true>, mma::Block<1, 8, false, true>>;

  static std::string WhyNot(const assay_problem& problem, const Shape& shape,
                            const assay_device_info& device) {
    if (device.compute_capability / 10 != 9) {
      return "needs sm_90a, and the device has compute capability " +
             std::to_string(device.compute_capability / 10) + "." +
             std::to_string(device.compute_capability % 10);
    }
    if (problem.layout != ASSAY_NHWC || shape.c % 8 != 0) {
      return "takes nhwc with c a multiple of 8, whose rows tensor maps can describe; mma takes others";
    }
    return {};
  }

  // x as (c, w, h, n) and boxes of one input tile; at stride 2, of every second column of one.
  template <class T>
  static cudaError_t SourceOf(const Shape& shape, const mma::Plan& plan, const T* x, CUtensorMap& map) {
    static const auto encode = device::TensorMapEncoder();
    if (encode == nullptr) return cudaErrorNotSupported;
    const auto size = [](std::int32_t value) { return static_cast<cuuint64_t>(value); };
    const auto box = [](std::int32_t value) { return static_cast<cuuint32_t>(value); };
    const cuuint64_t sizes[4] = {size(shape.c), size(shape.w), size(shape.h), size(shape.n)};
    const cuuint64_t strides[3] = {size(shape.c) * 2, size(shape.c) * size(shape.w) * 2,
                                   size(shape.c) * size(shape.w) * size(shape.h) * 2};
    const cuuint32_t step = plan.odd != 0 ? 2 : 1;
    const cuuint32_t boxes[4] = {box(plan.chunk), box(plan.pitch) * step, box(plan.halo_rows),
                                 box(plan.images)};
    const cuuint32_t steps[4] = {1, step, 1, 1};
    const CUresult status = encode(
        &map, std::is_same_v<T, __half> ? CU_TENSOR_MAP_DATA_TYPE_FLOAT16 : CU_TENSOR_MAP_DATA_TYPE_BFLOAT16,
        4, const_cast<T*>(x), sizes, strides, boxes, steps, CU_TENSOR_MAP_INTERLEAVE_NONE,
        plan.split ? CU_TENSOR_MAP_SWIZZLE_NONE
                   : (plan.chunk == 64 ? CU_TENSOR_MAP_SWIZZLE_128B : CU_TENSOR_MAP_SWIZZLE_64B),
        CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
    return status == CUDA_SUCCESS ? cudaSuccess : cudaErrorInvalidValue;
  }
#endif
};

}  // namespace

assay_variant Row() { return VariantOf<mma::Fused<Hopper>>::Row(); }

}  // namespace assay::dsconv::hopper
