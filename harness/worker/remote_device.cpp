#include "harness/worker/remote_device.h"

#include <algorithm>

#include "harness/config/config.h"
#include "harness/device/parallel_copy.h"
#include "harness/worker/wire.h"

namespace assay {
namespace {

using wire::Json;
using wire::Number;

// Memory, streams and plans of a worker that is gone are gone with it.
class RemoteMemory final : public DeviceMemory {
 public:
  RemoteMemory(WorkerLink& link, std::size_t bytes)
      : link_(&link), generation_(link.generation()), bytes_(bytes) {
    const Json answer = link.Call({{"op", "allocate"}, {"bytes", bytes}}, "an allocation");
    id_ = answer.at("id");
    data_ = wire::Address(answer.at("address"));
  }
  ~RemoteMemory() override { link_->Later({{"op", "free"}, {"id", id_}}, generation_); }
  RemoteMemory(const RemoteMemory&) = delete;
  RemoteMemory& operator=(const RemoteMemory&) = delete;

  std::byte* data() override { return data_; }
  std::size_t size() const override { return bytes_; }

 private:
  WorkerLink* link_;
  std::uint64_t generation_, id_ = 0;
  std::size_t bytes_;
  std::byte* data_ = nullptr;
};

class RemoteStream final : public Stream {
 public:
  explicit RemoteStream(WorkerLink& link) : link_(&link), generation_(link.generation()) {
    id_ = link.Call({{"op", "create_stream"}}, "creating a stream").at("id");
  }
  ~RemoteStream() override { link_->Later({{"op", "free_stream"}, {"id", id_}}, generation_); }
  RemoteStream(const RemoteStream&) = delete;
  RemoteStream& operator=(const RemoteStream&) = delete;

  // The worker's number for it: 0 is the first one's, so that nullptr is none of them.
  void* handle() const override { return reinterpret_cast<void*>(id_); }
  void Synchronize() override {
    link_->Call({{"op", "synchronize_stream"}, {"stream", id_}}, "the kernels that launch() had enqueued");
  }

 private:
  WorkerLink* link_;
  std::uint64_t generation_, id_ = 0;
};

}  // namespace

std::string RemoteDevice::Open(const std::string& argument) {
  const Json answer = link_->Call({{"op", "open_device"}, {"argument", argument}}, "opening the device");
  if (answer.contains("usage")) throw ConfigError(answer.at("usage"));
  info_ = wire::ReadDeviceInfo(answer.at("info"));
  name_ = answer.at("name");
  description_ = answer.at("description");
  can_time_ = answer.at("can_time");
  return answer.at("note");
}

std::unique_ptr<DeviceMemory> RemoteDevice::Allocate(std::size_t bytes) {
  return std::make_unique<RemoteMemory>(*link_, bytes);
}

std::size_t RemoteDevice::FreeBytes() const {
  return link_->Call({{"op", "free_bytes"}}, "asking for free memory").at("bytes");
}

void RemoteDevice::Upload(std::byte* to, std::span<const std::byte> from) {
  const std::span<std::byte> room = link_->block().data();
  while (!from.empty()) {
    const std::size_t bytes = std::min(from.size(), room.size());
    ParallelCopy(room.data(), from.data(), bytes);
    link_->Call({{"op", "upload"}, {"to", Number(to)}, {"bytes", bytes}}, "a copy to the device");
    from = from.subspan(bytes);
    to += bytes;
  }
}

void RemoteDevice::Download(std::span<std::byte> to, const std::byte* from) {
  const std::span<std::byte> room = link_->block().data();
  while (!to.empty()) {
    const std::size_t bytes = std::min(to.size(), room.size());
    link_->Call({{"op", "download"}, {"from", Number(from)}, {"bytes", bytes}}, "a copy from the device");
    ParallelCopy(to.data(), room.data(), bytes);
    to = to.subspan(bytes);
    from += bytes;
  }
}

void RemoteDevice::FillBytes(std::byte* to, std::size_t bytes, unsigned char value) {
  link_->Call({{"op", "fill"}, {"to", Number(to)}, {"bytes", bytes}, {"value", value}},
              "filling device memory");
}

std::uint64_t RemoteDevice::Hash(const std::byte* from, std::size_t bytes) {
  return link_->Call({{"op", "hash"}, {"from", Number(from)}, {"bytes", bytes}}, "hashing device memory")
      .at("hash");
}

void RemoteDevice::Synchronize() { link_->Call({{"op", "synchronize"}}, "waiting for the device"); }

std::unique_ptr<Stream> RemoteDevice::CreateStream() { return std::make_unique<RemoteStream>(*link_); }

void RemoteDevice::HoldStream(Stream& stream) {
  link_->Call({{"op", "hold_stream"}, {"stream", Number(stream.handle())}}, "holding a stream back");
}

void RemoteDevice::ReleaseStreams() { link_->Call({{"op", "release_streams"}}, "releasing the streams"); }

void RemoteDevice::CopyOnStream(Stream& stream, std::byte* to, const std::byte* from, std::size_t bytes) {
  link_->Call({{"op", "copy_on_stream"},
               {"stream", Number(stream.handle())},
               {"to", Number(to)},
               {"from", Number(from)},
               {"bytes", bytes}},
              "a copy on a stream");
}

void RemoteDevice::SetLaneOrder(LaneOrder order, std::uint64_t seed) {
  link_->Later({{"op", "lane_order"}, {"order", static_cast<int>(order)}, {"seed", seed}},
               link_->generation());
}

RemotePlan::RemotePlan(WorkerLink& link, const Json& created)
    : link_(&link),
      generation_(link.generation()),
      id_(created.at("id")),
      workspace_bytes_(created.at("workspace_bytes")),
      description_(created.at("description")) {}

RemotePlan::~RemotePlan() { link_->Later({{"op", "release"}, {"plan", id_}}, generation_); }

void RemotePlan::Prepare(const assay_buffers& buffers, void* stream) {
  link_->Call(
      {{"op", "prepare"}, {"plan", id_}, {"buffers", wire::Write(buffers)}, {"stream", Number(stream)}},
      "prepare()");
}

void RemotePlan::Launch(const assay_buffers& buffers, void* stream) {
  link_->Call(
      {{"op", "launch"}, {"plan", id_}, {"buffers", wire::Write(buffers)}, {"stream", Number(stream)}},
      "launch()");
}

}  // namespace assay
