// A file of lines that grows while a process runs and may be cut off with it: each line is on the disk when
// Append returns, and a line that a process left torn is no part of the file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace assay {

class LineWriter {
 public:
  // Creates the file with its first line, whole or not at all; throws std::runtime_error (with the path and
  // the system's words) if it cannot be written or exists. A character device (/dev/stdout) may stand in for
  // a file.
  LineWriter(const std::filesystem::path& path, const std::string& first_line);
  // Goes on with a file that exists, after cutting off a torn last line.
  static LineWriter Resume(const std::filesystem::path& path);

  ~LineWriter();
  LineWriter(LineWriter&& other) noexcept;
  LineWriter& operator=(LineWriter&& other) noexcept;

  // `line` without its newline. Written through to the disk when it returns; throws std::runtime_error (path
  // and the system's words) if the disk refuses, after taking back what was written of the line.
  void Append(std::string line);

 private:
  LineWriter(std::filesystem::path path, int fd, std::int64_t size)
      : path_(std::move(path)), fd_(fd), size_(size) {}

  std::filesystem::path path_;
  int fd_ = -1;
  std::int64_t size_ = 0;  // bytes of whole lines
};

struct Lines {
  std::vector<std::string> whole;  // without their newlines
  bool torn = false;               // the last one lacked its newline and has been left out
};

// Throws std::runtime_error (with the path and the system's words) if the file cannot be read.
Lines ReadLines(const std::filesystem::path& path);

}  // namespace assay
