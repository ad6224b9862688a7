#include "harness/worker/channel.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

namespace assay {
namespace {

constexpr std::uint64_t kMagic = 0x3130796173736131;
constexpr std::uint64_t kMaxBody = std::uint64_t{1} << 30;

struct FrameHeader {
  std::uint64_t magic;
  Token token;
  std::uint64_t bytes;
};

[[noreturn]] void ThrowErrno(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

void SendAll(int fd, const void* data, std::size_t bytes) {
  const char* at = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t n = ::send(fd, at, bytes, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) ThrowErrno("writing to the worker's channel");
    at += n;
    bytes -= static_cast<std::size_t>(n);
  }
}

}  // namespace

void Channel::Send(const Message& message) const {
  const std::vector<std::uint8_t> body = nlohmann::json::to_cbor(message.body);
  const FrameHeader header{kMagic, message.token, body.size()};
  SendAll(fd_, &header, sizeof header);
  SendAll(fd_, body.data(), body.size());
}

std::optional<Message> Channel::Take() {
  if (pending_.size() < sizeof(FrameHeader)) {
    if (!pending_.empty() &&
        std::memcmp(pending_.data(), &kMagic, std::min(pending_.size(), sizeof kMagic)) != 0) {
      throw ChannelCorrupt("something else than a worker's answer was written to its channel");
    }
    return std::nullopt;
  }
  FrameHeader header;
  std::memcpy(&header, pending_.data(), sizeof header);
  if (header.magic != kMagic || header.bytes > kMaxBody) {
    throw ChannelCorrupt("something else than a worker's answer was written to its channel");
  }
  if (pending_.size() - sizeof header < header.bytes) return std::nullopt;
  Message message;
  message.token = header.token;
  const auto* body = reinterpret_cast<const std::uint8_t*>(pending_.data() + sizeof header);
  message.body = nlohmann::json::from_cbor(body, body + header.bytes, /*strict=*/true,
                                           /*allow_exceptions=*/false);
  if (message.body.is_discarded()) throw ChannelCorrupt("an answer on the worker's channel cannot be read");
  pending_.erase(0, sizeof header + header.bytes);
  return message;
}

std::optional<Message> Channel::Poll(bool& ended) {
  std::array<char, 65536> part;
  while (true) {
    if (auto message = Take()) return message;
    const ssize_t n = ::recv(fd_, part.data(), part.size(), MSG_DONTWAIT);
    if (n > 0) {
      pending_.append(part.data(), static_cast<std::size_t>(n));
    } else if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
      ended = true;
      return std::nullopt;
    } else if (errno != EINTR) {
      return std::nullopt;
    }
  }
}

std::optional<Message> Channel::Receive() {
  while (true) {
    bool ended = false;
    if (auto message = Poll(ended)) return message;
    if (ended) return std::nullopt;
    pollfd wait{fd_, POLLIN, 0};
    if (::poll(&wait, 1, -1) < 0 && errno != EINTR) ThrowErrno("waiting for the worker's channel");
  }
}

SharedBlock::SharedBlock(std::size_t bytes) : bytes_(bytes + kStatusBytes) {
  fd_ = ::memfd_create("assay", MFD_CLOEXEC);
  if (fd_ < 0) ThrowErrno("creating memory to share with the worker");
  if (::ftruncate(fd_, static_cast<off_t>(bytes_)) != 0) {
    const int error = errno;
    ::close(fd_);
    throw std::system_error(error, std::generic_category(), "creating memory to share with the worker");
  }
  Map();
}

SharedBlock SharedBlock::Adopt(int fd) {
  SharedBlock block;
  struct stat status {};
  if (::fstat(fd, &status) != 0) ThrowErrno("reading the size of the shared memory");
  block.fd_ = fd;
  block.bytes_ = static_cast<std::size_t>(status.st_size);
  block.Map();
  ::close(fd);
  block.fd_ = -1;
  return block;
}

void SharedBlock::Map() {
  memory_ = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
  if (memory_ == MAP_FAILED) {
    const int error = errno;
    ::close(std::exchange(fd_, -1));
    throw std::system_error(error, std::generic_category(), "mapping memory shared with the worker");
  }
}

SharedBlock::~SharedBlock() {
  if (memory_ != nullptr) ::munmap(memory_, bytes_);
  if (fd_ >= 0) ::close(fd_);
}

SharedBlock::SharedBlock(SharedBlock&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      bytes_(other.bytes_),
      memory_(std::exchange(other.memory_, nullptr)) {}

std::uint64_t SharedBlock::LoadStatus() const {
  auto* status = reinterpret_cast<std::uint64_t*>(static_cast<std::byte*>(memory_) + data().size());
  return std::atomic_ref<std::uint64_t>(*status).load();
}

void SharedBlock::StoreStatus(std::uint64_t value) const {
  auto* status = reinterpret_cast<std::uint64_t*>(static_cast<std::byte*>(memory_) + data().size());
  std::atomic_ref<std::uint64_t>(*status).store(value);
}

}  // namespace assay
