// Kernels that misbehave, for the tests of what the cuda device notices.
#pragma once

#include <cstddef>

namespace assay {

void LaunchStoreToNull(void* stream);  // an illegal address
void LaunchAssertion(void* stream);    // a device-side trap
void LaunchFillByte(std::byte* at, std::size_t count, unsigned char value, void* stream);
// Returns CUDA's error code; the launch asks for more shared memory than any GPU has.
int LaunchWithTooMuchSharedMemory(void* stream);

}  // namespace assay
