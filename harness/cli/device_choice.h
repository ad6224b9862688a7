// --device auto|host|cuda[:i]
#pragma once

#include <memory>
#include <string>

#include "harness/device/device.h"

namespace assay {

// "auto" takes the first GPU, or the host device if there is none, and says which on stderr. Throws
// ConfigError for text that is none of the above, DeviceError if the device asked for cannot be used.
std::unique_ptr<Device> OpenDevice(const std::string& argument);

}  // namespace assay
