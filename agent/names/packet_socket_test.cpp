#include "agent/names/packet_socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "agent/names/name_wire.h"

namespace sonde::names {
namespace {

struct Pair {
  Pair() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    one = PacketSocket(base::UniqueFd(ends[0]));
    other = PacketSocket(base::UniqueFd(ends[1]));
  }
  PacketSocket one, other;
};

TEST(PacketSocket, CarriesWholePacketsAndDescriptors) {
  Pair pair;
  base::UniqueFd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  const int fd = file.Get();
  ASSERT_TRUE(pair.one.Send("first", {&fd, 1}, absl::Seconds(10)).ok());
  ASSERT_TRUE(pair.one.Send("second", {}, absl::Seconds(10)).ok());
  auto first = pair.other.Receive(absl::Seconds(10));
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->bytes, "first");
  ASSERT_EQ(first->fds.size(), 1U);
  std::array<char, 4> magic{};
  EXPECT_EQ(::pread(first->fds[0].Get(), magic.data(), magic.size(), 0), 4);
  EXPECT_EQ(std::string_view(magic.data(), 4), "\177ELF");
  auto second = pair.other.Receive(absl::InfiniteDuration());
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->bytes, "second");
  EXPECT_TRUE(second->fds.empty());
}

TEST(PacketSocket, SaysWhenNothingComesAndWhenTheOtherSideIsGone) {
  Pair pair;
  EXPECT_TRUE(absl::IsDeadlineExceeded(pair.one.Receive(absl::Milliseconds(1)).status()));
  EXPECT_FALSE(pair.one.IsClosed());
  pair.other = PacketSocket();
  EXPECT_TRUE(pair.one.IsClosed());
  EXPECT_TRUE(absl::IsUnavailable(pair.one.Receive(absl::Seconds(10)).status()));
  EXPECT_TRUE(absl::IsUnavailable(pair.one.Send("x", {}, absl::Seconds(10))));
}

TEST(PacketSocket, DoesNotWaitForEverForOneThatTakesNothing) {
  Pair pair;
  absl::Status status;
  for (int i = 0; i < 10'000 && status.ok(); ++i)
    status = pair.one.Send(std::string(1'000, 'x'), {}, absl::Milliseconds(1));
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
}

TEST(PacketSocket, RefusesPacketsThatAreTooLarge) {
  Pair pair;
  EXPECT_FALSE(pair.one.Send(std::string(kMaxPacketBytes + 1, 'x'), {}, absl::Seconds(10)).ok());
  ASSERT_GE(::send(pair.one.Fd(), std::string(kMaxPacketBytes + 1, 'x').data(), kMaxPacketBytes + 1, 0), 0);
  EXPECT_TRUE(absl::IsInvalidArgument(pair.other.Receive(absl::Seconds(10)).status()));
}

TEST(PacketSocket, KeepsNoDescriptorOfThoseThatAreTooMany) {
  Pair pair;
  std::array<int, 2> pipe_ends{};
  ASSERT_EQ(::pipe2(pipe_ends.data(), O_CLOEXEC), 0);
  std::vector<base::UniqueFd> writers;
  std::array<int, 3> three{};
  for (int& fd : three) fd = writers.emplace_back(::dup(pipe_ends[1])).Get();
  ::close(pipe_ends[1]);
  msghdr message{};
  iovec data{const_cast<char*>("x"), 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(three))> control{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* part = CMSG_FIRSTHDR(&message);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(sizeof(three));
  std::copy_n(three.data(), three.size(), reinterpret_cast<int*>(CMSG_DATA(part)));
  ASSERT_GE(::sendmsg(pair.one.Fd(), &message, 0), 0);
  EXPECT_FALSE(pair.other.Receive(absl::Seconds(10)).ok());
  writers.clear();
  // The pipe ends only when nobody holds its other end any more.
  char byte = 0;
  EXPECT_EQ(::read(pipe_ends[0], &byte, 1), 0);
  ::close(pipe_ends[0]);
}

}  // namespace
}  // namespace sonde::names
