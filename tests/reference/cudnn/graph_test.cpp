// What cuDNN says to the graphs on an H100 that need not be here: cuDNN can be asked for plans with a
// device's properties alone. Skipped where cuDNN is not installed, or its version does not take these
// properties.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "reference/cudnn/conv_graph.h"
#include "reference/cudnn/error.h"
#include "reference/cudnn/library.h"

namespace assay::cudnn {
namespace {

using Form = ConvGraph::Form;

// The numbers of an H100 SXM: NVIDIA H100 Tensor Core GPU Architecture, v1.04, and the CUDA programming
// guide's table of compute capability 9.0.
constexpr const char* kH100 =
    R"({"deviceVer":900,"driverVer":13000,"cudaDeviceId":0,"totalGlobalMem":85899345920,
"maxGridSize":[2147483647,65535,65535],"maxBlockSize":[1024,1024,64],"regsPerBlock":65536,"multiProcessorCount":132,
"warpSize":32,"maxSharedMemoryPerBlock":49152,"maxSharedMemoryPerBlockOptin":232448,"reservedSharedMemoryPerBlock":1024,
"maxRegistersPerSM":65536,"maxCtasPerSM":32,"maxThreadsPerBlock":1024,"maxThreadsPerSM":2048,"pciDeviceId":0,
"isTccDriver":0,"supportCoopLaunch":1,"smClockRateKHz":1980000,"memClockRateKHz":2619000,"l2CacheSize":52428800,
"deviceName":"NVIDIA H100 80GB HBM3"})";

constexpr std::uint64_t kWorkspaceLimit = std::uint64_t{10} << 30;

struct Half {
  assay_dtype dtype;
  assay_layout layout;
  bool depthwise;
};

class CudnnGraphTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!OpenLibrary().unavailable.empty()) GTEST_SKIP() << OpenLibrary().unavailable;
    try {
      handle_ = std::make_unique<Handle>(kH100);
    } catch (const Error& error) {
      GTEST_SKIP() << OpenLibrary().version << ": " << error.what();
    }
  }

  // One half of MobileNet's 56 x 56, 64 to 128 channels layer.
  static Convolution Layer(const Half& half, Activation activation, bool bias) {
    Convolution conv;
    conv.name = half.depthwise ? "depthwise" : "pointwise";
    conv.n = 16;
    conv.in_channels = 64;
    conv.out_channels = half.depthwise ? 64 : 128;
    conv.groups = half.depthwise ? 64 : 1;
    conv.image = conv.out = {56, 56};
    conv.filter = half.depthwise ? Pair{3, 3} : Pair{1, 1};
    if (half.depthwise) conv.pad_before = conv.pad_after = {1, 1};
    conv.bias = bias;
    conv.activation = activation;
    conv.dtype = half.dtype;
    conv.layout = half.layout;
    return conv;
  }

  std::unique_ptr<Handle> handle_;
};

class CudnnGraph : public CudnnGraphTest, public testing::WithParamInterface<Half> {
 protected:
  Convolution Layer(Activation activation = Activation::kNone, bool bias = false) const {
    return CudnnGraphTest::Layer(GetParam(), activation, bias);
  }
};

std::string NameOf(const testing::TestParamInfo<Half>& info) {
  const char* const dtypes[] = {"fp32", "fp16", "bf16"};
  return std::string(dtypes[info.param.dtype]) + (info.param.layout == ASSAY_NCHW ? "_nchw" : "_nhwc") +
         (info.param.depthwise ? "_depthwise" : "_pointwise");
}

std::vector<Half> AllHalves() {
  std::vector<Half> halves;
  for (const assay_dtype dtype : {ASSAY_F32, ASSAY_F16, ASSAY_BF16}) {
    for (const assay_layout layout : {ASSAY_NCHW, ASSAY_NHWC}) {
      for (const bool depthwise : {true, false}) halves.push_back({dtype, layout, depthwise});
    }
  }
  return halves;
}
INSTANTIATE_TEST_SUITE_P(OnAnH100, CudnnGraph, testing::ValuesIn(AllHalves()), NameOf);

