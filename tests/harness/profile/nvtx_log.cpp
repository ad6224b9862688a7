#include "tests/harness/profile/nvtx_log.h"

#include <fstream>
#include <sstream>
#include <utility>

namespace assay {
namespace {

std::vector<std::string> Fields(const std::string& line) {
  std::vector<std::string> fields;
  std::istringstream in(line);
  for (std::string field; std::getline(in, field, '\t');) fields.push_back(field);
  return fields;
}

// What is open on one thread; its first element stands for the thread itself and holds the outermost ranges.
using Stack = std::vector<LoggedRange>;

void Close(Stack& stack) {
  LoggedRange done = std::move(stack.back());
  stack.pop_back();
  stack.back().inside.push_back(std::move(done));
}

void Collect(const LoggedRange& range, const std::string& category, std::vector<const LoggedRange*>& found) {
  if (range.category == category) found.push_back(&range);
  for (const LoggedRange& inner : range.inside) Collect(inner, category, found);
}

}  // namespace

NvtxLog ReadNvtxLog(const std::filesystem::path& path) {
  NvtxLog log;
  std::ifstream file(path);
  std::map<std::string, Stack> threads;
  std::map<std::string, std::string> category_names;  // by "<pid> <domain> <number>"
  for (std::string line; std::getline(file, line);) {
    const std::vector<std::string> f = Fields(line);
    if (f.size() < 4) {
      log.faults.push_back("cannot read: " + line);
      continue;
    }
    const std::string thread = f[0] + "/" + f[1];
    Stack& stack = threads.try_emplace(thread, 1).first->second;
    if (f[2] == "domain") {
      log.domains.push_back(f[3]);
    } else if (f[2] == "category" && f.size() == 6) {
      category_names[f[0] + " " + f[3] + " " + f[4]] = f[5];
    } else if (f[2] == "push" && f.size() == 8) {
      stack.push_back({f[3],
                       f[4],
                       f[5],
                       category_names[f[0] + " " + f[3] + " " + f[6]],
                       static_cast<std::uint32_t>(std::stoul(f[7])),
                       thread,
                       {}});
    } else if (f[2] == "pop" && stack.size() > 1 && stack.back().domain == f[3]) {
      Close(stack);
    } else {
      log.faults.push_back("does not fit what is open on its thread: " + line);
    }
  }
  for (auto& [thread, stack] : threads) {
    while (stack.size() > 1) {
      log.faults.push_back("never closed on " + thread + ": " + stack.back().message);
      Close(stack);
    }
    for (LoggedRange& range : stack.front().inside) log.ranges.push_back(std::move(range));
  }
  return log;
}

std::vector<const LoggedRange*> RangesOf(const NvtxLog& log, const std::string& category) {
  std::vector<const LoggedRange*> found;
  for (const LoggedRange& range : log.ranges) Collect(range, category, found);
  return found;
}

}  // namespace assay
