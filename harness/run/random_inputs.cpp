#include "harness/run/random_inputs.h"

#include "harness/verify/tensor_io.h"

namespace assay {

TensorBits RandomInputBits(const Case& c, std::uint64_t seed) {
  const std::vector<TensorSpec> specs = c.problem.op->Inputs(c.problem);
  const std::vector<TensorVector<float>> values = FillInputs(c.problem, c.dtype, FillKind::kRandom, seed);
  TensorBits bits(specs.size());
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (specs[i].present) bits[i] = ToDeviceBits(specs[i], values[i], c.dtype, c.layout);
  }
  return bits;
}

void UploadRandomInputs(const Case& c, std::uint64_t seed, CaseBuffers& buffers) {
  buffers.UploadInputs(RandomInputBits(c, seed));
}

}  // namespace assay
