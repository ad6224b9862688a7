// Few pixels (fp16 and bf16, sm_80 and up): both halves in one launch that fills the chip, one after the
// other. All threads of all blocks make the depthwise half, each output once, into the workspace, which stays
// in L2; a counter says when all is there. Then each block multiplies a tile of 16 to 64 pixels and as many
// output channels, whose input channels its eight warps share among them: each copies stages of its own by
// cp.async, multiplies them by mma.sync, and the warps' sums are added up at the end. The weights of the
// first stages are copied before the depthwise half is made. Time goes to the launch, to that meeting, and to
// what L2 can read.
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "kernels/dsconv/few/fused.h"

namespace assay::dsconv::few {
namespace {

struct Few {
  static constexpr const char* kName = "few";
  static constexpr const char* kSummary =
      "for few pixels: all blocks make the depthwise half in L2, then a tile each, input channels split over "
      "warps; fp16 and bf16";
  static constexpr int kBytes = 2, kParts = 1;

  static assay_promise Promise(assay_dtype dtype) { return SixteenBitPromise(dtype); }
  static std::string WhyNot(assay_dtype dtype) {
    return dtype == ASSAY_F32 ? "fp32 is not taken; fp16 and bf16 are" : "";
  }
  template <class Fn>
  static cudaError_t Dispatch(assay_dtype dtype, Fn&& fn) {
    return dtype == ASSAY_F16 ? fn(SixteenBits<__half>{}) : fn(SixteenBits<__nv_bfloat16>{});
  }
};

}  // namespace

assay_variant Row() { return VariantOf<Fused<Few>>::Row(); }

}  // namespace assay::dsconv::few
