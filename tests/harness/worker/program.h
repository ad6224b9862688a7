// Runs the program as a person does, or starts it and leaves it running.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace assay {

struct Output {
  int exit_code = -1;  // 128 + the signal's number if it was killed
  std::string text;    // stdout and stderr
};

// A folder of its own for one test, removed in the end.
class TestFolder {
 public:
  TestFolder();
  ~TestFolder();
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// The shell command that becomes the program; a crash ends it by its signal under a sanitizer too.
std::string AssayCommand(const std::string& arguments);
// Started in `folder`; its output goes to a file there.
pid_t StartAssay(const std::filesystem::path& folder, const std::string& arguments);
Output WaitForAssay(pid_t pid, const std::filesystem::path& folder);
Output Assay(const std::filesystem::path& folder, const std::string& arguments);
// Processes whose parent is `pid`.
std::vector<pid_t> ChildrenOf(pid_t pid);

}  // namespace assay
