#include "harness/device/configurations.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <set>

#include "harness/device/pack_loader.h"
#include "harness/device/pack_table.h"

namespace assay {

bool IsConfigurationText(std::string_view text) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.:";
  return !text.empty() && text.size() < sizeof(assay_configuration::text) &&
         text.find_first_not_of(kAllowed) == std::string_view::npos;
}

std::vector<Configuration> ConfigurationsOf(const assay_variant& variant, const assay_problem& problem,
                                            const assay_device_info& device) {
  if (variant.configurations == nullptr) return {};
  std::vector<assay_configuration> list(kMaxConfigurations);  // what the pack leaves unwritten has no text
  const std::int32_t count = variant.configurations(&problem, &device, list.data(), kMaxConfigurations);
  if (count < 0 || count > kMaxConfigurations) {
    throw VariantError(fmt::format("configurations of {} failed: it lists {}; at most {} are taken",
                                   variant.name, count, kMaxConfigurations));
  }
  std::vector<Configuration> configurations;
  std::set<std::string> seen;
  for (std::int32_t i = 0; i < count; ++i) {
    const assay_configuration& given = list[static_cast<std::size_t>(i)];
    const std::string text(given.text, strnlen(given.text, sizeof given.text));
    const auto fail = [&](const std::string& what) {
      throw VariantError(fmt::format("configurations of {} failed: number {}, \"{}\", {}", variant.name,
                                     i + 1, PrintableLine(text), what));
    };
    if (!IsConfigurationText(text))
      fail("is no such text; allowed: 1 to 63 of the letters a-z A-Z, digits, _ - + = . :");
    if (!seen.insert(text).second) fail("stands there twice");
    if (!std::isfinite(given.cost) || given.cost < 0)
      fail(fmt::format("has the cost {}; allowed: finite numbers from 0 on", given.cost));
    configurations.push_back({text, given.cost});
  }
  return configurations;
}

}  // namespace assay
