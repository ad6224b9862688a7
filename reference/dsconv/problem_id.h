// The text of a problem that a person can type: "n16c64k128h512w512r3p1st2-b-mid.relu6".
//
//   n c k h w   always, in this order
//   r3 | r3s5   kernel, square or not
//   p1          padding, all four sides alike; p1x2: rows, columns; p0x1x2x3: top, bottom, left, right; left
//   out: none st2 | st2x1 stride; left out: 1 d2 | d2x3   dilation; left out: 1 -b -bdw -bpw        both
//   biases, or one -mid.relu6 -out.relu  activations
#pragma once

#include <string>
#include <string_view>

#include "reference/dsconv/problem.h"

namespace assay::dsconv {

std::string ShapeId(const Shape& shape);
// The inverse. Throws ProblemError that names the token at fault and what is allowed.
Shape ParseShapeId(std::string_view id);

}  // namespace assay::dsconv
