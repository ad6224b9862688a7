#include "harness/device/pack_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

namespace assay {
namespace {

using ::testing::HasSubstr;

const std::filesystem::path kFixtures = FIXTURE_PACK_DIR;

TEST(OpenPack, OpensAGoodPack) {
  const Pack pack = OpenPack(kFixtures / "none.so");
  EXPECT_EQ(pack.unavailable, "");
  EXPECT_EQ(pack.name, "none");
  EXPECT_EQ(pack.version, "fixture 1.0");
  EXPECT_EQ(pack.backend, ASSAY_BACKEND_HOST);
  ASSERT_NE(pack.table, nullptr);
  EXPECT_EQ(pack.table->num_variants, 2);
}

TEST(OpenPack, OpensAPathRelativeToTheWorkingFolder) {
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(kFixtures);
  const Pack pack = OpenPack("none.so");
  std::filesystem::current_path(before);
  EXPECT_EQ(pack.unavailable, "");
}

struct Faulty {
  const char* file;
  const char* words;
};

class OpenFaultyPack : public ::testing::TestWithParam<Faulty> {};

TEST_P(OpenFaultyPack, SaysWhatIsWrong) {
  const std::filesystem::path path = kFixtures / (std::string(GetParam().file) + ".so");
  const Pack pack = OpenPack(path);
  EXPECT_THAT(pack.unavailable, HasSubstr(path.string()));
  EXPECT_THAT(pack.unavailable, HasSubstr(GetParam().words));
  EXPECT_EQ(pack.table, nullptr);
  EXPECT_EQ(pack.name, GetParam().file) << "a pack that could not be opened goes by its file's name";
}

INSTANTIATE_TEST_SUITE_P(
    AllFaults, OpenFaultyPack,
    ::testing::Values(
        Faulty{"absent", "no such file"},
        Faulty{"other_abi", "built for version 44 of kernels/pack.h, this program for version 3: rebuild"},
        Faulty{"null_table", "assay_pack_entry returned no table"},
        Faulty{"no_entry", "exports no function assay_pack_entry"},
        Faulty{"no_variants", "it has no variants"},
        Faulty{"negative_variants", "says that it has -1 variants"},
        Faulty{"many_variants", "has 2147483647 variants; at most 1024"},
        Faulty{"null_variants", "says that it has 2 variants and gives none"},
        Faulty{"no_launch", "variant \"second\" has no launch()"},
        Faulty{"no_promise", "variant \"first\" has no promise()"},
        Faulty{"no_name", "variant number 1 has no name"}, Faulty{"no_op", "variant \"first\" has no op"},
        Faulty{"twins", "two variants named \"first\" for operator dsconv"},
        Faulty{"strange_backend", "its backend is 2"}, Faulty{"strange_role", "variant \"first\" has role 3"},
        Faulty{"slash_in_name", "variant number 1 is named \"a/b\"; a name has 1 to 64"},
        Faulty{"space_in_name", "variant number 1 is named \"a b\"; a name"},
        Faulty{"newline_in_name", "variant number 1 is named \"a b\"; a name"},
        Faulty{"name_not_utf8", "variant number 1 is named \"a?\"; a name"},
        Faulty{"named_all", "variant number 1 is named \"all\", a word"},
        Faulty{"slash_in_op", "variant \"second\" has op \"dsconv/x\"; a name"},
        Faulty{"summary_not_utf8", "the summary of variant \"first\" is not one line of UTF-8"},
        Faulty{"version_of_two_lines", "its version is not one line of UTF-8"},
        Faulty{"strange_pack_name", "its name is \"../pack\"; a name"},
        Faulty{"strange_operand",
               "\"second\" promises operand 77, which is none of assay_format "
               "(for dtype 2"},
        Faulty{"strange_accumulator", "\"first\" promises accumulator 5"},
        Faulty{"strange_alignment", "\"first\" promises alignment 24, which is no power of two"},
        Faulty{"strange_flag", "\"first\" promises repeatable -1, which is neither 0 nor 1"},
        Faulty{"no_create_configured", "variant \"second\" has configurations() without the other of"},
        Faulty{"no_configurations", "variant \"first\" has create_configured() without the other of"},
        Faulty{"throwing_entry", "threw an exception, which may not cross this interface: no licence"}),
    [](const auto& tested) { return tested.param.file; });

TEST(OpenPack, PassesOnWhyAPackCannotBeUsed) {
  const Pack pack = OpenPack(kFixtures / "unavailable.so");
  EXPECT_EQ(pack.unavailable, "libfixture.so.9 was not found");
  EXPECT_EQ(pack.name, "unavailable");
  const Pack with_variants = OpenPack(kFixtures / "unavailable_with_variants.so");
  EXPECT_EQ(with_variants.unavailable, "libfixture.so.9 was not found");
  ASSERT_NE(with_variants.table, nullptr) << "its variants can still be named in a report";
  EXPECT_EQ(with_variants.table->num_variants, 2);
}

TEST(OpenPack, ShowsAnyReasonAsOneLineOfText) {
  EXPECT_EQ(OpenPack(kFixtures / "unavailable_in_latin1.so").unavailable, "caf? closed");
}

// The loader cannot give up half way (glibc ends the process), which is why packs that others wrote are
// opened by a process that may die.
TEST(OpenPackDeathTest, AConstructorThatThrowsEndsTheProcess) {
  EXPECT_DEATH(OpenPack(kFixtures / "deadly/throwing_constructor.so"), "thrown while the pack was loaded");
}

TEST(NameClash, NamesTheVariantAndBothPacks) {
  const Pack good = OpenPack(kFixtures / "none.so");
  EXPECT_EQ(NameClash(std::vector{good}), "");
  EXPECT_EQ(NameClash(std::vector{good, OpenPack(kFixtures / "unavailable_with_variants.so"),
                                  OpenPack(kFixtures / "absent.so")}),
            "")
      << "what cannot be used is in nobody's way";
  Pack other = good;
  other.path = "mine.so";
  EXPECT_EQ(NameClash(std::vector{good, other}), "variant first of dsconv is in two packs, " +
                                                     good.path.string() +
                                                     " and mine.so: rename it in one of them");
  other.backend = ASSAY_BACKEND_CUDA;
  EXPECT_EQ(NameClash(std::vector{good, other}), "") << "one for the CPU, one for the GPU";
}

class OpenBuiltInPacksTest : public ::testing::Test {
 protected:
  ~OpenBuiltInPacksTest() override { unsetenv("ASSAY_PACK_DIR"); }
};

TEST_F(OpenBuiltInPacksTest, OpensTheChosenFolderInOrder) {
  setenv("ASSAY_PACK_DIR", kFixtures.c_str(), 1);
  const std::vector<Pack> packs = OpenBuiltInPacks();
  ASSERT_EQ(packs.size(), 34u);
  for (std::size_t i = 1; i < packs.size(); ++i) EXPECT_LE(packs[i - 1].name, packs[i].name);
  const auto usable = [](const Pack& pack) { return pack.unavailable.empty(); };
  EXPECT_EQ(std::count_if(packs.begin(), packs.end(), usable), 1);
}

TEST_F(OpenBuiltInPacksTest, SaysWhichChosenFolderIsMissing) {
  setenv("ASSAY_PACK_DIR", "/nowhere/packs", 1);
  try {
    OpenBuiltInPacks();
    FAIL() << "there is no such folder";
  } catch (const DeviceError& error) {
    EXPECT_THAT(error.what(), HasSubstr("/nowhere/packs (from ASSAY_PACK_DIR): No such file or directory"));
  }
}

TEST_F(OpenBuiltInPacksTest, LooksBesideTheProgramByDefault) {
  unsetenv("ASSAY_PACK_DIR");
  const auto beside = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "packs";
  ASSERT_FALSE(std::filesystem::exists(beside)) << "this test makes the folder itself";
  std::filesystem::create_directory(beside);
  std::filesystem::create_symlink(kFixtures / "none.so", beside / "linked.so");
  std::ofstream(beside / "notes.txt") << "not a pack";
  const std::vector<Pack> packs = OpenBuiltInPacks();
  std::filesystem::remove_all(beside);
  ASSERT_EQ(packs.size(), 1u);
  EXPECT_EQ(packs[0].path, beside / "linked.so");
  EXPECT_EQ(packs[0].unavailable, "");
}

}  // namespace
}  // namespace assay
