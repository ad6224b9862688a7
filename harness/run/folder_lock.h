// One run at a time writes to a folder.
#pragma once

#include <filesystem>

namespace assay {

// Held from construction to destruction, or until the process ends however it ends. Nothing is left in the
// folder.
class FolderLock {
 public:
  // Throws std::runtime_error if another process holds it, or if the folder cannot be opened.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int fd_;
};

}  // namespace assay
