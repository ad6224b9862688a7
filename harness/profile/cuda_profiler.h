// Tells an attached profiler (ncu, nsys) when to collect: cudaProfilerStart and cudaProfilerStop.
#pragma once

namespace assay {

// True if the call was made; false in a build without CUDA, where there is no such profiler. Without a
// profiler attached the calls do nothing. Throws std::runtime_error in CUDA's words if they fail, as they do
// on a machine without a GPU.
bool StartCudaProfiler();
bool StopCudaProfiler();

}  // namespace assay
