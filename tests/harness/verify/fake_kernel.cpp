#include "fake_kernel.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "harness/verify/tensor_io.h"
#include "reference/dsconv/problem.h"

namespace assay {
namespace {

// C functions carry no state of their own; a test has one kernel at a time.
FakeKernel* current = nullptr;

std::int32_t Fail(const std::string& text, assay_message* message) {
  if (text.empty()) return 0;
  std::strncpy(message->text, text.c_str(), sizeof(message->text) - 1);
  return 1;
}

assay_promise Promise(assay_dtype) { return current->promise; }

assay_promise DefaultPromise(assay_dtype dtype) {
  assay_promise promise = {};
  promise.operand = dtype == ASSAY_F32   ? ASSAY_FORMAT_F32
                    : dtype == ASSAY_F16 ? ASSAY_FORMAT_F16
                                         : ASSAY_FORMAT_BF16;
  promise.accumulator = ASSAY_FORMAT_F32;
  promise.repeatable = 1;
  promise.alignment = 16;
  return promise;
}

float Through(const std::function<float(float)>& hook, float value) { return hook ? hook(value) : value; }

std::int32_t Supports(const assay_problem*, const assay_device_info*, assay_message*) { return 0; }
std::int32_t Create(const assay_problem*, const assay_device_info*, void** plan, assay_message* error) {
  *plan = current;
  return Fail(current->create_error, error);
}
std::uint64_t WorkspaceBytes(const void*) { return current->workspace_bytes; }
std::int32_t Prepare(void*, const assay_buffers* buffers, void*, assay_message*) {
  if (current->prepare) current->prepare(*buffers);
  return 0;
}
std::int32_t Launch(void*, const assay_buffers* buffers, void*, assay_message* error) {
  const int launch = current->launches++;
  if (!current->launch_error.empty()) return Fail(current->launch_error, error);
  if (!current->instead || !current->instead(launch, *buffers)) current->Compute(*buffers);
  if (current->after) current->after(launch, *buffers);
  return 0;
}
void Release(void*) {}

std::vector<float> Read(const Problem& problem, const Case& c, const assay_buffers& buffers, int index) {
  const TensorSpec spec = problem.op->Inputs(problem)[static_cast<std::size_t>(index)];
  std::vector<float> values(static_cast<std::size_t>(spec.Count()));
  const auto bytes = values.size() * DTypeBytes(c.dtype);
  FromDeviceBits(spec, {static_cast<const std::byte*>(buffers.inputs[index]), bytes}, c.dtype, c.layout,
                 values);
  return values;
}

float Activated(dsconv::Activation activation, float value) {
  return static_cast<float>(dsconv::Activate(activation, value));
}

}  // namespace

FakeKernel::FakeKernel(const std::string& problem_id, assay_dtype dtype, assay_layout layout) {
  current = this;
  promise = DefaultPromise(dtype);
  const Operator& op = *FindOperator("dsconv");
  case_.problem = op.ParseProblemId(problem_id);
  case_.dtype = dtype;
  case_.layout = layout;
  case_.variant = "fake";
  y_ = op.Outputs(case_.problem)[0];
  variant_.op = "dsconv";
  variant_.name = "fake";
  variant_.summary = "plain loops, right until a test says otherwise";
  variant_.promise = Promise;
  variant_.supports = Supports;
  variant_.create = Create;
  variant_.workspace_bytes = WorkspaceBytes;
  variant_.prepare = Prepare;
  variant_.launch = Launch;
  variant_.release = Release;
}

FakeKernel::~FakeKernel() { current = nullptr; }

std::unique_ptr<Plan> FakeKernel::MakePlan(const Device& device) const {
  return std::make_unique<LocalPlan>(variant_, case_.problem.View(case_.dtype, case_.layout), device.info());
}

std::size_t FakeKernel::OutputBytes() const {
  return static_cast<std::size_t>(y_.Count()) * DTypeBytes(case_.dtype);
}

void FakeKernel::ComputeWithInput(const assay_buffers& buffers, std::size_t index, const void* data) const {
  std::vector<const void*> inputs(buffers.inputs, buffers.inputs + buffers.num_inputs);
  inputs.at(index) = data;
  assay_buffers changed = buffers;
  changed.inputs = inputs.data();
  Compute(changed);
}

float FakeKernel::Get(const assay_buffers& buffers, std::int64_t index) const {
  const auto at = static_cast<std::size_t>(DeviceIndex(y_, case_.layout, index)) * DTypeBytes(case_.dtype);
  float value = 0;
  Decode(Output(buffers) + at, case_.dtype, {&value, 1});
  return value;
}

void FakeKernel::Set(const assay_buffers& buffers, std::int64_t index, float value) const {
  const auto at = static_cast<std::size_t>(DeviceIndex(y_, case_.layout, index)) * DTypeBytes(case_.dtype);
  Encode({&value, 1}, case_.dtype, Output(buffers) + at);
}

void FakeKernel::Compute(const assay_buffers& buffers) const {
  const dsconv::Shape d = dsconv::ToShape(case_.problem);
  const auto x = Read(case_.problem, case_, buffers, dsconv::kX);
  const auto w_dw = Read(case_.problem, case_, buffers, dsconv::kWDw);
  const auto w_pw = Read(case_.problem, case_, buffers, dsconv::kWPw);
  const auto b_dw = d.bias_dw != 0 ? Read(case_.problem, case_, buffers, dsconv::kBDw) : std::vector<float>();
  const auto b_pw = d.bias_pw != 0 ? Read(case_.problem, case_, buffers, dsconv::kBPw) : std::vector<float>();
  const auto at = [](const std::vector<float>& v, std::int64_t i) { return v[static_cast<std::size_t>(i)]; };
  std::vector<float> intermediate(static_cast<std::size_t>(d.c));
  const auto act = [&](dsconv::Activation activation, float z) {
    return activate ? activate(activation, z) : Activated(activation, z);
  };
  for (std::int64_t i = 0; i < d.n * d.p * d.q; ++i) {
    const std::int64_t n = i / (d.p * d.q), p = i / d.q % d.p, q = i % d.q;
    for (std::int64_t c = 0; c < d.c; ++c) {
      const float bias = d.bias_dw != 0 ? at(b_dw, c) : 0;
      float total = stored ? 0 : bias;
      for (std::int64_t tap = 0; tap < d.r * d.s; ++tap) {
        const std::int64_t h = p * d.stride_h - d.pad_top + tap / d.s * d.dilation_h;
        const std::int64_t w = q * d.stride_w - d.pad_left + tap % d.s * d.dilation_w;
        if (h < 0 || h >= d.h || w < 0 || w >= d.w) continue;
        total = Add(total, Through(load, at(x, ((n * d.c + c) * d.h + h) * d.w + w)),
                    at(w_dw, c * d.r * d.s + tap));
      }
      if (stored) total = stored(total) + bias;
      intermediate[static_cast<std::size_t>(c)] = Through(middle, act(d.ActMid(), total));
    }
    for (std::int64_t k = 0; k < d.k; ++k) {
      const float bias = d.bias_pw != 0 ? at(b_pw, k) : 0;
      float total = stored ? 0 : bias;
      for (std::int64_t c = 0; c < d.c; ++c) total = Add(total, at(w_pw, k * d.c + c), at(intermediate, c));
      if (stored) total = stored(total) + bias;
      Set(buffers, ((n * d.k + k) * d.p + p) * d.q + q, RoundToDType(act(d.ActOut(), total), case_.dtype));
    }
  }
}

float FakeKernel::Add(float total, float a, float b) const {
  if (two_parts) {
    const auto tf32 = [](float value) { return RoundToTf32(value); };
    const float a1 = tf32(a), b1 = tf32(b);
    const float a2 = tf32(a - a1), b2 = tf32(b - b1);
    return std::fma(a1, b1, std::fma(a1, b2, std::fma(a2, b1, total)));
  }
  return Through(sum, std::fma(Through(operand, a), Through(operand, b), total));
}

float RoundToTf32(float value) {
  if (!std::isfinite(value)) return value;
  std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  bits = (bits + 0xfff + ((bits >> 13) & 1)) & ~std::uint32_t{0x1fff};
  return std::bit_cast<float>(bits);
}

}  // namespace assay
