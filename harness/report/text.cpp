#include "harness/report/text.h"

#include <algorithm>
#include <array>

namespace assay {
namespace {

struct Range {
  char32_t first, last;
};

// Coarse blocks of Unicode 15's East Asian Width W and F.
constexpr std::array kWide = {Range{0x1100, 0x115F},   Range{0x2E80, 0x303E},   Range{0x3041, 0xA4CF},
                              Range{0xAC00, 0xD7A3},   Range{0xF900, 0xFAFF},   Range{0xFE30, 0xFE6F},
                              Range{0xFF00, 0xFF60},   Range{0xFFE0, 0xFFE6},   Range{0x1F300, 0x1F64F},
                              Range{0x1F680, 0x1F6FF}, Range{0x1F900, 0x1FAFF}, Range{0x20000, 0x3FFFD}};
constexpr std::array kNarrowest = {Range{0x0300, 0x036F}, Range{0x200B, 0x200F}, Range{0x20D0, 0x20FF},
                                   Range{0xFE00, 0xFE0F}, Range{0xFEFF, 0xFEFF}};

template <typename Ranges>
bool Contains(const Ranges& ranges, char32_t value) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const Range& range) { return range.first <= value && value <= range.last; });
}

int WidthOf(char32_t value) {
  if (Contains(kNarrowest, value)) return 0;
  return Contains(kWide, value) ? 2 : 1;
}

bool IsControl(char32_t value) {
  return value < 0x20 || (value >= 0x7F && value < 0xA0) || value == 0x2028 || value == 0x2029;
}

}  // namespace

CodePoint DecodeUtf8(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return {};
  char32_t value = lead & (0x7Fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0u) != 0x80u) return {};
    value = (value << 6) | (byte(i) & 0x3Fu);
  }
  constexpr std::array<char32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (value < kSmallest[length] || value > 0x10FFFF || surrogate) return {};
  return {value, length, true};
}

std::string ValidUtf8(std::string_view text) {
  std::string valid;
  while (!text.empty()) {
    const CodePoint point = DecodeUtf8(text);
    valid += point.valid ? text.substr(0, point.bytes) : std::string_view("\xEF\xBF\xBD");
    text.remove_prefix(point.bytes);
  }
  return valid;
}

std::string OneLine(std::string_view text) {
  const std::string valid = ValidUtf8(text);
  std::string line;
  for (std::string_view rest = valid; !rest.empty();) {
    const CodePoint point = DecodeUtf8(rest);
    line += IsControl(point.value) ? std::string_view(" ") : rest.substr(0, point.bytes);
    rest.remove_prefix(point.bytes);
  }
  return line;
}

std::size_t FittingPrefix(std::string_view text, int columns) {
  std::size_t at = 0;
  for (int width = 0; at < text.size();) {
    const CodePoint point = DecodeUtf8(text.substr(at));
    width += WidthOf(point.value);
    if (width > columns) break;
    at += point.bytes;
  }
  return at;
}

int DisplayWidth(std::string_view text) {
  int width = 0;
  while (!text.empty()) {
    const CodePoint point = DecodeUtf8(text);
    width += WidthOf(point.value);
    text.remove_prefix(point.bytes);
  }
  return width;
}

std::string CutEnd(std::string_view text, int columns) {
  if (DisplayWidth(text) <= columns) return std::string(text);
  const bool dots = columns > 3;
  const std::size_t kept = FittingPrefix(text, dots ? columns - 3 : columns);
  return std::string(text.substr(0, kept)) + (dots ? "..." : "");
}

std::string CutStart(std::string_view text, int columns) {
  int width = DisplayWidth(text);
  if (width <= columns) return std::string(text);
  const bool dots = columns > 3;
  while (width > (dots ? columns - 3 : columns)) {
    const CodePoint point = DecodeUtf8(text);
    width -= WidthOf(point.value);
    text.remove_prefix(point.bytes);
  }
  return (dots ? "..." : "") + std::string(text);
}

std::vector<std::string> Wrap(std::string_view text, int columns) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    std::size_t end = std::max(FittingPrefix(text, columns), DecodeUtf8(text).bytes);
    if (end < text.size() && text[end] != ' ') {
      const std::size_t space = text.substr(0, end).rfind(' ');
      if (space != std::string_view::npos && space > 0) end = space;
    }
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  }
  return lines;
}

}  // namespace assay
