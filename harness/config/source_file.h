// A text file that a person wrote, and places in it, so that every mistake can be pointed at.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

namespace assay {

class SourceFile {
 public:
  // Reads the file whole. Throws ConfigError if it cannot be read, is larger than `max_bytes`, or holds
  // anything but UTF-8 text (NUL and other control characters are not text). A byte order mark is dropped.
  SourceFile(std::filesystem::path path, std::size_t max_bytes);

  const std::filesystem::path& path() const { return path_; }
  const std::string& text() const { return text_; }
  // 16 hexadecimal digits that another text has otherwise (64-bit FNV-1a: against edits, not against
  // forgers).
  std::string Digest() const;

  // Offset of the first byte of a line (1-based); the text's end for a line beyond it.
  std::size_t LineOffset(std::size_t line) const;
  // "configs/quick.yaml:7:12" of a byte offset; the column counts characters, both from 1.
  std::string Locate(std::size_t offset) const;

 private:
  void CheckText() const;

  std::filesystem::path path_;
  std::string text_;
  std::vector<std::size_t> line_offsets_;
};

// A byte of a source file. Copies are cheap; the file must outlive them.
struct Place {
  const SourceFile* file = nullptr;
  std::size_t offset = 0;

  // Throws ConfigError: "file:line:column: message".
  [[noreturn]] void Fail(const std::string& message) const;
  // Throws ConfigError: "file:line:column: found <found>; allowed: <allowed>".
  [[noreturn]] void Fail(const std::string& found, const std::string& allowed) const;
};

// Text that stands in a source file, with the offset of each of its bytes (an escape or a folded line moves
// them apart).
struct LocatedText {
  std::string value;
  const SourceFile* file = nullptr;
  std::vector<std::size_t> offsets;  // one more than bytes: the last is the end

  Place At(std::size_t index) const { return {file, offsets[index < value.size() ? index : value.size()]}; }
};

}  // namespace assay
