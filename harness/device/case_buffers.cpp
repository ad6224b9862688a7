#include "harness/device/case_buffers.h"

#include <fmt/format.h>

#include <stdexcept>

#include "reference/dtype.h"

namespace assay {
namespace {

std::size_t TensorBytes(const TensorSpec& spec, assay_dtype dtype) {
  return static_cast<std::size_t>(spec.Count()) * DTypeBytes(dtype);
}

std::string DescribeOverrun(const std::string& name, const GuardedBuffer& buffer, std::size_t element_bytes) {
  const auto overrun = buffer.CheckGuards();
  if (!overrun) return {};
  const auto size = static_cast<std::int64_t>(buffer.size());
  const bool before = overrun->offset < 0;
  const std::int64_t distance = before ? -overrun->offset : overrun->offset - size;
  const auto element = static_cast<std::int64_t>(element_bytes);
  const std::string where =
      before ? fmt::format("{} bytes ({} elements) before its start", distance,
                           (distance + element - 1) / element)
             : fmt::format("{} bytes ({} elements) behind its end", distance, distance / element);
  return fmt::format("{} of {} bytes was written out of bounds: {} guard bytes changed, the first {}", name,
                     size, overrun->count, where);
}

void Append(std::string& text, const std::string& sentence) {
  if (sentence.empty()) return;
  if (!text.empty()) text += "; ";
  text += sentence;
}

}  // namespace

CaseBuffers::CaseBuffers(Device& device, const Problem& problem, assay_dtype dtype,
                         std::uint64_t workspace_bytes, std::size_t offset)
    : input_specs_(problem.op->Inputs(problem)),
      output_specs_(problem.op->Outputs(problem)),
      element_bytes_(DTypeBytes(dtype)) {
  const auto make = [&](const TensorSpec& spec) {
    return spec.present ? std::make_unique<GuardedBuffer>(device, TensorBytes(spec, dtype), offset) : nullptr;
  };
  for (const TensorSpec& spec : input_specs_) {
    inputs_.push_back(make(spec));
    input_pointers_.push_back(spec.present ? inputs_.back()->data() : nullptr);
  }
  for (const TensorSpec& spec : output_specs_) {
    outputs_.push_back(make(spec));
    output_pointers_.push_back(spec.present ? outputs_.back()->data() : nullptr);
  }
  input_hashes_.resize(inputs_.size());
  if (workspace_bytes > 0) workspace_ = std::make_unique<GuardedBuffer>(device, workspace_bytes);
}

std::size_t CaseBuffers::BytesNeeded(const Problem& problem, assay_dtype dtype,
                                     std::uint64_t workspace_bytes) {
  constexpr std::size_t kGuards = 2 * GuardedBuffer::kGuardBytes;
  std::size_t total = workspace_bytes > 0 ? workspace_bytes + kGuards : 0;
  for (const auto& specs : {problem.op->Inputs(problem), problem.op->Outputs(problem)}) {
    for (const TensorSpec& spec : specs) {
      if (spec.present) total += TensorBytes(spec, dtype) + kGuards;
    }
  }
  return total;
}

void CaseBuffers::UploadInputs(std::span<const TensorVector<std::byte>> bits) {
  UploadInputs(bits, TensorRole::kWeight);
  UploadInputs(bits, TensorRole::kActivation);
}

void CaseBuffers::UploadInputs(std::span<const TensorVector<std::byte>> bits, TensorRole role) {
  if (bits.size() != inputs_.size()) {
    throw std::invalid_argument(
        fmt::format("{} inputs were given where the problem has {}", bits.size(), inputs_.size()));
  }
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (input_specs_[i].role != role) continue;
    const std::size_t expected = inputs_[i] ? inputs_[i]->size() : 0;
    if (bits[i].size() != expected) {
      throw std::invalid_argument(fmt::format("input {} was given {} bytes where it has {}",
                                              input_specs_[i].name, bits[i].size(), expected));
    }
    if (!inputs_[i]) continue;
    inputs_[i]->Upload(bits[i]);
    input_hashes_[i] = inputs_[i]->Hash();
  }
}

void CaseBuffers::PoisonInputs(TensorRole role) {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (!inputs_[i] || input_specs_[i].role != role) continue;
    inputs_[i]->PoisonWithNaN();
    input_hashes_[i].reset();
  }
}

void CaseBuffers::PoisonOutputs(unsigned char byte) {
  for (const auto& output : outputs_) {
    if (output) output->Fill(byte);
  }
}

void CaseBuffers::CopyInputsOnStream(Device& device, Stream& stream, const CaseBuffers& from,
                                     TensorRole role) {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (!inputs_[i] || input_specs_[i].role != role) continue;
    device.CopyOnStream(stream, inputs_[i]->data(), from.inputs_.at(i)->data(), inputs_[i]->size());
    input_hashes_[i] = from.input_hashes_[i];
  }
}

void CaseBuffers::PoisonWorkspace() {
  if (workspace_) workspace_->PoisonWithNaN();
}

assay_buffers CaseBuffers::Pointers() {
  assay_buffers buffers = {};
  buffers.inputs = input_pointers_.data();
  buffers.num_inputs = static_cast<std::int32_t>(input_pointers_.size());
  buffers.outputs = output_pointers_.data();
  buffers.num_outputs = static_cast<std::int32_t>(output_pointers_.size());
  buffers.workspace = workspace_ ? workspace_->data() : nullptr;
  buffers.workspace_bytes = workspace_ ? workspace_->size() : 0;
  return buffers;
}

std::size_t CaseBuffers::OutputBytes(int index) const {
  const auto& output = outputs_.at(static_cast<std::size_t>(index));
  return output ? output->size() : 0;
}

TensorVector<std::byte> CaseBuffers::DownloadOutput(int index) const {
  TensorVector<std::byte> bits(OutputBytes(index));
  DownloadOutput(index, bits);
  return bits;
}

void CaseBuffers::DownloadOutput(int index, std::span<std::byte> to) const {
  if (to.size() != OutputBytes(index)) {
    throw std::invalid_argument(
        fmt::format("{} bytes were offered for an output of {}", to.size(), OutputBytes(index)));
  }
  if (const auto& output = outputs_[static_cast<std::size_t>(index)]) output->Download(to);
}

std::string CaseBuffers::CheckMemory() const {
  std::string faults;
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (!inputs_[i]) continue;
    Append(faults, DescribeOverrun("input " + input_specs_[i].name, *inputs_[i], element_bytes_));
    if (input_hashes_[i] && inputs_[i]->Hash() != *input_hashes_[i]) {
      Append(faults, "input " + input_specs_[i].name + " was changed");
    }
  }
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    if (outputs_[i])
      Append(faults, DescribeOverrun("output " + output_specs_[i].name, *outputs_[i], element_bytes_));
  }
  if (workspace_) Append(faults, DescribeOverrun("the workspace", *workspace_, element_bytes_));
  return faults;
}

}  // namespace assay
