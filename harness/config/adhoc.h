// A sweep made from the command line alone, as the commands that reproduce a failure do.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "harness/config/case.h"
#include "harness/config/config.h"

namespace assay {

// What the options say, as text. An empty list stands for all, and for baselines too where no variant is
// named.
struct AdhocOptions {
  std::string op;                     // may be empty if there is but one operator
  std::vector<std::string> problems;  // ids, as "n1c8k16h9w9r3p1"; at least one
  std::vector<std::string> dtypes;
  std::vector<std::string> layouts;
  std::vector<std::string> variants;  // kernels and baselines
};

// Settings are the defaults, the name is "adhoc". Throws ConfigError that names the option at fault.
Sweep MakeAdhocSweep(const AdhocOptions& options, const Catalog& catalog,
                     std::span<const Operator* const> operators = Operators());

}  // namespace assay
