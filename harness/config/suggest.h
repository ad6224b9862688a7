// Words for messages about names that are not known.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace assay {

// "a, b, c"; "nothing" for an empty list.
std::string JoinNames(std::span<const std::string> names);

// The allowed names joined, and, if one of them is what was probably meant, "; did you mean "kernel"?" behind
// them.
std::string AllowedNames(std::string_view found, std::span<const std::string> allowed);

// A text in quotes, shortened if it is long, for messages.
std::string Quoted(std::string_view text);

}  // namespace assay
