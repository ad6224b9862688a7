// Text for people: UTF-8 that is whole, as wide as a terminal shows it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace assay {

// One code point of UTF-8 text, or a malformed byte, which counts as U+FFFD.
struct CodePoint {
  char32_t value = 0xFFFD;
  std::size_t bytes = 1;  // that it takes in the text
  bool valid = false;
};
CodePoint DecodeUtf8(std::string_view text);  // `text` is not empty

// With each malformed byte replaced by U+FFFD.
std::string ValidUtf8(std::string_view text);
// ValidUtf8 with control characters (line breaks, escape sequences) replaced by spaces: safe to print on one
// line.
std::string OneLine(std::string_view text);

// Columns on a terminal: East Asian wide characters and emoji take two, combining marks none. `text` has no
// control characters.
int DisplayWidth(std::string_view text);
// Bytes of the longest start of `text` that is at most `columns` wide.
std::size_t FittingPrefix(std::string_view text, int columns);
// Cut to at most `columns`, "..." standing for what is gone (nothing if there is no room for it).
std::string CutEnd(std::string_view text, int columns);
std::string CutStart(std::string_view text, int columns);
// Lines of at most `columns` (at least 1), broken at spaces, within a word only where it is longer than a
// line.
std::vector<std::string> Wrap(std::string_view text, int columns);

}  // namespace assay
