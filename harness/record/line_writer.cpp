#include "harness/record/line_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "fmt/core.h"

namespace assay {
namespace {

[[noreturn]] void ThrowSystem(const std::filesystem::path& path, const char* what, int error) {
  throw std::runtime_error(
      fmt::format("{}: {}: {}", path.string(), what, std::generic_category().message(error)));
}

bool IsDevice(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_character_file(path, ignored);
}

// Where a new journal is written until its header is whole.
std::filesystem::path Beside(const std::filesystem::path& path) {
  std::filesystem::path beside = path;
  beside += ".new";
  return beside;
}

int OpenNew(const std::filesystem::path& path) {
  constexpr mode_t kMode = 0666;
  if (!IsDevice(path) && std::filesystem::exists(path)) {
    ThrowSystem(path, "there is a journal already; resume it or choose another folder", EEXIST);
  }
  const int fd = IsDevice(path)
                     ? ::open(path.c_str(), O_WRONLY | O_CLOEXEC)
                     : ::open(Beside(path).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kMode);
  if (fd < 0) ThrowSystem(path, "cannot create the journal", errno);
  return fd;
}

// Returns 0 or the error number.
int WriteAll(int fd, const std::string& bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t n = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    if (n == 0) return ENOSPC;
    done += static_cast<std::size_t>(n);
  }
  // Some file systems tell only now that they are full. Pipes and devices cannot be synchronised, which is no
  // error.
  if (::fdatasync(fd) != 0 && errno != EINVAL && errno != EROFS && errno != ENOTSUP) return errno;
  return 0;
}

}  // namespace

LineWriter::LineWriter(const std::filesystem::path& path, const std::string& first_line)
    : LineWriter(path, OpenNew(path), 0) {
  if (IsDevice(path)) {
    Append(first_line);
    return;
  }
  // A file without a whole first line, as a process killed just here would leave, could not be gone on with.
  try {
    Append(first_line);
    std::filesystem::rename(Beside(path), path);
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove(Beside(path), ignored);
    throw;
  }
}

LineWriter LineWriter::Resume(const std::filesystem::path& path) {
  std::int64_t whole = 0;
  for (const std::string& line : ReadLines(path).whole) whole += static_cast<std::int64_t>(line.size()) + 1;
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) ThrowSystem(path, "cannot open the journal to go on with it", errno);
  LineWriter writer(path, fd, whole);
  if (::ftruncate(fd, whole) != 0) ThrowSystem(path, "cannot cut off the torn last line", errno);
  if (::lseek(fd, whole, SEEK_SET) < 0) ThrowSystem(path, "cannot go to the journal's end", errno);
  return writer;
}

LineWriter::~LineWriter() {
  if (fd_ >= 0) ::close(fd_);  // every line was synchronised when it was written
}

LineWriter::LineWriter(LineWriter&& other) noexcept
    : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), size_(other.size_) {}

LineWriter& LineWriter::operator=(LineWriter&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(fd_, other.fd_);
  std::swap(size_, other.size_);
  return *this;
}

void LineWriter::Append(std::string line) {
  line += '\n';
  const int error = WriteAll(fd_, line);
  if (error == 0) {
    size_ += static_cast<std::int64_t>(line.size());
    return;
  }
  // Leave whole lines only, so that whoever makes room can go on. If even that fails, the line stays torn,
  // which readers bear.
  if (::ftruncate(fd_, size_) == 0) ::lseek(fd_, size_, SEEK_SET);
  ThrowSystem(path_, "cannot write the journal", error);
}

Lines ReadLines(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) ThrowSystem(path, "cannot read the journal", errno);
  Lines lines;
  for (std::string line; std::getline(in, line);) {
    if (in.eof()) {  // getline met the end before a newline
      lines.torn = true;
    } else {
      lines.whole.push_back(std::move(line));
    }
  }
  if (in.bad()) ThrowSystem(path, "cannot read the journal", errno);
  return lines;
}

}  // namespace assay
