// The baseline's plans on a GPU: small problems in all dtypes and layouts against plain loops. Skipped, with
// the pack's own reason, where the pack is unavailable.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime_api.h>
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels/pack.h"

namespace {

using testing::HasSubstr;

const assay_pack& ThePack() {
  static const assay_pack* pack = [] {
    setenv("ASSAY_CUDNN_TUNE_SECONDS", "3", 0);
    const char* moved =
        std::getenv("ASSAY_CUDNN_PACK");  // where the test runs on another machine than it was built on
    void* library = dlopen(moved != nullptr ? moved : ASSAY_TEST_PACK, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) throw std::runtime_error(dlerror());
    return reinterpret_cast<const assay_pack* (*)()>(dlsym(library, ASSAY_PACK_ENTRY_NAME))();
  }();
  return *pack;
}

#define CUDA_OK(call) ASSERT_EQ(call, cudaSuccess) << cudaGetErrorString(cudaGetLastError())

struct Shape {
  int n = 2, c = 24, k = 40, h = 14, w = 14, r = 3, s = 3;
  int stride_h = 1, stride_w = 1, pad_top = 1, pad_bottom = 1, pad_left = 1, pad_right = 1;
  int dilation_h = 1, dilation_w = 1, bias_dw = 1, bias_pw = 1, act_mid = 2, act_out = 1;

  int P() const { return (h + pad_top + pad_bottom - dilation_h * (r - 1) - 1) / stride_h + 1; }
  int Q() const { return (w + pad_left + pad_right - dilation_w * (s - 1) - 1) / stride_w + 1; }
  std::vector<assay_param> Params() const {
    return {{"n", n},
            {"c", c},
            {"k", k},
            {"h", h},
            {"w", w},
            {"r", r},
            {"s", s},
            {"stride_h", stride_h},
            {"stride_w", stride_w},
            {"pad_top", pad_top},
            {"pad_bottom", pad_bottom},
            {"pad_left", pad_left},
            {"pad_right", pad_right},
            {"dilation_h", dilation_h},
            {"dilation_w", dilation_w},
            {"bias_dw", bias_dw},
            {"bias_pw", bias_pw},
            {"act_mid", act_mid},
            {"act_out", act_out},
            {"p", P()},
            {"q", Q()}};
  }
};

struct Case {
  std::string name;
  Shape shape;
};

double Activate(int activation, double x) {
  switch (activation) {
    case 1:
      return std::max(x, 0.0);
    case 2:
      return std::min(std::max(x, 0.0), 6.0);
    case 3:
      return x / (1 + std::exp(-x));
    case 4:
      return x * std::min(std::max(x + 3, 0.0), 6.0) / 6;
    default:
      return x;
  }
}

int BytesOf(assay_dtype dtype) { return dtype == ASSAY_F32 ? 4 : 2; }

void Put(std::vector<char>& bytes, std::size_t index, assay_dtype dtype, float value) {
  if (dtype == ASSAY_F32) std::memcpy(&bytes[index * 4], &value, 4);
  const __half half_value = __float2half(value);
  const __nv_bfloat16 bf16_value = __float2bfloat16(value);
  if (dtype == ASSAY_F16) std::memcpy(&bytes[index * 2], &half_value, 2);
  if (dtype == ASSAY_BF16) std::memcpy(&bytes[index * 2], &bf16_value, 2);
}

float Take(const std::vector<char>& bytes, std::size_t index, assay_dtype dtype) {
  float value = 0;
  __half half_value;
  __nv_bfloat16 bf16_value;
  if (dtype == ASSAY_F32) std::memcpy(&value, &bytes[index * 4], 4);
  if (dtype == ASSAY_F16) {
    std::memcpy(&half_value, &bytes[index * 2], 2);
    value = __half2float(half_value);
  }
  if (dtype == ASSAY_BF16) {
    std::memcpy(&bf16_value, &bytes[index * 2], 2);
    value = __bfloat162float(bf16_value);
  }
  return value;
}

// Offset of element (n, c, h, w) in a tensor of C x H x W images.
std::size_t Offset(assay_layout layout, int n, int c, int h, int w, int channels, int height, int width) {
  const auto index = layout == ASSAY_NCHW
                         ? ((static_cast<std::int64_t>(n) * channels + c) * height + h) * width + w
                         : ((static_cast<std::int64_t>(n) * height + h) * width + w) * channels + c;
  return static_cast<std::size_t>(index);
}

class DeviceBytes {
 public:
  explicit DeviceBytes(std::size_t bytes) : bytes_(bytes) {
    if (bytes > 0 && cudaMalloc(&data_, bytes) != cudaSuccess) throw std::runtime_error("cudaMalloc failed");
  }
  ~DeviceBytes() { (void)cudaFree(data_); }
  DeviceBytes(const DeviceBytes&) = delete;
  DeviceBytes& operator=(const DeviceBytes&) = delete;
  void* get() const { return data_; }
  std::size_t size() const { return bytes_; }
  void Upload(const std::vector<char>& from) {
    if (!from.empty() && cudaMemcpy(data_, from.data(), from.size(), cudaMemcpyHostToDevice) != cudaSuccess) {
      throw std::runtime_error("upload failed");
    }
  }

