// What --device says, and the device that it stands for.
#pragma once

#include <memory>
#include <string>

#include "harness/device/device.h"

namespace assay {

struct DeviceChoice {
  std::unique_ptr<Device> device;  // nullptr: the argument is none of those that are allowed
  std::string note;  // what a person should know of the choice, or what is allowed; may be empty
};

// "auto" (the first GPU, or the host device), "host", "cuda", "cuda:1". Throws DeviceError if there is no
// such device.
DeviceChoice ChooseDevice(const std::string& argument);

}  // namespace assay
