// Whether one promise covers another: a kernel that keeps `by` keeps `promise` as well, so that who was told
// the latter may be served by it. docs/judging.md derives the bound, which grows with everything compared
// here.
#pragma once

#include "kernels/pack.h"

namespace assay {

// Whether rounding to `by` errs nowhere by more than rounding to `format` may: fp16 has TF32's digits but not
// its range, bf16 the range but not the digits of either. Parts of TF32 make NaN of an infinity, which no
// other format may.
inline bool CoversFormat(assay_format format, assay_format by) {
  if (format == by) return true;
  if (by == ASSAY_FORMAT_TF32X3) return false;
  const auto rank = [](assay_format each) {
    switch (each) {
      case ASSAY_FORMAT_F64:
        return 0;
      case ASSAY_FORMAT_F32:
        return 1;
      case ASSAY_FORMAT_TF32X3:
        return 2;
      case ASSAY_FORMAT_TF32:
        return 3;
      case ASSAY_FORMAT_F16:
      case ASSAY_FORMAT_BF16:
        return 4;
    }
    return 5;
  };
  return rank(by) < rank(format);
}

// `prepacks_weights` is no promise to whoever reads results, and is not compared.
inline bool Covers(const assay_promise& promise, const assay_promise& by) {
  return CoversFormat(promise.operand, by.operand) && CoversFormat(promise.accumulator, by.accumulator) &&
         promise.rounds_intermediate >= by.rounds_intermediate && promise.rounds_sums >= by.rounds_sums &&
         promise.repeatable <= by.repeatable && promise.alignment >= by.alignment &&
         promise.drops_nan >= by.drops_nan;
}

}  // namespace assay
