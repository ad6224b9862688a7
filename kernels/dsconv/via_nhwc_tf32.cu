// via_nhwc.cu for fp32 tensors whose products may be TF32: another variant is picked as `auto_tf32` picks.
#include "kernels/dsconv/via/picked.h"

namespace assay::dsconv::via_nhwc_tf32 {
namespace {

struct AsAutoTf32 {
  static constexpr const char *kName = "via_nhwc_tf32",
                              *kSummary = "as via_nhwc, with TF32 products in what is picked; fp32";
  static constexpr auto kOperands = automatic::Fp32Operands::kTf32;
};

}  // namespace

assay_variant Row() { return VariantOf<via::ViaNhwc<AsAutoTf32>>::Row(); }

}  // namespace assay::dsconv::via_nhwc_tf32
