// What a variant lists to choose from, checked.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "kernels/pack.h"

namespace assay {

// One of the ways in which a variant can do a problem; see assay_configuration.
struct Configuration {
  std::string text;
  double cost = 0;  // microseconds by the variant's own model; 0: it has none

  bool operator==(const Configuration&) const = default;
};

// More than this are not asked for: nobody has the time to try them.
inline constexpr int kMaxConfigurations = 512;

// Whether it may stand in tables and on command lines: 1 to 63 of the letters, digits, _ - + = . and :
bool IsConfigurationText(std::string_view text);

// The one that create() takes first; empty for a variant that offers none. Throws VariantError where the list
// is none: it is too long, a text is not allowed or stands there twice, a cost is no finite number from 0 on.
std::vector<Configuration> ConfigurationsOf(const assay_variant& variant, const assay_problem& problem,
                                            const assay_device_info& device);

}  // namespace assay
