// The headers of a pack's file, as they are checked before the system's loader sees it.
//
// The loader itself is not fuzzed: it is not made for hostile files and crashes in many of them, before any
// code of this project could answer. What the check lets through may still end the process that opens it.
#include <elf.h>

#include <cstring>

#include "harness/device/pack_table.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace assay;
  // The first byte says how much longer than its first part the file claims to be.
  if (size == 0) return 0;
  const std::uint64_t file_bytes = size - 1 + std::uint64_t{data[0]} * 4096;
  const std::span<const unsigned char> head(data + 1, size - 1);
  if (!FaultOfSharedObject(head, file_bytes).empty()) return 0;
  Elf64_Ehdr header;
  fuzz::Require(head.size() >= sizeof header, "a file without a header");
  std::memcpy(&header, head.data(), sizeof header);
  fuzz::Require(header.e_type == ET_DYN, "a file that is no shared object");
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    const std::uint64_t offset = header.e_phoff + i * sizeof segment;
    fuzz::Require(offset + sizeof segment <= head.size(), "a segment's header outside the file");
    std::memcpy(&segment, head.data() + offset, sizeof segment);
    if (segment.p_type != PT_LOAD) continue;
    fuzz::Require(segment.p_offset + segment.p_filesz <= file_bytes && segment.p_filesz <= file_bytes,
                  "a segment outside the file");
  }
  return 0;
}
