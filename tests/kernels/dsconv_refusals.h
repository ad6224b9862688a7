// Which variants of the dsconv pack refuse what, on the host device: a test that met another refusal, or none
// where one is due, would pass over kernels in silence.
#pragma once

#include <string>
#include <string_view>

#include "kernels/pack.h"

namespace assay {

// The reason with which the variant has to refuse every problem of this dtype; empty where it has to take
// them, but for MayRefuse.
inline std::string DueRefusal(std::string_view variant, assay_dtype dtype) {
  const bool hopper_tf32 = variant == "hopper_tf32" || variant == "hopper_tf32x3" ||
                           variant == "hopper_ffma" || variant == "hopper_l2_tf32" ||
                           variant == "hopper_phases_tf32" || variant == "hopper_planes_tf32" ||
                           variant == "hopper_dilated_tf32" || variant == "hopper_dilated_tf32x3";
  if (variant == "hopper" || variant == "hopper_sparse" || variant == "hopper_keep" ||
      variant == "hopper_strips" || variant == "hopper_rows" || variant == "hopper_wide" ||
      variant == "hopper_l2" || variant == "hopper_phases" || variant == "hopper_dilated" ||
      variant == "hopper_group" || hopper_tf32) {
    return "needs sm_90a";
  }
  if ((variant == "mma" || variant == "hopper_small" || variant == "few") && dtype == ASSAY_F32)
    return "fp32 is not taken; fp16 and bf16 are";
  const bool tf32 = variant == "tf32" || variant == "tf32x3" || variant == "few_tf32" ||
                    variant == "few_tf32x3" || variant == "via_nhwc_tf32" || variant == "auto_tf32";
  if (tf32 && dtype != ASSAY_F32) return "fp16 and bf16 are not taken; fp32 is";
  return {};
}

// Whether the variant may refuse a single problem of a dtype that it takes for this reason.
inline bool MayRefuse(std::string_view variant, std::string_view reason) {
  if ((variant == "via_nhwc" || variant == "via_nhwc_tf32") &&
      reason == "takes nchw; others take nhwc as it is") {
    return true;
  }
  if (variant == "hopper_small" && reason == "takes nhwc with c a multiple of 8") return true;
  return (variant == "mma" || variant == "hopper_small") &&
         reason == "no block's input tile fits into shared memory: kernel, stride or dilation is too large";
}

}  // namespace assay
