// The channel between supervisor and worker: whole messages, and nothing that somebody else wrote.
#include "harness/worker/channel.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>

namespace assay {
namespace {

class ChannelTest : public testing::Test {
 protected:
  ChannelTest() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds_.data()), 0); }
  ~ChannelTest() override {
    for (const int fd : fds_) {
      if (fd >= 0) ::close(fd);
    }
  }
  void Write(const std::string& bytes) {
    EXPECT_EQ(::write(fds_[0], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }

  std::array<int, 2> fds_{-1, -1};
};

TEST_F(ChannelTest, CarriesMessagesOfAnySizeInOrder) {
  const Channel from(fds_[0]);
  Channel to(fds_[1]);
  std::thread sender([&] {
    from.Send({{1, 2}, {{"op", "a"}}});
    from.Send({{3, 4}, {{"samples", std::vector<double>(300000, 0.1)}}});
    from.Send({{5, 6}, {{"op", "c"}}});
  });
  EXPECT_EQ(to.Receive()->body.at("op"), "a");
  const auto big = to.Receive();
  EXPECT_EQ(big->token, (Token{3, 4}));
  EXPECT_EQ(big->body.at("samples").size(), 300000u);
  EXPECT_EQ(to.Receive()->body.at("op"), "c");
  sender.join();
}

TEST_F(ChannelTest, HalfAMessageIsNoneYet) {
  Channel to(fds_[1]);
  const Channel from(fds_[0]);
  bool ended = false;
  EXPECT_FALSE(to.Poll(ended));
  EXPECT_FALSE(ended);
  from.Send({{1, 1}, {{"op", "x"}}});
  EXPECT_TRUE(to.Poll(ended));
}

TEST_F(ChannelTest, AnythingElseIsCorrupt) {
  for (const std::string& bytes : {std::string("hello"), std::string("x"), std::string(64, '\0')}) {
    Channel to(fds_[1]);
    Write(bytes);
    bool ended = false;
    EXPECT_THROW(to.Poll(ended), ChannelCorrupt) << bytes.size();
  }
}

TEST_F(ChannelTest, GarbageBehindAMessageIsCorrupt) {
  Channel to(fds_[1]);
  Channel(fds_[0]).Send({{1, 1}, {{"op", "x"}}});
  Write("garbage");
  bool ended = false;
  EXPECT_TRUE(to.Poll(ended));
  EXPECT_THROW(to.Poll(ended), ChannelCorrupt);
}

TEST_F(ChannelTest, SaysWhenTheOtherSideIsGone) {
  Channel to(fds_[1]);
  ::close(std::exchange(fds_[0], -1));
  EXPECT_FALSE(to.Receive());
}

TEST(SharedBlockTest, BothSidesSeeTheSameMemory) {
  const SharedBlock block(1 << 16);
  const SharedBlock other = SharedBlock::Adopt(::dup(block.fd()));
  ASSERT_EQ(other.data().size(), block.data().size());
  block.data()[100] = std::byte{42};
  EXPECT_EQ(other.data()[100], std::byte{42});
  other.StoreStatus(7);
  EXPECT_EQ(block.LoadStatus(), 7u);
  EXPECT_EQ(block.data().size(), std::size_t{1} << 16);
}

}  // namespace
}  // namespace assay
