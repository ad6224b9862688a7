// Reads what injection.cpp wrote and rebuilds the tree of ranges, thread by thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace assay {

struct LoggedRange {
  std::string domain;
  std::string message;
  std::string payload;   // the number's digits, or "(no number)"
  std::string category;  // the category's name in its domain; empty if it was never named
  std::uint32_t colour = 0;
  std::string thread;               // "<pid>/<tid>"
  std::vector<LoggedRange> inside;  // in the order of their opening
};

struct NvtxLog {
  std::vector<std::string> domains;  // a line for each creation
  std::vector<LoggedRange> ranges;   // outermost ones, in the order of their opening
  std::vector<std::string> faults;   // a pop without a push, a range never popped, a line that cannot be read
};

NvtxLog ReadNvtxLog(const std::filesystem::path& path);

// All ranges of the tree whose category is `category`, outer before inner.
std::vector<const LoggedRange*> RangesOf(const NvtxLog& log, const std::string& category);

}  // namespace assay
