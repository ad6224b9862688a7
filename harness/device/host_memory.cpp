#include "harness/device/host_memory.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

namespace assay {
namespace {

namespace fs = std::filesystem;

std::optional<std::size_t> ReadNumber(const fs::path& path) {
  std::ifstream in(path);
  std::size_t value = 0;
  // A group without a limit holds the word "max".
  if (in >> value) return value;
  return std::nullopt;
}

// The number behind `key` in a file of "key value" lines.
std::optional<std::size_t> ReadField(const fs::path& path, const std::string& key) {
  std::ifstream in(path);
  std::string line;
  while (std::getline(in, line)) {
    if (line.rfind(key, 0) != 0) continue;
    std::size_t start = line.find_first_of("0123456789", key.size());
    if (start == std::string::npos) return std::nullopt;
    return std::stoull(line.substr(start));
  }
  return std::nullopt;
}

// Below the root.
struct GroupFiles {
  const char* limit;
  const char* usage;
  const char* stat;
  const char* reclaimable;  // file cache that the kernel drops first
};

constexpr GroupFiles kGroups[] = {
    {"sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory.current", "sys/fs/cgroup/memory.stat",
     "inactive_file "},
    {"sys/fs/cgroup/memory/memory.limit_in_bytes", "sys/fs/cgroup/memory/memory.usage_in_bytes",
     "sys/fs/cgroup/memory/memory.stat", "total_inactive_file "},
};

constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

std::size_t GroupFreeBytes(const fs::path& root) {
  for (const GroupFiles& group : kGroups) {
    const auto limit = ReadNumber(root / group.limit);
    const auto usage = ReadNumber(root / group.usage);
    if (!limit || !usage) continue;
    const std::size_t reclaimable =
        std::min(*usage, ReadField(root / group.stat, group.reclaimable).value_or(0));
    const std::size_t used = *usage - reclaimable;
    return *limit > used ? *limit - used : 0;
  }
  return kUnlimited;
}

}  // namespace

std::size_t HostTotalBytes() {
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page_bytes = sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page_bytes <= 0) return 0;
  std::size_t total = static_cast<std::size_t>(pages) * static_cast<std::size_t>(page_bytes);
  for (const GroupFiles& group : kGroups)
    total = std::min(total, ReadNumber(fs::path("/") / group.limit).value_or(kUnlimited));
  return total;
}

std::optional<std::size_t> HostFreeBytes(const fs::path& root) {
  const auto kilobytes = ReadField(root / "proc/meminfo", "MemAvailable:");
  if (!kilobytes) return std::nullopt;
  return std::min(*kilobytes * 1024, GroupFreeBytes(root));
}

}  // namespace assay
