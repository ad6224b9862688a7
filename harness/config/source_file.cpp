#include "harness/config/source_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <system_error>
#include <utility>

#include "harness/config/config.h"

namespace assay {
namespace {

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Bytes of the UTF-8 sequence at `at`, 0 if there is no valid one. RFC 3629: no overlong forms, no
// surrogates, at most U+10FFFF.
std::size_t SequenceLength(const std::string& text, std::size_t at) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const auto continues = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
    return byte(i) >= low && byte(i) <= high;
  };
  const unsigned lead = byte(at);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(at + 1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool second = continues(at + 1, lead == 0xE0 ? 0xA0 : 0x80, lead == 0xED ? 0x9F : 0xBF);
    return second && continues(at + 2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool second = continues(at + 1, lead == 0xF0 ? 0x90 : 0x80, lead == 0xF4 ? 0x8F : 0xBF);
    return second && continues(at + 2) && continues(at + 3) ? 4 : 0;
  }
  return 0;
}

std::string ReadWhole(const std::filesystem::path& path, std::size_t max_bytes) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    throw ConfigError(fmt::format("{}:1:1: found no such file; allowed: a file that exists", path.string()));
  }
  if (std::filesystem::is_directory(status)) {
    throw ConfigError(fmt::format("{}:1:1: found a folder; allowed: a file", path.string()));
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    throw ConfigError(fmt::format("{}:1:1: found a file that cannot be opened ({}); allowed: a readable file",
                                  path.string(), std::system_category().message(errno)));
  }
  // Read to the end or just beyond what is allowed, whatever size the file system claims: it may be a pipe.
  std::string text;
  std::vector<char> chunk(std::size_t{1} << 16);
  while (in && text.size() <= max_bytes) {
    in.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    text.append(chunk.data(), static_cast<std::size_t>(in.gcount()));
  }
  if (in.bad()) {
    throw ConfigError(
        fmt::format("{}:1:1: found a file that cannot be read; allowed: a readable file", path.string()));
  }
  if (text.size() > max_bytes) {
    throw ConfigError(fmt::format("{}:1:1: found a file of more than {} bytes; allowed: at most that",
                                  path.string(), max_bytes));
  }
  return text;
}

}  // namespace

SourceFile::SourceFile(std::filesystem::path path, std::size_t max_bytes)
    : path_(std::move(path)), text_(ReadWhole(path_, max_bytes)) {
  if (text_.starts_with("\xEF\xBB\xBF")) text_.erase(0, 3);
  line_offsets_.push_back(0);
  for (std::size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n') line_offsets_.push_back(i + 1);
  }
  CheckText();
}

void SourceFile::CheckText() const {
  for (std::size_t at = 0; at < text_.size();) {
    const std::size_t length = SequenceLength(text_, at);
    const auto byte = static_cast<unsigned char>(text_[at]);
    if (length == 0) {
      Place{this, at}.Fail(fmt::format("byte 0x{:02X}, which is not UTF-8", byte), "text in UTF-8");
    }
    const bool control = byte < 0x20 && byte != '\n' && byte != '\t' &&
                         !(byte == '\r' && at + 1 < text_.size() && text_[at + 1] == '\n');
    if (control || byte == 0x7F) {
      Place{this, at}.Fail(fmt::format("control character 0x{:02X}", byte), "text in UTF-8");
    }
    at += length;
  }
}

std::string SourceFile::Digest() const {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text_) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return fmt::format("{:016x}", hash);
}

std::size_t SourceFile::LineOffset(std::size_t line) const {
  if (line == 0) return 0;
  return line <= line_offsets_.size() ? line_offsets_[line - 1] : text_.size();
}

std::string SourceFile::Locate(std::size_t offset) const {
  offset = std::min(offset, text_.size());
  const auto next = std::upper_bound(line_offsets_.begin(), line_offsets_.end(), offset);
  const auto line = static_cast<std::size_t>(next - line_offsets_.begin());
  std::size_t column = 1;
  for (std::size_t i = line_offsets_[line - 1]; i < offset; ++i) {
    if (!IsContinuation(text_[i])) ++column;
  }
  return fmt::format("{}:{}:{}", path_.string(), line, column);
}

void Place::Fail(const std::string& message) const {
  throw ConfigError(fmt::format("{}: {}", file->Locate(offset), message));
}

void Place::Fail(const std::string& found, const std::string& allowed) const {
  Fail(fmt::format("found {}; allowed: {}", found, allowed));
}

}  // namespace assay
