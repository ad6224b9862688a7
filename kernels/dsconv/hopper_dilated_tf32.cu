// Dilated filters in fp32: the kernel of hopper_dilated.cu, 32 channels at a time. The depthwise half adds in
// fp32, and what it hands over is rounded to TF32, as pointwise weights are when they are prepacked. Weights
// are twice the bytes and products take twice as long; the depthwise warps have half as much to do for them.
#include "kernels/dsconv/dilated/fused.h"

namespace assay::dsconv::hopper_dilated_tf32 {
namespace {

struct HopperDilatedTf32 : dilated::OfFloats<1> {
  static constexpr const char *kName = "hopper_dilated_tf32", *kOthers = "hopper_tf32";
  static constexpr const char* kSummary = "as hopper_dilated, pointwise in TF32; fp32, sm_90a";
};

}  // namespace

assay_variant Row() { return VariantOf<dilated::Fused<HopperDilatedTf32>>::Row(); }

}  // namespace assay::dsconv::hopper_dilated_tf32
