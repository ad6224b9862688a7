#include "harness/run/folder_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

namespace assay {

FolderLock::FolderLock(const std::filesystem::path& folder)
    : fd_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (fd_ < 0) {
    throw std::runtime_error(
        fmt::format("{}: cannot be opened: {}", folder.string(), std::generic_category().message(errno)));
  }
  // File systems without locks refuse in other words; a run there goes on unguarded.
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    ::close(fd_);
    throw std::runtime_error(fmt::format("{}: another run is writing to this folder", folder.string()));
  }
}

FolderLock::~FolderLock() { ::close(fd_); }

}  // namespace assay