 private:
  void* data_ = nullptr;
  std::size_t bytes_;
};

// Inputs of a case, as the numbers that the dtype holds.
struct Inputs {
  std::vector<float> x, w_dw, b_dw, w_pw, b_pw;  // x in NCHW order
};

class CudnnPlan : public testing::Test {
 protected:
  void SetUp() override {
    const assay_pack& pack = ThePack();
    if (pack.unavailable != nullptr) GTEST_SKIP() << "cuDNN pack unavailable: " << pack.unavailable;
    variant_ = &pack.variants[0];
    cudaDeviceProp properties;
    CUDA_OK(cudaSetDevice(0));
    CUDA_OK(cudaGetDeviceProperties(&properties, 0));
    device_.backend = ASSAY_BACKEND_CUDA;
    device_.compute_capability = 10 * properties.major + properties.minor;
    device_.num_sms = properties.multiProcessorCount;
    device_.l2_bytes = properties.l2CacheSize;
    device_.memory_bytes = static_cast<std::int64_t>(properties.totalGlobalMem);
  }

  Inputs RandomInputs(const Shape& d, assay_dtype dtype) {
    const auto numbers = [&](int count, float scale) {
      std::uniform_real_distribution<float> uniform(-scale, scale);
      std::vector<char> cell(4);
      std::vector<float> values(static_cast<std::size_t>(count));
      for (float& value : values) {
        Put(cell, 0, dtype, uniform(random_));
        value = Take(cell, 0, dtype);
      }
      return values;
    };
    return {numbers(d.n * d.c * d.h * d.w, 2), numbers(d.c * d.r * d.s, 1), numbers(d.bias_dw ? d.c : 0, 1),
            numbers(d.k * d.c, 1), numbers(d.bias_pw ? d.k : 0, 1)};
  }

  // Runs a plan on the inputs and returns y's bytes, between poison that must stay; fails the test otherwise.
  void Run(const Shape& d, assay_dtype dtype, assay_layout layout, const Inputs& in, void* plan,
           std::vector<char>* out) {
    const auto bytes = [&](const std::vector<float>& values) {
      std::vector<char> result(values.size() * static_cast<std::size_t>(BytesOf(dtype)));
      for (std::size_t i = 0; i < values.size(); ++i) Put(result, i, dtype, values[i]);
      return result;
    };
    std::vector<float> x(in.x.size());
    std::size_t from = 0;
    for (int n = 0; n < d.n; ++n)
      for (int c = 0; c < d.c; ++c)
        for (int h = 0; h < d.h; ++h)
          for (int w = 0; w < d.w; ++w) x[Offset(layout, n, c, h, w, d.c, d.h, d.w)] = in.x[from++];
    const std::vector<std::vector<char>> host = {bytes(x), bytes(in.w_dw), bytes(in.b_dw), bytes(in.w_pw),
                                                 bytes(in.b_pw)};
    std::vector<std::unique_ptr<DeviceBytes>> memory;
    std::vector<const void*> inputs;
    for (const auto& tensor : host) {
      memory.push_back(std::make_unique<DeviceBytes>(tensor.size()));
      memory.back()->Upload(tensor);
      inputs.push_back(memory.back()->get());
    }
    out->resize(static_cast<std::size_t>(d.n) * d.k * d.P() * d.Q() * BytesOf(dtype));
    DeviceBytes y(out->size());
    DeviceBytes workspace(variant_->workspace_bytes(plan));
    CUDA_OK(cudaMemset(y.get(), 0xff, y.size()));
    CUDA_OK(cudaMemset(workspace.get(), 0xff, workspace.size()));
    void* outputs[] = {y.get()};
    const assay_buffers buffers = {inputs.data(), 5, outputs, 1, workspace.get(), workspace.size()};
    cudaStream_t stream = nullptr;
    CUDA_OK(cudaStreamCreate(&stream));
    assay_message message = {};
    EXPECT_EQ(variant_->launch(plan, &buffers, stream, &message), 0) << message.text;
    CUDA_OK(cudaStreamSynchronize(stream));
    CUDA_OK(cudaStreamDestroy(stream));
    CUDA_OK(cudaMemcpy(out->data(), y.get(), out->size(), cudaMemcpyDeviceToHost));
    for (std::size_t i = 0; i < host.size(); ++i) {
      std::vector<char> after(host[i].size());
      if (after.empty()) continue;
      CUDA_OK(cudaMemcpy(after.data(), inputs[i], after.size(), cudaMemcpyDeviceToHost));
      EXPECT_EQ(after, host[i]) << "input " << i << " was changed";
    }
  }

