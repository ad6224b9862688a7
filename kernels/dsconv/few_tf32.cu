// Few pixels of fp32 whose products may be TF32: the kernel of few.cu. Weights are rounded when they are
// prepacked and depthwise results when they are written, so that nothing is left to convert where they are
// multiplied. Time goes to the launch, the meeting of the blocks, and what L2 can read.
#include "kernels/dsconv/few/fused.h"

namespace assay::dsconv::few_tf32 {
namespace {

struct FewTf32 : few::OfFloats<1> {
  static constexpr const char* kName = "few_tf32";
  static constexpr const char* kSummary = "as few, the pointwise half in TF32; fp32";
};

}  // namespace

assay_variant Row() { return VariantOf<few::Fused<FewTf32>>::Row(); }

}  // namespace assay::dsconv::few_tf32
