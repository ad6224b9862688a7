// `mma` with bulk copies (TMA), for what moves more bytes than it computes: few output channels; fp16 and
// bf16, NHWC, sm_90a. A block, one a multiprocessor, owns a rectangle of output pixels and up to 160 output
// channels and goes from rectangle to rectangle, in the end to whichever is left. A warp that does nothing
// else copies input tiles into a ring of stages as deep as shared memory allows, so that device memory never
// waits; 8 or 12 warps own a patch of pixels each, or a part of its input channels where patches are too few,
// and release a stage each for itself. Both halves run on matrix units with the intermediate in registers
// (mma/depthwise.h); the accumulators take what registers the loading warp gives up. Time goes to device
// memory; where input channels are many more than output channels, to the copy engine, which takes as long
// for pixels of the border and of neighbours as for a tile's own.
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
      "`mma` with bulk copies by a warp of their own, for few output channels; fp16 and bf16, sm_90a";
#ifdef ASSAY_SIMT
  template <class T>
  using LoaderOf = mma::CopyLoader<T>;
  using Blocks = mma::BlockList<mma::Block<4, 2, 12>>;  // none is ever run

  template <class T>
  static cudaError_t SourceOf(const Shape&, const mma::Plan&, const T*, const T*&) {
    return cudaErrorInvalidValue;
  }
  static std::string WhyNot(const assay_problem&, const Shape&, const assay_device_info&) {
    return "needs sm_90a";
  }
#else
  template <class T>
  using LoaderOf = mma::BulkLoader<T>;
  using Blocks =
      mma::BlockList<mma::Block<4, 2, 12>, mma::Block<4, 4, 12>, mma::Block<4, 8, 8>, mma::Block<2, 4, 12>,
                     mma::Block<2, 8, 12>, mma::Block<2, 12, 8>, mma::Block<2, 16, 8>, mma::Block<2, 20, 8>>;

  static std::string WhyNot(const assay_problem& problem, const Shape& shape,
                            const assay_device_info& device) {
    if (std::string why = WhyNotSm90a(device); !why.empty()) return why;
    if (problem.layout != ASSAY_NHWC || shape.c % 8 != 0) {
      return "takes nhwc with c a multiple of 8, whose rows tensor maps can describe; mma takes others";
    }
    return {};
  }

  // x as (c, w, h, n).
  template <class T>
  static cudaError_t SourceOf(const Shape& shape, const mma::Plan& plan, const T* x,
                              typename LoaderOf<T>::Source& source) {
    const cudaError_t status = MapOf(shape, plan, plan.chunk, x, source.map);
    source.last = source.map;
    if (status != cudaSuccess || plan.last_chunk == plan.chunk) return status;
    return MapOf(shape, plan, plan.last_chunk, x, source.last);
  }

 private:
  // Boxes of `channels` of an input tile.
  template <class T>
  static cudaError_t MapOf(const Shape& shape, const mma::Plan& plan, std::int32_t channels, const T* x,
                           CUtensorMap& map) {
    return device::DescribeNhwc(
        x, {shape.c, shape.w, shape.h, shape.n}, {channels, plan.halo_columns, plan.halo_rows, plan.images},
        channels == 64 ? CU_TENSOR_MAP_SWIZZLE_128B
                       : (channels == 32 ? CU_TENSOR_MAP_SWIZZLE_64B : CU_TENSOR_MAP_SWIZZLE_32B),
        CU_TENSOR_MAP_L2_PROMOTION_L2_256B, map);
  }
#endif
};

}  // namespace

assay_variant Row() { return VariantOf<mma::Fused<Hopper>>::Row(); }

}  // namespace assay::dsconv::hopper
