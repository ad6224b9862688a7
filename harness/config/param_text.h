// Operator parameters as text, and back.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "harness/config/source_file.h"
#include "reference/operator.h"

namespace assay {

// A value with the place that it was written at.
struct PlacedValue {
  ParamValue value;
  Place place;
};

// "3" is an integer, "3x5" is [3, 5], all else is a word. Throws ConfigError for an integer that 64 bits
// cannot hold.
ParamValue ParseParamText(const std::string& text, const Place& place);

// As a person would write it: 3, same, [3, 5].
std::string ParamText(const ParamValue& value);

// nullptr if the operator has no such parameter.
const ParamSpec* FindSpec(const Operator& op, std::string_view key);
std::vector<std::string> ParamNames(const Operator& op);

}  // namespace assay
