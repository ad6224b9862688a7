#include "harness/config/suggest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <numeric>
#include <vector>

namespace assay {
namespace {

// Levenshtein's distance, where a change of case alone counts nothing.
std::size_t Distance(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (lower(a[i]) == lower(b[j]) ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row[b.size()];
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
