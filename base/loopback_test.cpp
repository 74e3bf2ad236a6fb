#include "base/loopback.h"

#include "gtest/gtest.h"

namespace sonde::base {
namespace {

TEST(Loopback, IsWhatNoPacketLeavesTheHostFor) {
  for (const char* endpoint : {"127.0.0.1:7171", "127.9.8.7:1", "localhost:4040", "[::1]:7171", "[0::1]:7171"}) {
    EXPECT_TRUE(IsLoopback(endpoint)) << endpoint;
  }
}

TEST(Loopback, IsNoNameThatLooksLikeOne) {
  for (const char* endpoint : {"127.example.com:1", "127.0.0.1.example.com:1", "localhost.example.com:1", "10.0.0.1:1",
                               "[::2]:1", "[::1:1", "::1:1", "", ":1"}) {
    EXPECT_FALSE(IsLoopback(endpoint)) << endpoint;
  }
}

}  // namespace
}  // namespace sonde::base
