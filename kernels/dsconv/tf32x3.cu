// fp32 accuracy on matrix units: the kernel of tf32.cu, with both operands of the pointwise half split into
// two TF32 numbers, of whose four products the three largest are added (3xTF32). Weights are split when they
// are prepacked, depthwise results in registers before they are multiplied. Blocks, warps and shared memory
// are as in tf32.cu; A fragments take twice the room. Time goes to device memory up to about 64 x 128
// channels, to the products beyond.
#include "kernels/dsconv/tf32/fused.h"

namespace assay::dsconv::tf32x3 {
namespace {

struct Tf32x3 {
  static constexpr const char* kName = "tf32x3";
  static constexpr const char* kSummary =
      "as tf32, with operands of two TF32 parts: fp32 accuracy from three products for one; fp32";
  static constexpr int kParts = 2;
  static constexpr assay_format kOperand = ASSAY_FORMAT_TF32X3;
};

}  // namespace

assay_variant Row() { return VariantOf<tf32::Fused<Tf32x3>>::Row(); }

}  // namespace assay::dsconv::tf32x3
