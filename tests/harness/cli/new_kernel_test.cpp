// `assay new-kernel`: the commands that it prints are run as they stand, and what they make is judged.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "harness/config/case.h"
#include "harness/device/device.h"
#include "harness/device/pack_loader.h"
#include "harness/verify/judge.h"
#include "reference/operator.h"

namespace assay {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

struct Output {
  int exit_code = -1;
  std::string text;  // stdout and stderr
};

class NewKernel : public testing::Test {
 protected:
  NewKernel()
      : dir_(fs::temp_directory_path() / ("assay new-kernel-" + std::to_string(getpid()) + "-" +
                                          testing::UnitTest::GetInstance()->current_test_info()->name())) {
    fs::create_directories(dir_);
  }
  ~NewKernel() override { fs::remove_all(dir_); }

  Output Shell(const std::string& line) const {
    const std::string command = "cd '" + dir_.string() + "' && { " + line + "; } 2>&1 </dev/null";
    std::FILE* pipe = popen(command.c_str(), "r");
    Output output;
    std::array<char, 4096> part;
    while (const std::size_t got = std::fread(part.data(), 1, part.size(), pipe))
      output.text.append(part.data(), got);
    const int status = pclose(pipe);
    output.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return output;
  }
  Output Assay(const std::string& arguments) const { return Shell("'" ASSAY_PROGRAM "' " + arguments); }

  // The line of `text` that holds all of the words, as it was printed.
  static std::string LineWith(const std::string& text, const std::string& first, const std::string& second) {
    std::stringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (line.find(first) != std::string::npos && line.find(second) != std::string::npos) return line;
    }
    return {};
  }

