#include "harness/config/suggest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <vector>

namespace assay {
namespace {

// Edits from one to the other: a letter more, less or another, or two neighbours swapped. A change of case
// counts nothing.
std::size_t Distance(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
  const auto same = [&](std::size_t i, std::size_t j) { return lower(a[i]) == lower(b[j]); };
  // edits[i][j]: of the first i letters of a to the first j of b.
  std::vector<std::vector<std::size_t>> edits(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        edits[i][j] = i + j;
        continue;
      }
      edits[i][j] = std::min(
          {edits[i - 1][j] + 1, edits[i][j - 1] + 1, edits[i - 1][j - 1] + (same(i - 1, j - 1) ? 0 : 1)});
      if (i > 1 && j > 1 && same(i - 1, j - 2) && same(i - 2, j - 1)) {
        edits[i][j] = std::min(edits[i][j], edits[i - 2][j - 2] + 1);
      }
    }
  }
  return edits[a.size()][b.size()];
}

}  // namespace

std::string JoinNames(std::span<const std::string> names) {
  return names.empty() ? "nothing" : fmt::format("{}", fmt::join(names, ", "));
}

std::string AllowedNames(std::string_view found, std::span<const std::string> allowed) {
  std::string text = JoinNames(allowed);
  if (found.empty() || found.size() > 64) return text;
  const std::string* best = nullptr;
  std::size_t best_distance = 0;
  for (const std::string& name : allowed) {
    const std::size_t distance = Distance(found, name);
    if (best == nullptr || distance < best_distance) {
      best = &name;
      best_distance = distance;
    }
  }
  // One slip in three letters; a name that shares less is no help.
  if (best != nullptr && best_distance * 3 <= best->size()) {
    text += fmt::format("; did you mean \"{}\"?", *best);
  }
  return text;
}

std::string Quoted(std::string_view text) {
  constexpr std::size_t kLongest = 60;
  std::size_t length = std::min(text.size(), kLongest);
  while (length < text.size() && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80) --length;
  std::string shown;
  for (const char c : text.substr(0, length)) {
    if (c == '\n') {
      shown += "\\n";
    } else {
      shown += c;
    }
  }
  return fmt::format("\"{}{}\"", shown, length < text.size() ? "..." : "");
}

}  // namespace assay
