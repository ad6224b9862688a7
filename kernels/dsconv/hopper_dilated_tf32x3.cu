// Dilated filters in fp32: the kernel of hopper_dilated_tf32.cu, with operands and weights as two TF32
// numbers each, of whose four products the three largest are added (3xTF32), the small ones first. Time goes
// to weights, whose two parts come from L2 to every block.
#include "kernels/dsconv/dilated/fused.h"

namespace assay::dsconv::hopper_dilated_tf32x3 {
namespace {

struct HopperDilatedTf32x3 : dilated::OfFloats<2> {
  static constexpr const char *kName = "hopper_dilated_tf32x3", *kOthers = "hopper_tf32x3";
  static constexpr const char* kSummary =
      "as hopper_dilated_tf32, with operands of two TF32 parts: fp32 accuracy from three products for one; "
      "fp32, sm_90a";
};

}  // namespace

assay_variant Row() { return VariantOf<dilated::Fused<HopperDilatedTf32x3>>::Row(); }

}  // namespace assay::dsconv::hopper_dilated_tf32x3
