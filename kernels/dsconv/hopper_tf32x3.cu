// fp32 accuracy by wgmma: the kernel of hopper_tf32.cu, with both operands of the pointwise half split into
// two TF32 numbers, of whose four products the three largest are added (3xTF32). Weights are split when they
// are prepacked, depthwise results when they are stored for the products; both take twice the shared memory.
// Time goes to device memory up to about 128 x 128 channels, to the products beyond.
#include "kernels/dsconv/hopper_tf32/fused.h"

namespace assay::dsconv::hopper_tf32x3 {
namespace {

struct HopperTf32x3 {
  static constexpr const char* kName = "hopper_tf32x3";
  static constexpr const char* kSummary =
      "as hopper_tf32, with operands of two TF32 parts: fp32 accuracy from three products for one; fp32, "
      "sm_90a";
  static constexpr int kParts = 2;
  static constexpr assay_format kOperand = ASSAY_FORMAT_TF32X3;
};

}  // namespace

assay_variant Row() { return VariantOf<hopper_tf32::Fused<HopperTf32x3>>::Row(); }

}  // namespace assay::dsconv::hopper_tf32x3
