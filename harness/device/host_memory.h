// How much memory this process may still take, in the machine and in its container.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>

namespace assay {

std::size_t HostTotalBytes();
// What can be allocated now without swapping; the smaller of the machine's and the control group's. Nothing
// if it is not known. `root` is where /proc and /sys are.
std::optional<std::size_t> HostFreeBytes(const std::filesystem::path& root = "/");

}  // namespace assay
