#include "harness/report/report.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "fmt/core.h"
#include "harness/report/render.h"

namespace assay {
namespace {

[[noreturn]] void ThrowSystem(const std::filesystem::path& path, const char* what, int error) {
  throw std::runtime_error(
      fmt::format("{}: {}: {}", path.string(), what, std::generic_category().message(error)));
}

// Returns 0 or the error number.
int WriteAndClose(int fd, const std::string& contents) {
  int error = 0;
  for (std::size_t done = 0; error == 0 && done < contents.size();) {
    const ssize_t n = ::write(fd, contents.data() + done, contents.size() - done);
    if (n >= 0) {
      done += static_cast<std::size_t>(n);
    } else if (errno != EINTR) {
      error = errno;
    }
  }
  // Before the rename: otherwise a crash of the machine could leave an empty file under the final name.
  if (error == 0 && ::fsync(fd) != 0 && errno != EINVAL) error = errno;
  if (::close(fd) != 0 && error == 0) error = errno;
  return error;
}

void WriteAtomically(const std::filesystem::path& path, const std::string& contents) {
  std::filesystem::path temporary = path;
  temporary += fmt::format(".{}.tmp", ::getpid());
  constexpr mode_t kMode = 0666;
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kMode);
  if (fd < 0) ThrowSystem(path, "cannot write the report", errno);
  int error = WriteAndClose(fd, contents);
  if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(temporary.c_str());
    ThrowSystem(path, "cannot write the report", error);
  }
}

}  // namespace

void WriteReports(const std::filesystem::path& dir, const Journal& journal) {
  const Analysis analysis = Analyse(journal);
  WriteAtomically(dir / "results.csv", RenderCsv(journal, analysis));
  WriteAtomically(dir / "report.html", RenderHtml(journal, analysis));
  WriteAtomically(dir / "junit.xml", RenderJunit(journal, analysis));
}

std::string RenderCsv(const Journal& journal) { return RenderCsv(journal, Analyse(journal)); }
std::string RenderHtml(const Journal& journal) { return RenderHtml(journal, Analyse(journal)); }
std::string RenderJunit(const Journal& journal) { return RenderJunit(journal, Analyse(journal)); }

}  // namespace assay
