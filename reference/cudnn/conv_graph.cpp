#include "reference/cudnn/conv_graph.h"

#include <cudnn_frontend.h>
#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "reference/cudnn/error.h"

namespace assay::cudnn {
namespace {

namespace fe = cudnn_frontend;
using fe::graph::Tensor_attributes;
using Tensor = std::shared_ptr<Tensor_attributes>;

enum Uid : std::int64_t { kX = 1, kFilter = 2, kBias = 3, kY = 4 };

void CheckCudnn(cudnnStatus_t status, const char* what) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  throw Error(fmt::format("{}: {}", what, fe::detail::get_error_string(status)));
}

// cuDNN's messages run to pages: for each engine, its knobs as JSON and then a trace of warnings, of which
// the first names the reason. Kept are the text before the first engine and the distinct reasons.
std::string Shortened(const std::string& text) {
  constexpr std::size_t kLongest = 200;
  constexpr std::string_view kReason = "Reason: ";
  std::string result = text.substr(0, text.find('{'));
  std::vector<std::string> reasons;
  for (auto engine = text.find("\"engineId\""); engine != std::string::npos;
       engine = text.find("\"engineId\"", engine + 1)) {
    auto start = text.find(kReason, engine);
    if (start == std::string::npos) break;
    start += kReason.size();
    const std::string reason = text.substr(start, text.find_first_of("\n{", start) - start);
    if (std::find(reasons.begin(), reasons.end(), reason) == reasons.end()) reasons.push_back(reason);
  }
  if (!reasons.empty()) result += fmt::format(": {}", fmt::join(reasons, ", "));
  for (char& c : result) {
    if (c == '\n' || c == '\r' || c == '\t') c = ' ';
  }
  if (result.size() > kLongest) result = result.substr(0, kLongest) + "...";
  while (!result.empty() && result.back() == ' ') result.pop_back();
  return result;
}

void CheckFrontend(fe::error_t status, const char* what) {
  if (status.is_good()) return;
  throw Error(fmt::format("{}: {}", what, Shortened(status.get_message())));
}

fe::DataType_t DataType(assay_dtype dtype) {
  switch (dtype) {
    case ASSAY_F32:
      return fe::DataType_t::FLOAT;
    case ASSAY_F16:
      return fe::DataType_t::HALF;
    case ASSAY_BF16:
      return fe::DataType_t::BFLOAT16;
  }
  throw Error("unknown dtype");
}

std::vector<std::int64_t> List(const Dims& dims) { return {dims.begin(), dims.end()}; }
std::vector<std::int64_t> List(const Pair& pair) { return {pair.begin(), pair.end()}; }

// Arithmetic that the pack does not promise. Tensor cores multiply fp32 as TF32; Winograd and FFT round
// differently from the sum whose error is bounded; atomics make a sum's order, and so its bits, vary.
std::vector<fe::NumericalNote_t> UnpromisedArithmetic(const Convolution& conv) {
  using Note = fe::NumericalNote_t;
  std::vector<Note> notes = {Note::REDUCED_PRECISION_REDUCTION,
                             Note::DOWN_CONVERT_INPUTS,
                             Note::NONDETERMINISTIC,
                             Note::FFT,
                             Note::WINOGRAD,
                             Note::WINOGRAD_TILE_4x4,
                             Note::WINOGRAD_TILE_6x6,
                             Note::WINOGRAD_TILE_13x13};
  if (conv.dtype == ASSAY_F32 && !conv.tf32) notes.push_back(Note::TENSOR_CORE);
  return notes;
}

// The frontend keeps every plan that it built until the graph dies; this one can let single plans go, and
// tell which plans are left after filtering without building them.
class Graph : public fe::graph::Graph {
 public:
  void Drop(std::int64_t index) { plans.execution_plans.at(static_cast<std::size_t>(index)).reset(); }
  bool MayBuild(std::int64_t index) { return plans.check_support_at_index(index).is_good(); }
};

fe::graph::Pointwise_attributes Pointwise(fe::PointwiseMode_t mode) {
  return fe::graph::Pointwise_attributes().set_mode(mode).set_compute_data_type(fe::DataType_t::FLOAT);
}

Tensor Scalar(Graph& graph, float value) {
  Tensor_attributes attributes(value);
  attributes.set_dim({1, 1, 1, 1}).set_stride({1, 1, 1, 1});
  return graph.tensor(attributes);
}

Tensor Activated(Graph& graph, const Tensor& x, Activation activation, ConvGraph::Form form) {
  using Mode = fe::PointwiseMode_t;
  switch (activation) {
    case Activation::kNone:
      return x;
    case Activation::kRelu:
      return graph.pointwise(x, Pointwise(Mode::RELU_FWD));
    case Activation::kRelu6:
      if (form == ConvGraph::Form::kFusedMin) {
        return graph.pointwise(graph.pointwise(x, Pointwise(Mode::RELU_FWD)), Scalar(graph, 6.0f),
                               Pointwise(Mode::MIN));
      }
      return graph.pointwise(x,
                             Pointwise(Mode::RELU_FWD).set_relu_lower_clip(0.0f).set_relu_upper_clip(6.0f));
    case Activation::kSilu:
      return graph.pointwise(x, Pointwise(Mode::SWISH_FWD).set_swish_beta(1.0f));
    case Activation::kHardswish: {  // cuDNN has no such mode: x * relu6(x + 3) * (1 / 6)
      const Tensor shifted = graph.pointwise(x, Scalar(graph, 3.0f), Pointwise(Mode::ADD));
      const Tensor gate = graph.pointwise(
          shifted, Pointwise(Mode::RELU_FWD).set_relu_lower_clip(0.0f).set_relu_upper_clip(6.0f));
      const Tensor product = graph.pointwise(x, gate, Pointwise(Mode::MUL));
      return graph.pointwise(product, Scalar(graph, 1.0f / 6.0f), Pointwise(Mode::MUL));
    }
  }
  throw Error("unknown activation");
}

void Describe(Graph& graph, const Convolution& conv, ConvGraph::Form form) {
  graph.set_io_data_type(DataType(conv.dtype))
      .set_intermediate_data_type(fe::DataType_t::FLOAT)
      .set_compute_data_type(fe::DataType_t::FLOAT);
  const auto tensor = [&](const char* name, Uid uid, const Dims& dims, const Dims& strides) {
    return graph.tensor(
        Tensor_attributes().set_name(name).set_uid(uid).set_dim(List(dims)).set_stride(List(strides)));
  };
  const Tensor x = tensor("x", kX, conv.InputDims(), conv.ActivationStrides(conv.InputDims()));
  const Tensor filter = tensor("filter", kFilter, conv.FilterDims(), conv.FilterStrides());
  Tensor y = graph.conv_fprop(x, filter,
                              fe::graph::Conv_fprop_attributes()
                                  .set_pre_padding(List(conv.pad_before))
                                  .set_post_padding(List(conv.pad_after))
                                  .set_stride(List(conv.stride))
                                  .set_dilation(List(conv.dilation))
                                  .set_compute_data_type(fe::DataType_t::FLOAT));
  // Given, not inferred: the frontend would take NHWC for granted.
  const auto shape = [&conv](const Tensor& result) {
    const Dims dims = conv.OutputDims();
    result->set_dim(List(dims)).set_stride(List(conv.ActivationStrides(dims)));
  };
  shape(y);
  if (form != ConvGraph::Form::kAlone) {
    if (conv.bias) {
      const Dims dims = {1, conv.out_channels, 1, 1};
      y = graph.pointwise(y, tensor("bias", kBias, dims, conv.ActivationStrides(dims)),
                          Pointwise(fe::PointwiseMode_t::ADD));
      shape(y);
    }
    y = Activated(graph, y, conv.activation, form);
    shape(y);
  }
  y->set_output(true).set_uid(kY).set_data_type(DataType(conv.dtype));
}

}  // namespace