TEST_P(CudnnGraph, TheConvolutionAloneHasPlans) {
  const ConvGraph graph(*handle_, Layer(), Form::kAlone, kWorkspaceLimit);
  EXPECT_GT(graph.Count(), 0);
  EXPECT_THAT(graph.Name(0), testing::StartsWith("eng"));
}

TEST_P(CudnnGraph, BiasAndReluAreFused) {
  const ConvGraph graph(*handle_, Layer(Activation::kRelu, true), Form::kFused, kWorkspaceLimit);
  EXPECT_GT(graph.Count(), 0);
}

TEST_P(CudnnGraph, BiasAndRelu6AreFused) {
  const ConvGraph graph(*handle_, Layer(Activation::kRelu6, true), Form::kFused, kWorkspaceLimit);
  EXPECT_GT(graph.Count(), 0);
}

// Engines that compile at run time take the rest, in NHWC; they need the driver's library even to be offered.
TEST_P(CudnnGraph, SiluHardswishAndMinAreGraphsThatCudnnUnderstands) {
  void* driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  for (const auto& [activation, form] :
       {std::pair{Activation::kSilu, Form::kFused}, std::pair{Activation::kHardswish, Form::kFused},
        std::pair{Activation::kRelu6, Form::kFusedMin}}) {
    try {
      const ConvGraph graph(*handle_, Layer(activation, true), form, kWorkspaceLimit);
      EXPECT_GT(graph.Count(), 0);
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("cuDNN offers")) << "the graph itself was refused";
      EXPECT_FALSE(driver != nullptr && GetParam().dtype == ASSAY_F16 && GetParam().layout == ASSAY_NHWC)
          << error.what();
    }
  }
  if (driver != nullptr) dlclose(driver);
}

TEST_P(CudnnGraph, StridesDilationsAndOddSizesHavePlans) {
  Convolution conv = Layer();
  conv.in_channels = conv.out_channels = 17;
  conv.groups = GetParam().depthwise ? 17 : 1;
  EXPECT_GT(ConvGraph(*handle_, conv, Form::kAlone, kWorkspaceLimit).Count(), 0);
  if (!GetParam().depthwise) return;
  conv = Layer();
  conv.stride = {2, 2};
  conv.out = {28, 28};
  EXPECT_GT(ConvGraph(*handle_, conv, Form::kAlone, kWorkspaceLimit).Count(), 0);
  conv = Layer();
  conv.dilation = conv.pad_before = conv.pad_after = {2, 2};
  EXPECT_GT(ConvGraph(*handle_, conv, Form::kAlone, kWorkspaceLimit).Count(), 0);
}

// The fastest fp32 products are those of tensor cores, which round to TF32; some must have been offered, and
// left out.
TEST_F(CudnnGraphTest, Tf32IsBarredFromFp32) {
  for (const assay_layout layout : {ASSAY_NCHW, ASSAY_NHWC}) {
    const Convolution conv = Layer({ASSAY_F32, layout, false}, Activation::kNone, false);
    const ConvGraph graph(*handle_, conv, Form::kAlone, kWorkspaceLimit);
    EXPECT_GT(graph.Barred(), 0);
    EXPECT_GT(graph.Count(), 0);
  }
}

TEST_P(CudnnGraph, AWorkspaceLimitBarsPlans) {
  const ConvGraph unlimited(*handle_, Layer(), Form::kAlone, kWorkspaceLimit);
  try {
    const ConvGraph limited(*handle_, Layer(), Form::kAlone, 0);
    EXPECT_LE(limited.Count(), unlimited.Count());
    EXPECT_EQ(limited.Count() + limited.Barred(), unlimited.Count() + unlimited.Barred());
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("at most 0 bytes of workspace"));
  }
}

TEST_P(CudnnGraph, AGraphThatContradictsItselfIsRefusedInCudnnsWords) {
  Convolution conv = Layer();
  conv.out = {57, 57};
  try {
    const ConvGraph graph(*handle_, conv, Form::kAlone, kWorkspaceLimit);
    FAIL() << "cuDNN took a wrong output size";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::StartsWith("cuDNN does not take the graph: "));
    EXPECT_LT(std::string(error.what()).size(), 400u);
  }
}

}  // namespace
}  // namespace assay::cudnn
