// Dilated filters (fp16 and bf16, sm_90a): a block owns 66 to 72 pixels, two rows of up to 36 that lie a
// dilation apart (and then share rows of x), or a part of a longer one, and 256 output channels. It goes
// through the input channels 64 at a time. One warp copies the rows of x (TMA), one the weights, some chunks
// ahead; two teams of six warps make the depthwise half, a chunk each, from shared memory into shared memory;
// a warpgroup multiplies (wgmma) the weights, as rows, by the pixels, as columns. So x is read once or twice,
// weights once a block, all from L2, and nothing in between leaves the multiprocessor. Time goes to the
// depthwise warps, which the products slow down.
#include "kernels/dsconv/dilated/fused.h"

namespace assay::dsconv::hopper_dilated {
namespace {

struct HopperDilated {
  static constexpr const char *kName = "hopper_dilated", *kOthers = "hopper";
  static constexpr const char* kSummary =
      "for dilated filters: depthwise by FMA from shared memory, pointwise by wgmma; fp16 and bf16, sm_90a";
  static constexpr int kParts = 1;

  static assay_promise Promise(assay_dtype dtype) { return SixteenBitPromise(dtype); }
  static std::string WhyNotType(const assay_problem& problem, const Shape& shape,
                                const assay_device_info& device) {
    return WhyNotSixteenBits(problem, shape, device);
  }
  template <class Fn>
  static cudaError_t Dispatch(assay_dtype dtype, Fn&& fn) {
    return DispatchSixteenBits(dtype, fn);
  }
};

}  // namespace

assay_variant Row() { return VariantOf<dilated::Fused<HopperDilated>>::Row(); }

}  // namespace assay::dsconv::hopper_dilated
