// What the depthwise half by sparse products, and the copies of x for it, do not take.
#pragma once

#include <string>

#include "kernels/dsconv/shape.h"

namespace assay::dsconv::sparse {

inline std::string WhyNotFilter(const Shape& shape) {
  if (shape.r != 3 || shape.s != 3 || shape.dilation_h != 1 || shape.dilation_w != 1 ||
      shape.stride_h != shape.stride_w || shape.stride_h > 2) {
    return "takes 3x3 filters without dilation, at stride 1 or 2 both ways; hopper takes others";
  }
  if (shape.stride_w == 2 && shape.w % 2 != 0) {
    return "at stride 2 columns are copied in pairs: w is odd; hopper takes it";
  }
  return {};
}

}  // namespace assay::dsconv::sparse
