// The channel between the supervisor and a worker: framed messages over a socket, and a block of memory that
// both have mapped for what is too large for messages.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>

namespace assay {

// What came is no message of the other side: somebody else wrote to the channel.
class ChannelCorrupt : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The number that a request carries and its answer has to repeat. It is drawn at random for every request, so
// that nobody who merely finds the socket can write an answer.
using Token = std::array<std::uint64_t, 2>;

struct Message {
  Token token = {};
  nlohmann::json body;
};

// Reads and writes whole messages. Does not own the descriptor.
class Channel {
 public:
  explicit Channel(int fd) : fd_(fd) {}

  int fd() const { return fd_; }
  // Throws std::system_error; EPIPE if the other side is gone.
  void Send(const Message& message) const;
  // Takes what there is to read without waiting. The message, if one is complete. Throws ChannelCorrupt, and
  // sets `ended` when the other side is gone.
  std::optional<Message> Poll(bool& ended);
  // Waits for a whole message; nothing if the other side is gone.
  std::optional<Message> Receive();

 private:
  std::optional<Message> Take();

  int fd_;
  std::string pending_;
};

// A block of anonymous memory that a worker inherits. Unmapped and closed on destruction.
class SharedBlock {
 public:
  // Creates one. Throws std::system_error.
  explicit SharedBlock(std::size_t bytes);
  // Maps the one that was inherited, and closes the descriptor.
  static SharedBlock Adopt(int fd);
  ~SharedBlock();
  SharedBlock(SharedBlock&& other) noexcept;
  SharedBlock& operator=(SharedBlock&&) = delete;

  int fd() const { return fd_; }
  // What a transfer may use; the rest is the status.
  std::span<std::byte> data() const { return {static_cast<std::byte*>(memory_), bytes_ - kStatusBytes}; }
  // The place of the candidate that is being timed.
  std::uint64_t LoadStatus() const;
  void StoreStatus(std::uint64_t value) const;

 private:
  static constexpr std::size_t kStatusBytes = 4096;
  SharedBlock() = default;
  void Map();

  int fd_ = -1;
  std::size_t bytes_ = 0;
  void* memory_ = nullptr;
};

}  // namespace assay
