// The operator "dsconv": a depthwise convolution, an activation, a pointwise (1x1) convolution, an
// activation.
#pragma once

#include "reference/operator.h"

namespace assay::dsconv {

const Operator& DsconvOperator();

}  // namespace assay::dsconv