  // Every element of y within what fp32 sums, one rounding of the intermediate and two of the result allow.
  void Compare(const Shape& d, assay_dtype dtype, assay_layout layout, const Inputs& in,
               const std::vector<char>& y) {
    const double u = dtype == ASSAY_F32 ? 0x1p-24 : dtype == ASSAY_F16 ? 0x1p-11 : 0x1p-8;
    const double relative = 4 * u + 4 * 0x1p-24 * (d.r * d.s + d.c + 16);
    std::vector<double> mid(static_cast<std::size_t>(d.c)), mid_terms(mid.size());
    for (int n = 0; n < d.n; ++n)
      for (int p = 0; p < d.P(); ++p)
        for (int q = 0; q < d.Q(); ++q) {
          for (int c = 0; c < d.c; ++c) {
            double sum = d.bias_dw ? in.b_dw[c] : 0, terms = std::abs(sum) + 0x1p-14;
            for (int r = 0; r < d.r; ++r)
              for (int s = 0; s < d.s; ++s) {
                const int h = p * d.stride_h - d.pad_top + r * d.dilation_h;
                const int w = q * d.stride_w - d.pad_left + s * d.dilation_w;
                if (h < 0 || h >= d.h || w < 0 || w >= d.w) continue;
                const double term = static_cast<double>(in.x[((n * d.c + c) * d.h + h) * d.w + w]) *
                                    in.w_dw[(c * d.r + r) * d.s + s];
                sum += term;
                terms += std::abs(term);
              }
            mid[c] = Activate(d.act_mid, sum);
            mid_terms[c] = terms;
          }
          for (int k = 0; k < d.k; ++k) {
            double sum = d.bias_pw ? in.b_pw[k] : 0, terms = std::abs(sum);
            for (int c = 0; c < d.c; ++c) {
              sum += in.w_pw[k * d.c + c] * mid[c];
              terms += std::abs(in.w_pw[k * d.c + c]) * mid_terms[c];
            }
            const double expected = Activate(d.act_out, sum);
            const double got = Take(y, Offset(layout, n, k, p, q, d.k, d.P(), d.Q()), dtype);
            ASSERT_TRUE(std::abs(got - expected) <= relative * terms)
                << "y[" << n << "," << k << "," << p << "," << q << "] is " << got << ", not " << expected
                << " within " << relative * terms;
          }
        }
  }

  // Creates, runs and compares; a problem that the variant does not support must say so in cuDNN's name.
  void Check(const Shape& d, assay_dtype dtype, assay_layout layout, bool may_be_unsupported = false) {
    const auto params = d.Params();
    const assay_problem problem = {"dsconv", params.data(), static_cast<std::int32_t>(params.size()), dtype,
                                   layout};
    assay_message message = {};
    const int unsupported = variant_->supports(&problem, &device_, &message);
    if (unsupported != 0 && may_be_unsupported) {
      EXPECT_THAT(message.text, HasSubstr("cuDNN"));
      std::printf("    unsupported: %s\n", message.text);
      return;
    }
    ASSERT_EQ(unsupported, 0) << message.text;
    void* plan = nullptr;
    ASSERT_EQ(variant_->create(&problem, &device_, &plan, &message), 0) << message.text;
    ASSERT_NE(plan, nullptr);
    const std::unique_ptr<void, void (*)(void*)> owner(plan, variant_->release);
    std::printf("    %s\n", variant_->describe(plan));
    EXPECT_THAT(variant_->describe(plan),
                testing::AllOf(HasSubstr("depthwise: "), HasSubstr("pointwise: "), HasSubstr("cuDNN 9.")));
    const Inputs in = RandomInputs(d, dtype);
    std::vector<char> y, again;
    ASSERT_NO_FATAL_FAILURE(Run(d, dtype, layout, in, plan, &y));
    Compare(d, dtype, layout, in, y);
    ASSERT_NO_FATAL_FAILURE(Run(d, dtype, layout, in, plan, &again));
    EXPECT_EQ(y, again) << "the same inputs gave other bits, though the variant promises not to";
  }

