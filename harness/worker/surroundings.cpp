#include "harness/worker/surroundings.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>

namespace assay {

std::string SurroundingsOf(pid_t pid) {
  std::string text;
  for (int resource = 0; resource < RLIMIT_NLIMITS; ++resource) {
    rlimit limit{};
    if (::prlimit(pid, static_cast<__rlimit_resource>(resource), nullptr, &limit) != 0) return {};
    text += fmt::format("limit {}: {} {}\n", resource, limit.rlim_cur, limit.rlim_max);
  }
  const std::string folder = fmt::format("/proc/{}", pid);
  std::error_code error;
  text += std::filesystem::read_symlink(folder + "/cwd", error).string() + '\n';
  if (error) return {};
  std::ifstream status(folder + "/status");
  // Not SigCgt: libraries that a kernel loads when it is first made may install handlers for good reasons.
  for (std::string line; std::getline(status, line);) {
    for (const char* name : {"Umask:", "SigBlk:", "SigIgn:"}) {
      if (line.starts_with(name)) text += line + '\n';
    }
  }
  return text;
}

}  // namespace assay
