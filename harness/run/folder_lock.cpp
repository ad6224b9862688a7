#include "harness/run/folder_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace assay {

FolderLock::FolderLock(const std::filesystem::path& folder)
    : fd_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (fd_ < 0) {
    throw std::runtime_error(
        fmt::format("{}: cannot be opened: {}", folder.string(), std::generic_category().message(errno)));
  }
  // The process of a run that has just been killed may need a moment to be gone.
  constexpr int kTries = 20;
  for (int i = 0; i < kTries; ++i) {
    // File systems without locks refuse in other words; a run there goes on unguarded.
    if (::flock(fd_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  ::close(fd_);
  throw std::runtime_error(fmt::format("{}: another run is writing to this folder", folder.string()));
}

FolderLock::~FolderLock() { ::close(fd_); }

}  // namespace assay