  const assay_variant* variant_ = nullptr;
  assay_device_info device_ = {};
  std::mt19937 random_{20240607};
};

struct Format {
  assay_dtype dtype;
  assay_layout layout;
};

std::string FormatName(const testing::TestParamInfo<Format>& info) {
  const char* const dtypes[] = {"fp32", "fp16", "bf16"};
  return std::string(dtypes[info.param.dtype]) + (info.param.layout == ASSAY_NCHW ? "_nchw" : "_nhwc");
}

class CudnnPlanIn : public CudnnPlan, public testing::WithParamInterface<Format> {
 protected:
  void CheckHere(const Shape& shape, bool may_be_unsupported = false) {
    Check(shape, GetParam().dtype, GetParam().layout, may_be_unsupported);
  }
};

INSTANTIATE_TEST_SUITE_P(All, CudnnPlanIn,
                         testing::Values(Format{ASSAY_F32, ASSAY_NCHW}, Format{ASSAY_F32, ASSAY_NHWC},
                                         Format{ASSAY_F16, ASSAY_NCHW}, Format{ASSAY_F16, ASSAY_NHWC},
                                         Format{ASSAY_BF16, ASSAY_NCHW}, Format{ASSAY_BF16, ASSAY_NHWC}),
                         FormatName);

TEST_P(CudnnPlanIn, ComputesWithoutBiasOrActivation) {
  CheckHere({.bias_dw = 0, .bias_pw = 0, .act_mid = 0, .act_out = 0});
}
TEST_P(CudnnPlanIn, ComputesRelu6ThenRelu) { CheckHere({}); }
TEST_P(CudnnPlanIn, ComputesSiluThenHardswish) { CheckHere({.act_mid = 3, .act_out = 4}); }
TEST_P(CudnnPlanIn, ComputesHardswishThenSiluWithOneBias) {
  CheckHere({.bias_dw = 0, .bias_pw = 1, .act_mid = 4, .act_out = 3});
}
TEST_P(CudnnPlanIn, ComputesBiasAlone) { CheckHere({.act_mid = 0, .act_out = 0}); }
TEST_P(CudnnPlanIn, ComputesStrideTwo) { CheckHere({.h = 15, .w = 13, .stride_h = 2, .stride_w = 2}); }
TEST_P(CudnnPlanIn, ComputesDilation) {
  CheckHere({.pad_top = 2, .pad_bottom = 2, .pad_left = 2, .pad_right = 2, .dilation_h = 2, .dilation_w = 2});
}
TEST_P(CudnnPlanIn, ComputesFiveByFiveAndSevenBySeven) {
  CheckHere({.r = 5, .s = 5, .pad_top = 2, .pad_bottom = 2, .pad_left = 2, .pad_right = 2});
  CheckHere({.h = 7, .w = 7, .r = 7, .s = 7, .pad_top = 3, .pad_bottom = 3, .pad_left = 3, .pad_right = 3});
}
TEST_P(CudnnPlanIn, ComputesOddChannelsAndSizes) {
  CheckHere({.n = 1, .c = 17, .k = 3, .h = 9, .w = 11}, /*may_be_unsupported=*/true);
  CheckHere({.n = 1, .c = 1, .k = 1, .h = 5, .w = 5}, /*may_be_unsupported=*/true);
}
TEST_P(CudnnPlanIn, ComputesOrRefusesAsymmetricPadding) {
  CheckHere({.stride_h = 2, .stride_w = 2, .pad_top = 0, .pad_left = 0}, /*may_be_unsupported=*/true);
}
TEST_P(CudnnPlanIn, ComputesOrRefusesUnequalAxes) {
  CheckHere({.r = 3, .s = 5, .stride_h = 1, .stride_w = 2, .pad_left = 2, .pad_right = 2, .dilation_h = 1},
            /*may_be_unsupported=*/true);
}

// The depthwise half copies, the pointwise half permutes channels: fp32 arithmetic keeps every bit, TF32
// drops thirteen.
TEST_F(CudnnPlan, Fp32IsNotComputedInTf32) {
  for (const assay_layout layout : {ASSAY_NCHW, ASSAY_NHWC}) {
    Shape d = {.c = 32, .k = 32, .bias_dw = 0, .bias_pw = 0, .act_mid = 0, .act_out = 0};
    Inputs in = RandomInputs(d, ASSAY_F32);
    std::fill(in.w_dw.begin(), in.w_dw.end(), 0.0f);
    std::fill(in.w_pw.begin(), in.w_pw.end(), 0.0f);
    for (int c = 0; c < d.c; ++c) {
      in.w_dw[c * 9 + 4] = 1;
      in.w_pw[(d.c - 1 - c) * d.c + c] = 1;
    }
    const auto params = d.Params();
    const assay_problem problem = {"dsconv", params.data(), static_cast<std::int32_t>(params.size()),
                                   ASSAY_F32, layout};
    assay_message message = {};
    void* plan = nullptr;
    ASSERT_EQ(variant_->create(&problem, &device_, &plan, &message), 0) << message.text;
    const std::unique_ptr<void, void (*)(void*)> owner(plan, variant_->release);
    std::vector<char> y;
    ASSERT_NO_FATAL_FAILURE(Run(d, ASSAY_F32, layout, in, plan, &y));
    for (int n = 0; n < d.n; ++n)
      for (int c = 0; c < d.c; ++c)
        for (int h = 0; h < d.h; ++h)
          for (int w = 0; w < d.w; ++w) {
            ASSERT_EQ(Take(y, Offset(layout, n, d.c - 1 - c, h, w, d.c, d.h, d.w), ASSAY_F32),
                      in.x[((n * d.c + c) * d.h + h) * d.w + w])
                << variant_->describe(plan);
          }
  }
}

TEST_F(CudnnPlan, ASecondPlanOfTheSameProblemIsNotTunedAgain) {
  const Shape d = {.n = 3};
  const auto params = d.Params();
  const assay_problem problem = {"dsconv", params.data(), static_cast<std::int32_t>(params.size()), ASSAY_F16,
                                 ASSAY_NHWC};
  assay_message message = {};
  void* first = nullptr;
  ASSERT_EQ(variant_->create(&problem, &device_, &first, &message), 0) << message.text;
  const auto start = std::chrono::steady_clock::now();
  void* second = nullptr;
  ASSERT_EQ(variant_->create(&problem, &device_, &second, &message), 0) << message.text;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  EXPECT_LT(seconds, 0.05);
  EXPECT_STREQ(variant_->describe(first), variant_->describe(second));
  variant_->release(first);
  variant_->release(second);
}

TEST_F(CudnnPlan, WrongBuffersAreRefusedInWords) {
  const Shape d = {};
  const auto params = d.Params();
  const assay_problem problem = {"dsconv", params.data(), static_cast<std::int32_t>(params.size()), ASSAY_F16,
                                 ASSAY_NHWC};
  assay_message message = {};
  void* plan = nullptr;
  ASSERT_EQ(variant_->create(&problem, &device_, &plan, &message), 0) << message.text;
  const std::unique_ptr<void, void (*)(void*)> owner(plan, variant_->release);
  DeviceBytes memory(variant_->workspace_bytes(plan) + (1 << 20));
  std::vector<const void*> inputs(5, memory.get());
  void* outputs[] = {memory.get()};
  assay_buffers buffers = {inputs.data(), 5, outputs, 1, memory.get(), variant_->workspace_bytes(plan) - 1};
  EXPECT_NE(variant_->launch(plan, &buffers, nullptr, &message), 0);
  EXPECT_THAT(message.text, HasSubstr("the workspace has "));
  buffers.workspace_bytes += 1;
  inputs[2] = nullptr;
  EXPECT_NE(variant_->launch(plan, &buffers, nullptr, &message), 0);
  EXPECT_THAT(message.text, HasSubstr("the buffer of b_dw is NULL"));
  buffers.num_inputs = 3;
  EXPECT_NE(variant_->launch(plan, &buffers, nullptr, &message), 0);
  EXPECT_THAT(message.text, HasSubstr("3 inputs"));
}

}  // namespace
