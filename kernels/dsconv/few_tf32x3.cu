// Few pixels of fp32: the kernel of few.cu, with both operands of the pointwise half split into two TF32
// numbers in registers, of whose four products the three largest are added (3xTF32), the small ones first.
// Time goes to the launch, the meeting of the blocks, what L2 can read, and to splitting where there are many
// channels.
#include "kernels/dsconv/few/fused.h"

namespace assay::dsconv::few_tf32x3 {
namespace {

struct FewTf32x3 : few::OfFloats<2> {
  static constexpr const char* kName = "few_tf32x3";
  static constexpr const char* kSummary =
      "as few, with operands of two TF32 parts: fp32 accuracy from three products for one; fp32";
};

}  // namespace

assay_variant Row() { return VariantOf<few::Fused<FewTf32x3>>::Row(); }

}  // namespace assay::dsconv::few_tf32x3
