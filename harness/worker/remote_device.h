// A worker's device, and plans on it, as the supervisor uses them. Addresses are the worker's and mean
// nothing here.
#pragma once

#include <memory>
#include <string>

#include "harness/device/device.h"
#include "harness/device/pack_loader.h"
#include "harness/worker/worker_link.h"

namespace assay {

class RemoteDevice final : public Device {
 public:
  // Call Open() before anything else, and again for each new worker.
  explicit RemoteDevice(WorkerLink& link) : link_(&link) {}
  // `argument` as --device takes it. Returns what to tell the person; may be empty. Throws ConfigError or
  // DeviceError.
  std::string Open(const std::string& argument);

  const assay_device_info& info() const override { return info_; }
  std::string name() const override { return name_; }
  std::string description() const override { return description_; }
  bool can_time() const override { return can_time_; }

  std::unique_ptr<DeviceMemory> Allocate(std::size_t bytes) override;
  std::size_t FreeBytes() const override;
  void Upload(std::byte* to, std::span<const std::byte> from) override;
  void Download(std::span<std::byte> to, const std::byte* from) override;
  void FillBytes(std::byte* to, std::size_t bytes, unsigned char value) override;
  std::uint64_t Hash(const std::byte* from, std::size_t bytes) override;
  void Synchronize() override;
  std::unique_ptr<Stream> CreateStream() override;
  void HoldStream(Stream& stream) override;
  void ReleaseStreams() override;
  void CopyOnStream(Stream& stream, std::byte* to, const std::byte* from, std::size_t bytes) override;
  std::string LastFault() const override { return link_->last_fault(); }
  void SetLaneOrder(LaneOrder order, std::uint64_t seed) override;

 private:
  WorkerLink* link_;
  assay_device_info info_ = {};
  std::string name_, description_;
  bool can_time_ = false;
};

class RemotePlan final : public Plan {
 public:
  RemotePlan(WorkerLink& link, const nlohmann::json& created);
  ~RemotePlan() override;

  std::uint64_t WorkspaceBytes() const override { return workspace_bytes_; }
  void Prepare(const assay_buffers& buffers, void* stream) override;
  void Launch(const assay_buffers& buffers, void* stream) override;
  std::string Describe() const override { return description_; }
  std::uint64_t id() const { return id_; }

 private:
  WorkerLink* link_;
  std::uint64_t generation_, id_, workspace_bytes_;
  std::string description_;
};

}  // namespace assay