struct Handle::Impl {
  cudnnHandle_t handle = nullptr;
  std::shared_ptr<fe::DeviceProperties> device;  // instead of a handle

  ~Impl() {
    if (handle != nullptr) (void)fe::detail::destroy_handle(handle);
  }
};

Handle::Handle() : impl_(std::make_unique<Impl>()) {
  CheckCudnn(fe::detail::create_handle(&impl_->handle), "creating a cuDNN handle");
}
Handle::Handle(const std::string& device_properties) : impl_(std::make_unique<Impl>()) {
  impl_->device = std::make_shared<fe::DeviceProperties>();
  CheckFrontend(impl_->device->deserialize({device_properties.begin(), device_properties.end()}),
                "reading device properties");
}
Handle::~Handle() = default;
void Handle::SetStream(void* stream) {
  CheckCudnn(fe::detail::set_stream(impl_->handle, static_cast<cudaStream_t>(stream)),
             "setting cuDNN's stream");
}

struct ConvGraph::Impl {
  Graph graph;
  std::vector<std::int64_t> usable;  // the frontend's indices of plans that may be built
  std::int64_t barred = 0;

  std::int64_t At(std::int64_t index) const { return usable.at(static_cast<std::size_t>(index)); }
};

ConvGraph::ConvGraph(Handle& handle, const Convolution& conv, Form form, std::uint64_t workspace_limit)
    : impl_(std::make_unique<Impl>()) {
  Graph& graph = impl_->graph;
  Describe(graph, conv, form);
  CheckFrontend(graph.validate(), "cuDNN does not take the graph");
  if (handle.impl_->device != nullptr) graph.set_device_properties(handle.impl_->device);
  CheckFrontend(graph.build_operation_graph(handle.impl_->handle), "cuDNN does not take the graph");
  CheckFrontend(
      graph.create_execution_plans({fe::HeurMode_t::A, fe::HeurMode_t::B, fe::HeurMode_t::FALLBACK}),
      "cuDNN offers no plan");
  graph.deselect_numeric_notes(UnpromisedArithmetic(conv));
  graph.deselect_workspace_greater_than(static_cast<std::int64_t>(workspace_limit));
  const std::int64_t offered = graph.get_execution_plan_count();
  for (std::int64_t index = 0; index < offered; ++index) {
    if (graph.MayBuild(index)) {
      impl_->usable.push_back(index);
    } else {
      ++impl_->barred;
    }
  }
  if (impl_->usable.empty()) {
    throw Error(fmt::format(
        "cuDNN offers {} plans, none with the promised arithmetic (no {}Winograd, FFT or atomics) and "
        "at most {} bytes of workspace",
        offered, conv.dtype == ASSAY_F32 && !conv.tf32 ? "TF32, " : "", workspace_limit));
  }
}
ConvGraph::~ConvGraph() = default;

