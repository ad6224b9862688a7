#include "tests/scripts/sandbox.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

namespace assay {
namespace fs = std::filesystem;

Sandbox::Sandbox() {
  std::string name = (fs::temp_directory_path() / "assay_scripts_XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a folder like " + name);
  root_ = name;
  // Others have to get in and to write the log of calls: some runs are without root's rights.
  fs::permissions(root_, fs::perms::all);
  fs::copy(fs::path(ASSAY_SOURCE_DIR) / "scripts", root_ / "scripts", fs::copy_options::recursive);
  fs::create_directories(root_ / "fakes");
  Write("calls", "");
  fs::permissions(root_ / "calls", fs::perms::all);
}

Sandbox::~Sandbox() {
  std::error_code ignored;
  fs::remove_all(root_, ignored);
}

void Sandbox::Write(const fs::path& path, const std::string& text, bool executable) {
  fs::create_directories((root_ / path).parent_path());
  std::ofstream(root_ / path) << text;
  if (executable) fs::permissions(root_ / path, fs::perms(0755));
}

void Sandbox::Fake(const std::string& name, const std::string& body) {
  Write(fs::path("fakes") / name,
        "#!/bin/bash\nprintf '%s\\n' \"" + name + " $*\" >>\"" + (root_ / "calls").string() + "\"\n" + body +
            "\n",
        true);
}

void Sandbox::FakeDpkgQuery(const std::vector<std::string>& missing) {
  std::string body = "for name in \"$@\"; do case $name in -*";
  for (const std::string& package : missing) body += " | " + package;
  Fake("dpkg-query", body + ") ;; *) echo \"$name installed\" ;; esac; done");
}

std::string Sandbox::Calls() const {
  std::ifstream file(root_ / "calls");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Outcome Sandbox::Run(const std::string& command, bool as_nobody) const {
  // The variables that steer find_cuda and setup are the test's to set, not the machine's.
  std::string line = "cd '" + root_.string() +
                     "' && env -u CUDACXX -u CUDA_PATH -u CUDA_HOME -u ASSAY_SKIP_SETUP PATH='" +
                     (root_ / "fakes").string() + ":/usr/bin:/bin' ";
  if (as_nobody && geteuid() == 0) line += "setpriv --reuid 65534 --regid 65534 --clear-groups ";
  line += command + " 2>&1 </dev/null";
  FILE* pipe = popen(line.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot run: " + line);
  Outcome outcome;
  char buffer[4096];
  for (std::size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) outcome.output.append(buffer, n);
  const int status = pclose(pipe);
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

}  // namespace assay
