// What can be checked of a pack before anything of it runs a kernel: its file, its table, its promises. Each
// function returns what is wrong, in words; empty if nothing is.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "kernels/pack.h"

namespace assay {

// So many variants a table may have; more is taken for a number that nobody wrote.
inline constexpr int kMaxPackVariants = 1024;

// Of a table whose `abi` is ASSAY_PACK_ABI. Its pointers are null or point at what they say.
std::string FaultOfTable(const assay_pack& table);
// Calls promise() of each variant.
std::string FaultOfPromises(const assay_pack& table);

// Of the bytes of a shared object: one for another machine, and one that is cut short, which the loader would
// map and crash in. `file` holds at least its headers; `file_bytes` is the file's whole size.
std::string FaultOfSharedObject(std::span<const unsigned char> file, std::uint64_t file_bytes);

// Any bytes as one line of UTF-8: '?' for what is no such text.
std::string PrintableLine(std::string_view text);

}  // namespace assay
