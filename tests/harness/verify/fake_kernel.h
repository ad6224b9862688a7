// A variant made of C functions in this process: a right kernel of plain loops for dsconv on host memory,
// with hooks by which a test makes it wrong.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "harness/config/case.h"
#include "harness/device/pack_loader.h"
#include "reference/dsconv/activation.h"

namespace assay {

class FakeKernel {
 public:
  explicit FakeKernel(const std::string& problem_id, assay_dtype dtype = ASSAY_F32,
                      assay_layout layout = ASSAY_NCHW);
  ~FakeKernel();
  FakeKernel(const FakeKernel&) = delete;
  FakeKernel& operator=(const FakeKernel&) = delete;

  const Case& c() const { return case_; }
  const assay_variant& variant() const { return variant_; }
  std::unique_ptr<Plan> MakePlan(const Device& device) const;

  // Its arithmetic, and what it promises of it (`promise` for every dtype). Empty: not rounded beyond fp32.
  assay_promise promise = {};
  std::function<float(float)> load;     // x, as it is read
  std::function<float(float)> operand;  // what a multiplication takes
  std::function<float(float)> sum;      // a sum, after each term
  std::function<float(float)> stored;   // each half's sum before its bias, which is then added last
  std::function<float(float)> middle;   // between the halves
  std::function<float(dsconv::Activation, float)> activate;
  bool two_parts = false;  // operands are the sum of two TF32 numbers, of whose products three are added

  // Hooks; `launch` counts from 0.
  std::function<void(const assay_buffers&)> prepare;
  std::function<bool(int launch, const assay_buffers&)> instead;  // true: the right kernel is not run
  std::function<void(int launch, const assay_buffers&)> after;
  std::string launch_error;  // not empty: launch fails with it
  std::string create_error;
  std::uint64_t workspace_bytes = 0;
  int launches = 0;

  // What the kernel does, right with the arithmetic that it has.
  void Compute(const assay_buffers& buffers) const;
  // The same with `data` for input `index`.
  void ComputeWithInput(const assay_buffers& buffers, std::size_t index, const void* data) const;

  // Element `index` (in logical order) of the output.
  float Get(const assay_buffers& buffers, std::int64_t index) const;
  void Set(const assay_buffers& buffers, std::int64_t index, float value) const;
  std::byte* Output(const assay_buffers& buffers) const {
    return static_cast<std::byte*>(buffers.outputs[0]);
  }
  std::size_t OutputBytes() const;
  const TensorSpec& y() const { return y_; }

 private:
  float Add(float sum, float a, float b) const;  // sum + a * b
  Case case_;
  TensorSpec y_;
  assay_variant variant_ = {};
};

// To nearest, ties to even: 10 fraction bits with fp32's exponents.
float RoundToTf32(float value);

}  // namespace assay
