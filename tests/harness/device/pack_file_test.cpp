// Files that are no pack, from what is no library at all to a good pack cut short: each is refused before the
// loader, which would crash in some of them, sees it.
#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "harness/device/pack_loader.h"
#include "harness/device/pack_table.h"

namespace assay {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class PackFile : public ::testing::Test {
 protected:
  PackFile()
      : path_(fs::path(::testing::TempDir()) /
              ("pack" + std::to_string(getpid()) +
               ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".so")) {
    std::ifstream in(fs::path(FIXTURE_PACK_DIR) / "none.so", std::ios::binary);
    good_.assign(std::istreambuf_iterator<char>(in), {});
  }
  ~PackFile() override { fs::remove_all(path_); }

  std::string ReasonFor(const std::string& bytes) const {
    fs::remove_all(path_);  // a new file: the loader may have mapped the one before
    std::ofstream(path_, std::ios::binary) << bytes;
    return Reason();
  }
  std::string Reason() const {
    const Pack pack = OpenPack(path_);
    EXPECT_TRUE(pack.unavailable.empty() || pack.unavailable.starts_with(path_.string() + ": "));
    EXPECT_EQ(pack.unavailable.empty(), pack.table != nullptr);
    return pack.unavailable;
  }
  template <class Change>
  std::string WithHeader(Change change) const {
    std::string bytes = good_;
    Elf64_Ehdr header;
    std::memcpy(&header, bytes.data(), sizeof header);
    change(header);
    std::memcpy(bytes.data(), &header, sizeof header);
    return ReasonFor(bytes);
  }

  fs::path path_;
  std::string good_;
};

TEST_F(PackFile, AWholeOneIsOpened) { EXPECT_EQ(ReasonFor(good_), ""); }

TEST_F(PackFile, NoSharedObject) {
  EXPECT_THAT(ReasonFor(""), HasSubstr("it is empty"));
  EXPECT_THAT(ReasonFor("not a library"), HasSubstr("it is no shared object (no ELF file)"));
  EXPECT_THAT(ReasonFor("#!/bin/sh\nexit 0\n"), HasSubstr("it is no shared object"));
  EXPECT_THAT(WithHeader([](Elf64_Ehdr& header) { header.e_type = ET_REL; }),
              HasSubstr("link it with -shared"));
  EXPECT_THAT(WithHeader([](Elf64_Ehdr& header) { header.e_type = ET_EXEC; }), HasSubstr("it is a program"));
}

TEST_F(PackFile, ForAnotherMachine) {
  const unsigned other =
#if defined(__x86_64__)
      EM_AARCH64;
#else
      EM_X86_64;
#endif
  EXPECT_THAT(WithHeader([&](Elf64_Ehdr& header) { header.e_machine = static_cast<Elf64_Half>(other); }),
              HasSubstr("it was built for "));
  EXPECT_THAT(WithHeader([](Elf64_Ehdr& header) { header.e_ident[EI_CLASS] = ELFCLASS32; }),
              HasSubstr("another kind of machine"));
  EXPECT_THAT(WithHeader([](Elf64_Ehdr& header) { header.e_ident[EI_DATA] = ELFDATA2MSB; }),
              HasSubstr("another kind of machine"));
}

// Up to the end of its last segment; behind that lies what the loader does not read.
TEST_F(PackFile, CutShortAnywhere) {
  Elf64_Ehdr header;
  std::memcpy(&header, good_.data(), sizeof header);
  std::size_t needed = 0;
  for (int i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    std::memcpy(&segment, good_.data() + header.e_phoff + static_cast<std::size_t>(i) * sizeof segment,
                sizeof segment);
    if (segment.p_type == PT_LOAD)
      needed = std::max(needed, std::size_t{segment.p_offset + segment.p_filesz});
  }
  ASSERT_GT(needed, 1000u);
  ASSERT_LE(needed, good_.size());
  for (std::size_t length = 4; length < needed; length += length < 2000 ? 1 : 97) {
    ASSERT_THAT(ReasonFor(good_.substr(0, length)), HasSubstr("cut short or damaged")) << length;
  }
  EXPECT_THAT(ReasonFor(good_.substr(0, needed - 1)), HasSubstr("cut short or damaged"));
  EXPECT_EQ(ReasonFor(good_.substr(0, needed)), "");
}

TEST_F(PackFile, NoFileThatCanBeRead) {
  fs::create_directory(path_);
  EXPECT_THAT(Reason(), HasSubstr("it is a folder, not a file"));
  fs::remove(path_);
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_THAT(Reason(), HasSubstr("it is no regular file"));  // and nobody waits for a writer
  fs::remove(path_);
  fs::create_symlink(path_, path_);
  EXPECT_THAT(Reason(), HasSubstr("symbolic links"));
  fs::remove(path_);
  if (geteuid() == 0) GTEST_SKIP() << "root may read everything";
  std::ofstream(path_) << good_;
  fs::permissions(path_, fs::perms::none);
  EXPECT_THAT(Reason(), HasSubstr("it cannot be read: Permission denied"));
}

TEST(PrintableLine, ShowsAnyBytesAsText) {
  EXPECT_EQ(PrintableLine("größe → 日本 😀"), "größe → 日本 😀");
  EXPECT_EQ(PrintableLine("a\nb\tc\x01\x7f"), "a b c??");
  EXPECT_EQ(PrintableLine("\xff\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80\xe2\x82"), "????????????");
}

}  // namespace
}  // namespace assay
