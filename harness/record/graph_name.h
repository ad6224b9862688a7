// A variant that is launched as a CUDA graph goes by its name and "+graph": "tiled+graph". It is the same
// variant, judged and timed by replaying one captured launch; no list of variants has it unless it is named.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>

namespace assay {

inline constexpr std::string_view kGraphSuffix = "+graph";

inline bool IsGraphName(std::string_view name) { return name.ends_with(kGraphSuffix); }

inline std::string_view PlainName(std::string_view name) {
  if (IsGraphName(name)) name.remove_suffix(kGraphSuffix.size());
  return name;
}

inline std::string GraphName(std::string_view name) { return std::string(name) + std::string(kGraphSuffix); }

// Whether the variant is among those named, either way of launching it.
inline bool IsVariantAmong(std::span<const std::string> names, std::string_view name) {
  return std::find(names.begin(), names.end(), PlainName(name)) != names.end();
}

}  // namespace assay
