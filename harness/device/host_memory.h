// How much memory this process may still take, in the machine and in its container.
#pragma once

#include <cstddef>

namespace assay {

std::size_t HostTotalBytes();
// What can be allocated now without swapping; the smaller of the machine's and the control group's. 0 if
// unknown.
std::size_t HostFreeBytes();

}  // namespace assay