  std::string ReadFile(const fs::path& path) const {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  fs::path dir_;
};

void ExpectRight(const assay_variant& variant, const std::string& problem, assay_dtype dtype,
                 assay_layout layout) {
  const std::unique_ptr<Device> device = MakeHostDevice();
  Judge judge(*device, VerifySettings{});
  Case c;
  c.problem = FindOperator("dsconv")->ParseProblemId(problem);
  c.dtype = dtype;
  c.layout = layout;
  c.variant = variant.name;
  const assay_problem view = c.problem.View(dtype, layout);
  assay_message why{};
  ASSERT_EQ(variant.supports(&view, &device->info(), &why), 0) << why.text;
  LocalPlan plan(variant, view, device->info());
  const Judgement judgement = judge.JudgeCase(c, variant, plan);
  EXPECT_EQ(judgement.verdict, Verdict::kRight) << c.Id() << ": " << judgement.reason;
  EXPECT_GT(judgement.max_error_share, 0) << c.Id() << ": nothing was compared";
}

TEST_F(NewKernel, BuildsWithThePrintedCommandAndIsRight) {
  const Output output = Assay("new-kernel my_kernel");
  ASSERT_EQ(output.exit_code, 0) << output.text;
  EXPECT_THAT(LineWith(output.text, " run ", "--pack ./my_kernel.so --variant my_kernel"),
              HasSubstr("quick.yaml"));
  EXPECT_NE(LineWith(output.text, " run ", "--pack ./my_kernel-host.so --variant my_kernel --device host"),
            "");

  const Output built = Shell(LineWith(output.text, "libassay_simt.so", "-o "));
  ASSERT_EQ(built.exit_code, 0) << built.text;
  EXPECT_EQ(built.text, "") << "the compiler has nothing to warn of";
  const Pack pack = OpenPack(dir_ / "my_kernel-host.so");
  ASSERT_EQ(pack.unavailable, "");
  EXPECT_EQ(pack.name, "my_kernel");
  EXPECT_EQ(pack.backend, ASSAY_BACKEND_HOST);
  ASSERT_EQ(pack.table->num_variants, 1);
  const assay_variant& variant = pack.table->variants[0];
  EXPECT_STREQ(variant.name, "my_kernel");
  for (const char* problem :
       {"n1c1k1h1w1r1", "n2c3k9h9w33r3p1-b-mid.relu6-out.relu", "n1c5k8h17w40r5s3p2x1st2x1-bdw-mid.silu",
        "n3c4k17h12w11r3p2d2x3-bpw-out.hardswish", "n1c3k2h5w6r3p0x1x2x0"}) {
    for (const assay_dtype dtype : {ASSAY_F32, ASSAY_F16, ASSAY_BF16}) {
      for (const assay_layout layout : {ASSAY_NCHW, ASSAY_NHWC}) ExpectRight(variant, problem, dtype, layout);
    }
  }
}

TEST_F(NewKernel, SaysItsTileAndWhatItDoesNotTake) {
  const Output output = Assay("new-kernel k2 --out .");
  ASSERT_EQ(output.exit_code, 0) << output.text;
  ASSERT_EQ(Shell(LineWith(output.text, "libassay_simt.so", "-o ")).exit_code, 0);
  const Pack pack = OpenPack(dir_ / "k2-host.so");
  ASSERT_NE(pack.table, nullptr) << pack.unavailable;
  const assay_variant& variant = pack.table->variants[0];
  const Problem problem = FindOperator("dsconv")->ParseProblemId("n1c1k1000h30000w30000r1");
  const assay_problem view = problem.View(ASSAY_F32, ASSAY_NCHW);
  assay_device_info device{};
  assay_message why{};
  EXPECT_NE(variant.supports(&view, &device, &why), 0);
  EXPECT_THAT(why.text, HasSubstr("too large for a grid"));
  std::array<assay_tile_axis, 4> axes{};
  ASSERT_EQ(variant.tile(&view, &device, axes.data(), 4), 2);
  EXPECT_STREQ(axes[0].param, "q");
  EXPECT_EQ(axes[0].size, 32);
  EXPECT_EQ(variant.tile(&view, &device, axes.data(), 1), 1);
}

TEST_F(NewKernel, BuildsForTheGpuWithThePrintedCommand) {
  const Output output = Assay("new-kernel gpu_kernel");
  ASSERT_EQ(output.exit_code, 0) << output.text;
  const std::string command = LineWith(output.text, "-arch=sm_", "-o ./gpu_kernel.so");
  ASSERT_NE(command, "") << output.text;
  if (ASSAY_HAVE_CUDA == 0) GTEST_SKIP() << "no nvcc";
  const Output built = Shell(command);
  ASSERT_EQ(built.exit_code, 0) << command << "\n" << built.text;
  const Pack pack = OpenPack(dir_ / "gpu_kernel.so");
  EXPECT_EQ(pack.unavailable, "");
  EXPECT_EQ(pack.backend, ASSAY_BACKEND_CUDA);
}

TEST_F(NewKernel, IncludesOneHeaderOfThisProject) {
  ASSERT_EQ(Assay("new-kernel k3").exit_code, 0);
  const std::string text = ReadFile(dir_ / "k3.cu");
  EXPECT_THAT(text, HasSubstr("#include \"kernels/pack.h\""));
  std::size_t own = 0;
  for (std::size_t at = text.find("#include \""); at != std::string::npos;
       at = text.find("#include \"", at + 1))
    ++own;
  EXPECT_EQ(own, 1u);
  EXPECT_EQ(text.find('@'), std::string::npos) << "a placeholder is left";
}

TEST_F(NewKernel, RefusesNamesThatAreNone) {
  for (const char* name : {"''", "1st", "my-kernel", "a/b", "'a b'", "naïve", "../x", "a.b",
                           "a123456789012345678901234567890123456789012345678901234567890123"}) {
    const Output output = Assay(std::string("new-kernel ") + name);
    EXPECT_EQ(output.exit_code, 2) << name << output.text;
    EXPECT_THAT(output.text, HasSubstr("allowed: 1 to 63 of the letters")) << name;
  }
  EXPECT_THAT(Assay("new-kernel tiled").text, HasSubstr("there is a built-in variant dsconv/tiled"));
  EXPECT_THAT(Assay("new-kernel all").text, HasSubstr("a meaning of its own"));
  EXPECT_EQ(Assay("new-kernel").exit_code, 2);
  EXPECT_TRUE(fs::is_empty(dir_));
}

TEST_F(NewKernel, LeavesWhatIsThereAsItIs) {
  std::ofstream(dir_ / "mine.cu") << "my work";
  const Output output = Assay("new-kernel mine");
  EXPECT_EQ(output.exit_code, 2);
  EXPECT_THAT(output.text, HasSubstr("mine.cu: there is such a file already, and it is left as it is"));
  EXPECT_EQ(ReadFile(dir_ / "mine.cu"), "my work");
  fs::create_symlink(dir_ / "nowhere", dir_ / "link.cu");
  EXPECT_EQ(Assay("new-kernel link").exit_code, 2);
  EXPECT_FALSE(fs::exists(dir_ / "nowhere"));
}

TEST_F(NewKernel, SaysWhyAFolderCannotBeUsed) {
  const Output absent = Assay("new-kernel k --out no/such");
  EXPECT_EQ(absent.exit_code, 2);
  EXPECT_THAT(absent.text, HasSubstr("--out no/such: there is no such folder"));
  // Not even root may create a file there.
  const Output output = Assay("new-kernel k --out /proc/self");
  EXPECT_EQ(output.exit_code, 2);
  EXPECT_THAT(output.text, HasSubstr("/proc/self/k.cu: cannot be created"));
  if (geteuid() == 0) return;
  fs::permissions(dir_, fs::perms::owner_read | fs::perms::owner_exec);
  EXPECT_THAT(Assay("new-kernel k").text, HasSubstr("Permission denied"));
  fs::permissions(dir_, fs::perms::owner_all);
}

TEST_F(NewKernel, CommandsOfAnotherFolderWorkFromThisOne) {
  fs::create_directory(dir_ / "it's here");
  const Output output = Assay("new-kernel k4 --out \"it's here\"");
  ASSERT_EQ(output.exit_code, 0) << output.text;
  const Output built = Shell(LineWith(output.text, "libassay_simt.so", "-o "));
  EXPECT_EQ(built.exit_code, 0) << built.text;
  EXPECT_EQ(OpenPack(dir_ / "it's here/k4-host.so").unavailable, "");
}

}  // namespace
}  // namespace assay
