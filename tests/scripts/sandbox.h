// A copy of scripts/ in a folder of its own, run with a PATH whose first folder holds stand-ins for apt-get,
// cmake and the like, so that the scripts' decisions are seen without installing or building anything.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace assay {

struct Outcome {
  int exit_code = -1;
  std::string output;  // standard output and standard error together
};

class Sandbox {
 public:
  Sandbox();
  ~Sandbox();
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  const std::filesystem::path& Root() const { return root_; }

  // Puts a program called `name` first in PATH; `body` is bash. Each call is logged, see Calls().
  void Fake(const std::string& name, const std::string& body);
  // A dpkg-query that knows every package that it is asked for, except these.
  void FakeDpkgQuery(const std::vector<std::string>& missing);
  // A file below the root, its folders made.
  void Write(const std::filesystem::path& path, const std::string& text, bool executable = false);

  // The calls of the fakes so far, one a line: "apt-get install -y cmake".
  std::string Calls() const;

  // Runs a bash command line in the root. `as_nobody`: without root's rights, where the tests have them.
  Outcome Run(const std::string& command, bool as_nobody = false) const;

 private:
  std::filesystem::path root_;
};

}  // namespace assay
