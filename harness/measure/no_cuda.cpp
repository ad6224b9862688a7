// What a build without CUDA says where a GPU would be needed.
#include "harness/measure/measure.h"

namespace assay {
namespace {

[[noreturn]] void Refuse() {
  throw DeviceError("this build has no CUDA: nothing can be timed. Build where nvcc is installed.");
}

}  // namespace

std::vector<Measurement> MeasureInterleaved(Device&, const MeasureSettings&, std::span<const Candidate>,
                                            BenchmarkLog*) {
  Refuse();
}

double EmptyLaunchSeconds(Device&) { Refuse(); }

Ceilings MeasureCeilings(Device&) { Refuse(); }

std::vector<std::pair<std::string, std::string>> DescribeGpu(int) { Refuse(); }

}  // namespace assay
