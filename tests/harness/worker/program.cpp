#include "tests/harness/worker/program.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>

namespace assay {

TestFolder::TestFolder() {
  const testing::TestInfo& test = *testing::UnitTest::GetInstance()->current_test_info();
  path_ = std::filesystem::temp_directory_path() /
          ("assay-worker-" + std::to_string(getpid()) + "-" + test.name());
  std::filesystem::create_directories(path_);
}

TestFolder::~TestFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string AssayCommand(const std::string& arguments) {
  return std::string("ASAN_OPTIONS=handle_segv=0:handle_abort=0 ") +
         "TSAN_OPTIONS=handle_segv=0:handle_abort=0 exec '" + ASSAY_PROGRAM + "' " + arguments;
}

pid_t StartAssay(const std::filesystem::path& folder, const std::string& arguments) {
  const std::string command = AssayCommand(arguments) + " >output.txt 2>&1 </dev/null";
  const pid_t child = fork();
  if (child == 0) {
    if (chdir(folder.c_str()) != 0) _exit(126);
    execl("/bin/sh", "sh", "-c", command.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
  return child;
}

Output WaitForAssay(pid_t pid, const std::filesystem::path& folder) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  Output output;
  output.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  std::ifstream in(folder / "output.txt", std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  output.text = text.str();
  return output;
}

Output Assay(const std::filesystem::path& folder, const std::string& arguments) {
  return WaitForAssay(StartAssay(folder, arguments), folder);
}

std::vector<pid_t> ChildrenOf(pid_t pid) {
  std::vector<pid_t> children;
  std::error_code ignored;
  const std::string own = std::to_string(pid);
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + own + "/task", ignored)) {
    std::ifstream in(task.path() / "children");
    for (pid_t child; in >> child;) children.push_back(child);
  }
  return children;
}

}  // namespace assay
