// One thing to judge and time: operator + problem + dtype + layout + variant. A sweep is a list of them.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/pack.h"
#include "reference/operator.h"

namespace assay {

struct Case {
  Problem problem;
  std::string label;  // where the problem comes from, as "MobileNetV1 conv2"; may be empty
  assay_dtype dtype = ASSAY_F32;
  assay_layout layout = ASSAY_NCHW;
  std::string variant;             // "tiled", "cudnn"; "tiled+graph" (graph_name.h)
  bool named = false;              // selected by name, not by a default: being unsupported is then a failure
  bool baseline = false;           // a yardstick: never `named`, so that a missing library is no failure
  int seeds = 0;                   // how often exact and random inputs are drawn; 0: as the sweep says
  std::string configuration = {};  // of the variant, as `assay tune` names it; empty: its own choice

  // "dsconv/n16c64k128h512w512r3p1/fp16/nhwc/tiled"
  std::string Id() const;
};

// What a config, a command line or an id may name. The order of the entries is the order of a problem's
// cases; baselines come after all kernels. An entry may stand for a variant whose pack cannot be used here.
struct Catalog {
  struct Entry {
    std::string op;
    std::string variant;
    bool baseline = false;
  };
  std::vector<Entry> entries;
};

// The case that has this id. A kernel is `named`: whoever writes its id wants it. Throws ConfigError that
// says which part of the id is at fault and what is allowed there.
Case ParseCaseId(std::string_view id, const Catalog& catalog,
                 std::span<const Operator* const> operators = Operators());

}  // namespace assay