std::int64_t ConvGraph::Count() const { return static_cast<std::int64_t>(impl_->usable.size()); }
std::int64_t ConvGraph::Barred() const { return impl_->barred; }

std::string ConvGraph::Name(std::int64_t index) const {
  std::string name;
  CheckFrontend(impl_->graph.get_plan_name_at_index(impl_->At(index), name), "naming a plan");
  return name;
}

std::optional<std::string> ConvGraph::Build(std::int64_t index) {
  try {
    auto status = impl_->graph.build_plan_at_index(impl_->At(index));
    if (status.is_good()) return std::nullopt;
    return Shortened(status.get_message());
  } catch (const std::exception& exception) {
    return Shortened(exception.what());
  }
}

std::uint64_t ConvGraph::WorkspaceBytes(std::int64_t index) const {
  std::int64_t bytes = 0;
  CheckFrontend(impl_->graph.get_workspace_size_plan_at_index(impl_->At(index), bytes),
                "asking for a plan's workspace");
  return static_cast<std::uint64_t>(bytes);
}

void ConvGraph::Drop(std::int64_t index) { impl_->graph.Drop(impl_->At(index)); }

void ConvGraph::Execute(Handle& handle, std::int64_t index, const ConvPointers& pointers) const {
  // The variant pack has no const pointers; cuDNN does not write through those of inputs.
  std::unordered_map<std::int64_t, void*> pack = {
      {kX, const_cast<void*>(pointers.x)}, {kFilter, const_cast<void*>(pointers.filter)}, {kY, pointers.y}};
  if (pointers.bias != nullptr) pack.emplace(kBias, const_cast<void*>(pointers.bias));
  CheckFrontend(
      impl_->graph.execute_plan_at_index(handle.impl_->handle, pack, pointers.workspace, impl_->At(index)),
      "executing a plan");
}

}  // namespace assay::cudnn
