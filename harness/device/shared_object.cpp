#include <elf.h>
#include <fmt/format.h>

#include <cstring>

#include "harness/device/pack_table.h"

namespace assay {
namespace {

#if defined(__x86_64__)
constexpr unsigned kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr unsigned kMachine = EM_AARCH64;
#else
constexpr unsigned kMachine = EM_NONE;  // not told apart
#endif

constexpr unsigned char kByteOrder = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;

std::string NameOfMachine(unsigned machine) {
  switch (machine) {
    case EM_386:
      return "x86 (32 bits)";
    case EM_X86_64:
      return "x86-64";
    case EM_AARCH64:
      return "AArch64";
    case EM_PPC64:
      return "PowerPC 64";
    case EM_RISCV:
      return "RISC-V";
    case EM_CUDA:
      return "a GPU (a cubin, not the shared object around it)";
    default:
      return fmt::format("machine {}", machine);
  }
}

template <class T>
bool ReadAt(std::span<const unsigned char> file, std::uint64_t offset, T* value) {
  if (offset > file.size() || file.size() - offset < sizeof(T)) return false;
  std::memcpy(value, file.data() + offset, sizeof(T));
  return true;
}

// Whether [offset, offset + bytes) lies in the file.
bool Holds(std::uint64_t file_bytes, std::uint64_t offset, std::uint64_t bytes) {
  return offset <= file_bytes && bytes <= file_bytes - offset;
}

}  // namespace

std::string FaultOfSharedObject(std::span<const unsigned char> file, std::uint64_t file_bytes) {
  if (file_bytes == 0) return "it is empty";
  if (file.size() < SELFMAG || std::memcmp(file.data(), ELFMAG, SELFMAG) != 0) {
    return "it is no shared object (no ELF file)";
  }
  const std::string cut = "it is a shared object that is cut short or damaged; build or copy it again";
  Elf64_Ehdr header;
  if (!ReadAt(file, 0, &header)) return cut;
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != kByteOrder) {
    return "it was built for another kind of machine (word size or byte order)";
  }
  if (kMachine != EM_NONE && header.e_machine != kMachine) {
    return fmt::format("it was built for {}, this program for {}", NameOfMachine(header.e_machine),
                       NameOfMachine(kMachine));
  }
  if (header.e_type == ET_REL) return "it is an object file, not a shared object; link it with -shared";
  if (header.e_type != ET_DYN) return "it is a program or a core file, not a shared object";
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0) return cut;

  bool loads = false, dynamic = false;
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    if (!Holds(file_bytes, header.e_phoff, std::uint64_t{i + 1} * sizeof(segment)) ||
        !ReadAt(file, header.e_phoff + i * sizeof(segment), &segment)) {
      return cut;
    }
    if (segment.p_type == PT_DYNAMIC) dynamic = true;
    if (segment.p_type == PT_INTERP) return "it is a program, not a shared object; link it with -shared";
    if (segment.p_type != PT_LOAD) continue;
    loads = true;
    // Reading a mapped page behind the file's end is SIGBUS, which no caller of dlopen survives.
    if (!Holds(file_bytes, segment.p_offset, segment.p_filesz) || segment.p_filesz > segment.p_memsz)
      return cut;
  }
  return loads && dynamic ? std::string() : cut;
}

}  // namespace assay
