// What the fuzz targets share. A target is one function over bytes; libFuzzer drives it (preset `fuzz`), and
// replay_main.cpp runs it over the corpus in the normal build.
//
// The contract of every reader: an exception that says what is wrong, or success. Anything else aborts.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace assay::fuzz {

// Unlike assert, in every build type.
inline void Require(bool holds, std::string_view what, std::string_view text = {}) {
  if (holds) return;
  const std::string message = "broken contract: " + std::string(what) + ": " + std::string(text) + "\n";
  std::fputs(message.c_str(), stderr);
  std::abort();
}

inline std::string_view Text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// A folder of this process in memory, for readers that take files.
class Scratch {
 public:
  Scratch() {
    std::error_code error;
    const bool has_memory = std::filesystem::is_directory("/dev/shm", error);
    folder_ = (has_memory ? std::filesystem::path("/dev/shm") : std::filesystem::temp_directory_path()) /
              ("assay-fuzz-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  ~Scratch() {
    std::error_code error;
    std::filesystem::remove_all(folder_, error);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  std::filesystem::path Write(const char* name, std::string_view text) const {
    const std::filesystem::path path = folder_ / name;
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out.write(text.data(), static_cast<std::streamsize>(text.size()));
    out.close();
    Require(out.good(), "scratch file", path.string());
    return path;
  }

 private:
  std::filesystem::path folder_;
};

// "FILE:LINE:COLUMN: ..." for a file of the scratch folder.
inline bool HasPlace(std::string_view message) {
  const std::size_t folder = message.find("assay-fuzz-");
  if (folder == std::string_view::npos) return false;
  std::size_t at = message.find(':', folder);
  for (int number = 0; number < 2; ++number) {
    if (at == std::string_view::npos) return false;
    const std::size_t end = message.find_first_not_of("0123456789", at + 1);
    if (end == std::string_view::npos || end == at + 1 || message[end] != ':') return false;
    at = end;
  }
  return true;
}

}  // namespace assay::fuzz
