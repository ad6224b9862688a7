// One thing to judge and time: operator + problem + dtype + layout + variant. A sweep is a list of them.
#pragma once

#include <string>
#include <vector>

#include "kernels/pack.h"
#include "reference/operator.h"

namespace assay {

struct Case {
  Problem problem;
  std::string label;  // where the problem comes from, as "MobileNetV1 conv2"; may be empty
  assay_dtype dtype = ASSAY_F32;
  assay_layout layout = ASSAY_NCHW;
  std::string variant;            // "tiled", "cudnn"
  bool named = false;             // selected by name, not by a default: being unsupported is then a failure
  bool baseline = false;          // comes from the config's `baselines`

  // "dsconv/n16c64k128h512w512r3p1/fp16/nhwc/tiled"
  std::string Id() const;
};

}  // namespace assay
