// The kernel of hopper_l2.cu for fp32 tensors: many output channels, the pointwise half in TF32. The
// depthwise half adds in fp32, and what it hands over in L2 is rounded to TF32, as pointwise weights are when
// they are prepacked. A warp's band is 64 channels as there, which are two blocks of operands instead of one;
// products and all that is copied take twice as long, and so y. Products wait for shared memory, so operands
// are read from it once: through registers, or by three depthwise warps instead of seven, which leaves
// registers for products of 256 columns. Time goes to those, and to y.
#include "kernels/dsconv/floats_nhwc.h"
#include "kernels/dsconv/l2/fused.h"

namespace assay::dsconv::hopper_l2_tf32 {
namespace {

struct HopperL2Tf32 : FloatsNhwc<1> {
  static constexpr const char *kName = "hopper_l2_tf32", *kOthers = "hopper_tf32";
  static constexpr const char* kSummary =
      "for many output channels: depthwise in fp32, handed over in L2, pointwise by wgmma in TF32; fp32, "
      "sm_90a";

  static std::string WhyNotType(const assay_problem& problem, const Shape& shape,
                                const assay_device_info& device) {
    return WhyNotFloatsNhwc(problem, shape, device, kOthers);
  }
};

}  // namespace

assay_variant Row() { return VariantOf<l2::Fused<HopperL2Tf32>>::Row(); }

}  // namespace assay::dsconv::hopper_l2_tf32
