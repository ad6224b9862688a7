// Many output channels (fp16 and bf16, sm_90a): both halves in one persistent kernel, a block a
// multiprocessor, and the depthwise half handed over in L2. 7 or 11 warps of every block take bands of the
// depthwise half in turn, whose operands any block may need, and make them straight from device memory into
// the workspace, as wgmma wants them; two warpgroups multiply 128 pixels x up to 256 output channels at a
// time; one warp copies what is there, and weights, which two blocks of a cluster may share (multicast). So
// each output of the depthwise half is made once, far ahead of its use, and x is read once, with its bands'
// halo. What is multiplied takes the place of what was, so that it seldom leaves L2. Time goes to the tensor
// cores and to L2, with few output channels to the depthwise warps' issue slots.
#include "kernels/dsconv/l2/fused.h"
#include "kernels/dsconv/sixteen_bits.h"

namespace assay::dsconv::hopper_l2 {
namespace {

struct HopperL2 {
  static constexpr const char *kName = "hopper_l2", *kOthers = "hopper";
  static constexpr const char* kSummary =
      "for many output channels: depthwise by FMA, handed over in L2, pointwise by wgmma; fp16 and bf16, "
      "sm_90a";

  static assay_promise Promise(assay_dtype dtype) { return SixteenBitPromise(dtype); }
  static std::string WhyNotType(const assay_problem& problem, const Shape& shape,
                                const assay_device_info& device) {
    return WhyNotSixteenBits(problem, shape, device);
  }
  template <class Fn>
  static cudaError_t Dispatch(assay_dtype dtype, Fn&& fn) {
    return DispatchSixteenBits(dtype, std::forward<Fn>(fn));
  }
};

}  // namespace

assay_variant Row() { return VariantOf<l2::Fused<HopperL2>>::Row(); }

}  // namespace assay::dsconv::hopper_l2
