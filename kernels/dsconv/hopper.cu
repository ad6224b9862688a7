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

#include "kernels/dsconv/mma/fused.h"
#include "kernels/dsconv/mma/input_map.h"
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

  template <class T>
  static cudaError_t SourceOf(const Shape& shape, const mma::Plan& plan, const T* x,
                              typename LoaderOf<T>::Source& source) {
    return mma::DescribeInput(shape, plan, x, source);
  }
#endif
};

}  // namespace

assay_variant Row() { return VariantOf<mma::Fused<Hopper>>::Row(); }

}  // namespace assay::dsconv::hopper
