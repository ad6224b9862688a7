// All device memory of one launch: inputs, outputs and workspace, each between guard zones, and the pointers
// a pack takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/device/guarded_buffer.h"
#include "reference/operator.h"
#include "reference/tensor_vector.h"

namespace assay {

class CaseBuffers {
 public:
  // Allocates every present tensor of the problem and `workspace_bytes`. Tensors begin `offset` bytes behind
  // an address that is aligned to what the device allocates at.
  CaseBuffers(Device& device, const Problem& problem, assay_dtype dtype, std::uint64_t workspace_bytes,
              std::size_t offset = 0);

  // Bytes that the constructor would allocate, guard zones included.
  static std::size_t BytesNeeded(const Problem& problem, assay_dtype dtype, std::uint64_t workspace_bytes);

  // `bits[i]` are input i's bytes in device order (tensor_io.h). Remembers their hashes.
  void UploadInputs(std::span<const TensorVector<std::byte>> bits);
  // Likewise, of the inputs of one role only.
  void UploadInputs(std::span<const TensorVector<std::byte>> bits, TensorRole role);
  // All inputs of a role become NaN, until they are uploaded again.
  void PoisonInputs(TensorRole role);
  // NaN, unless another byte is given for outputs that may rightly be NaN.
  void PoisonOutputs(unsigned char byte = GuardedBuffer::kPoisonByte);
  // Makes inputs of a role arrive with the stream's work: a copy of another case's, in stream order.
  void CopyInputsOnStream(Device& device, Stream& stream, const CaseBuffers& from, TensorRole role);
  void PoisonWorkspace();    // what prepare() wrote there is lost
  assay_buffers Pointers();  // valid as long as this object

  std::size_t OutputBytes(int index) const;
  TensorVector<std::byte> DownloadOutput(int index) const;
  // Into memory that the caller keeps; to.size() == OutputBytes(index).
  void DownloadOutput(int index, std::span<std::byte> to) const;

  // One sentence for each memory fault: a guard zone overwritten, an input changed. Empty: none.
  std::string CheckMemory() const;

 private:
  std::vector<TensorSpec> input_specs_, output_specs_;
  std::size_t element_bytes_ = 0;
  std::vector<std::unique_ptr<GuardedBuffer>> inputs_, outputs_;
  std::unique_ptr<GuardedBuffer> workspace_;
  std::vector<std::optional<std::uint64_t>> input_hashes_;  // nothing where no data was uploaded
  std::vector<const void*> input_pointers_;
  std::vector<void*> output_pointers_;
};

}  // namespace assay
