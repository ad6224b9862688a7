#include "fake_device.h"

namespace assay {
namespace {

class FakeStream : public Stream {
 public:
  explicit FakeStream(FakeDevice& device) : device_(&device) {}
  void* handle() const override { return nullptr; }
  void Synchronize() override { device_->Synchronize(); }

 private:
  FakeDevice* device_;
};

}  // namespace

std::unique_ptr<DeviceMemory> FakeDevice::Allocate(std::size_t bytes) {
  if (on_allocate) on_allocate();
  return host_->Allocate(bytes);
}

void FakeDevice::Synchronize() {
  if (on_synchronize) on_synchronize();
}

std::unique_ptr<Stream> FakeDevice::CreateStream() { return std::make_unique<FakeStream>(*this); }

DeviceError MakeError(const std::string& text, bool sticky) {
  DeviceError error(text);
  error.sticky = sticky;
  return error;
}

}  // namespace assay
