#include "harness/device/case_buffers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace assay {
namespace {

using ::testing::HasSubstr;

enum Input { kX, kWDw, kBDw, kWPw, kBPw };

class CaseBuffersTest : public ::testing::Test {
 protected:
  // 2x3x5x4 inputs, 7 output channels, a bias on the pointwise half alone.
  Problem problem_ = FindOperator("dsconv")->ParseProblemId("n2c3k7h5w4r3p1-bpw");
  std::unique_ptr<Device> device_ = MakeHostDevice(1);

  std::vector<TensorVector<std::byte>> InputBits(std::byte value) const {
    std::vector<TensorVector<std::byte>> bits;
    for (const TensorSpec& spec : problem_.op->Inputs(problem_)) {
      bits.emplace_back(static_cast<std::size_t>(spec.Count()) * 4, value);
    }
    return bits;
  }
};

TEST_F(CaseBuffersTest, GivesPointersInTheOperatorsOrder) {
  CaseBuffers buffers(*device_, problem_, ASSAY_F32, 100);
  const assay_buffers pointers = buffers.Pointers();
  ASSERT_EQ(pointers.num_inputs, 5);
  ASSERT_EQ(pointers.num_outputs, 1);
  EXPECT_EQ(pointers.inputs[kBDw], nullptr);
  for (int i : {kX, kWDw, kWPw, kBPw}) EXPECT_NE(pointers.inputs[i], nullptr) << i;
  EXPECT_NE(pointers.workspace, nullptr);
  EXPECT_EQ(pointers.workspace_bytes, 100u);
  EXPECT_EQ(buffers.OutputBytes(0), 2u * 7 * 5 * 4 * 4);
}

TEST_F(CaseBuffersTest, GivesNoWorkspaceWhereNoneIsNeeded) {
  CaseBuffers buffers(*device_, problem_, ASSAY_F32, 0);
  EXPECT_EQ(buffers.Pointers().workspace, nullptr);
  EXPECT_EQ(buffers.Pointers().workspace_bytes, 0u);
}

TEST_F(CaseBuffersTest, CountsGuardZonesInWhatItNeeds) {
  const std::size_t guards = 2 * GuardedBuffer::kGuardBytes;
  const std::size_t elements = 2 * 3 * 5 * 4 + 3 * 3 * 3 + 7 * 3 + 7 + 2 * 7 * 5 * 4;
  EXPECT_EQ(CaseBuffers::BytesNeeded(problem_, ASSAY_F16, 0), elements * 2 + 5 * guards);
  EXPECT_EQ(CaseBuffers::BytesNeeded(problem_, ASSAY_F32, 10), elements * 4 + 10 + 6 * guards);
}

TEST_F(CaseBuffersTest, IsCleanAfterALaunchThatKeepsToItsOutput) {
  CaseBuffers buffers(*device_, problem_, ASSAY_F32, 100);
  buffers.UploadInputs(InputBits(std::byte{1}));
  buffers.PoisonOutputs();
  buffers.PoisonWorkspace();
  const assay_buffers pointers = buffers.Pointers();
  device_->FillBytes(static_cast<std::byte*>(pointers.outputs[0]), buffers.OutputBytes(0), 3);
  device_->FillBytes(static_cast<std::byte*>(pointers.workspace), 100, 3);
  EXPECT_EQ(buffers.CheckMemory(), "");
  EXPECT_EQ(buffers.DownloadOutput(0), TensorVector<std::byte>(buffers.OutputBytes(0), std::byte{3}));
}

TEST_F(CaseBuffersTest, PoisonsEveryByteOfOutputsAndWorkspace) {
  CaseBuffers buffers(*device_, problem_, ASSAY_F32, 100);
  buffers.PoisonOutputs();
  buffers.PoisonWorkspace();
  EXPECT_EQ(buffers.DownloadOutput(0), TensorVector<std::byte>(buffers.OutputBytes(0), std::byte{0xFF}));
  const auto* workspace = static_cast<const std::byte*>(buffers.Pointers().workspace);
  EXPECT_EQ(std::count(workspace, workspace + 100, std::byte{0xFF}), 100);
}

TEST_F(CaseBuffersTest, NamesTheBufferAndThePlaceOfAnOverrun) {
  CaseBuffers buffers(*device_, problem_, ASSAY_F32, 100);
  const assay_buffers pointers = buffers.Pointers();
  auto* y = static_cast<std::byte*>(pointers.outputs[0]);
  device_->FillBytes(y + buffers.OutputBytes(0) + 8, 4, 0);
  EXPECT_EQ(buffers.CheckMemory(),
            "output y of 1120 bytes was written out of bounds: 4 guard bytes changed, the first 8 bytes (2 "
            "elements) "
            "behind its end");
  device_->FillBytes(static_cast<std::byte*>(pointers.workspace) - 4, 4, 0);
  EXPECT_THAT(
      buffers.CheckMemory(),
      HasSubstr(
          "the workspace of 100 bytes was written out of bounds: 4 guard bytes changed, the first 4 bytes "
          "(1 elements) before its start"));
}

TEST_F(CaseBuffersTest, SeesInputsThatWereChanged) {
  CaseBuffers buffers(*device_, problem_, ASSAY_F32, 0);
  buffers.UploadInputs(InputBits(std::byte{1}));
  auto* bias = const_cast<std::byte*>(static_cast<const std::byte*>(buffers.Pointers().inputs[kBPw]));
  bias[27] = std::byte{2};
  EXPECT_EQ(buffers.CheckMemory(), "input b_pw was changed");
  buffers.UploadInputs(InputBits(std::byte{1}));
  EXPECT_EQ(buffers.CheckMemory(), "");
}

TEST_F(CaseBuffersTest, UploadsAndPoisonsTheInputsOfOneRole) {
  CaseBuffers buffers(*device_, problem_, ASSAY_F32, 0);
  buffers.UploadInputs(InputBits(std::byte{1}));
  buffers.PoisonInputs(TensorRole::kActivation);
  const assay_buffers pointers = buffers.Pointers();
  EXPECT_EQ(*static_cast<const std::byte*>(pointers.inputs[kX]), std::byte{0xFF});
  EXPECT_EQ(*static_cast<const std::byte*>(pointers.inputs[kWDw]), std::byte{1});
  EXPECT_EQ(buffers.CheckMemory(), "") << "poison is not a change by the kernel";
  buffers.UploadInputs(InputBits(std::byte{2}), TensorRole::kActivation);
  EXPECT_EQ(*static_cast<const std::byte*>(pointers.inputs[kX]), std::byte{2});
  EXPECT_EQ(*static_cast<const std::byte*>(pointers.inputs[kWDw]), std::byte{1});
}

TEST_F(CaseBuffersTest, RefusesDataOfAnotherSize) {
  CaseBuffers buffers(*device_, problem_, ASSAY_F32, 0);
  auto bits = InputBits(std::byte{1});
  bits[kWPw].pop_back();
  EXPECT_THROW(buffers.UploadInputs(bits), std::invalid_argument);
  bits.pop_back();
  EXPECT_THROW(buffers.UploadInputs(bits), std::invalid_argument);
  std::vector<std::byte> small(3);
  EXPECT_THROW(buffers.DownloadOutput(0, small), std::invalid_argument);
}

}  // namespace
}  // namespace assay
