// The pack's table, made from the list of variants in CMakeLists.txt: variant v is kernels/dsconv/v.cu, whose
// row is assay::dsconv::v::Row().
#include "kernels/pack.h"

#define ASSAY_DSCONV_VARIANT(name) \
  namespace assay::dsconv::name {  \
  assay_variant Row();             \
  }
#include "dsconv_variants.inc"
#undef ASSAY_DSCONV_VARIANT
// `auto` and `auto_tf32`, which pick among these, are not in the list.
namespace assay::dsconv::automatic {
assay_variant Row();
assay_variant Tf32Row();
}  // namespace assay::dsconv::automatic

namespace {

const assay_variant kVariants[] = {
#define ASSAY_DSCONV_VARIANT(name) assay::dsconv::name::Row(),
#include "dsconv_variants.inc"
#undef ASSAY_DSCONV_VARIANT
    assay::dsconv::automatic::Row(),
    assay::dsconv::automatic::Tf32Row(),
};

const assay_pack kPack = {
    ASSAY_PACK_ABI,
    ASSAY_PACK_BACKEND == ASSAY_BACKEND_CUDA ? "dsconv-cuda" : "dsconv-host",
    nullptr,
    ASSAY_PACK_BACKEND,
    nullptr,
    kVariants,
    static_cast<int32_t>(sizeof kVariants / sizeof kVariants[0]),
};

}  // namespace

extern "C" const assay_pack* assay_pack_entry(void) { return &kPack; }
