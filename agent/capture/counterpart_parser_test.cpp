#include "agent/capture/counterpart_parser.h"

#include <cstring>

#include "gtest/gtest.h"

namespace sonde::capture {
namespace {

using model::Counterpart;

TEST(ToCounterpart, TellsThePortAndAddressOfAPeer) {
  abi::counterpart seen{};
  seen.kind = abi::COUNTERPART_INTERNET;
  seen.flags = abi::COUNTERPART_SERVES | abi::COUNTERPART_IPV6;
  seen.local_port = 5432;
  seen.address[15] = 1;
  const std::optional<Counterpart> peer = ToCounterpart(seen);
  ASSERT_TRUE(peer.has_value());
  EXPECT_EQ(peer->kind, Counterpart::Kind::kInternet);
  EXPECT_TRUE(peer->serves && peer->is_ipv6);
  EXPECT_FALSE(peer->listens);
  EXPECT_EQ(peer->local_port, 5432);
  EXPECT_EQ(peer->address[15], 1);
  EXPECT_EQ(peer->lock, 0u);
}

TEST(ToCounterpart, TellsHowAKernelLockIsWanted) {
  const uint64_t address = 0xffff'8880'0123'4568;
  const std::pair<uint32_t, Counterpart::Mode> modes[] = {
      {CONTENTION_MUTEX, Counterpart::Mode::kMutex},
      {CONTENTION_WRITE, Counterpart::Mode::kWriter},
      {CONTENTION_READ, Counterpart::Mode::kReader},
      {CONTENTION_READ | CONTENTION_PER_CPU, Counterpart::Mode::kPerCpu},
      {CONTENTION_WRITE | CONTENTION_REAL_TIME, Counterpart::Mode::kRealTime},
      {0, Counterpart::Mode::kUnknown}};
  for (const auto& [flags, mode] : modes) {
    abi::counterpart seen{};
    seen.kind = abi::COUNTERPART_KERNEL_LOCK;
    seen.flags = static_cast<uint16_t>(flags << COUNTERPART_LOCK_SHIFT);
    std::memcpy(seen.address, &address, sizeof(address));
    const std::optional<Counterpart> lock = ToCounterpart(seen);
    ASSERT_TRUE(lock.has_value());
    EXPECT_EQ(lock->mode, mode);
    EXPECT_EQ(lock->lock, address);
  }
}

TEST(ToCounterpart, RefusesAKindThatIsNotKnown) {
  abi::counterpart seen{};
  EXPECT_FALSE(ToCounterpart(seen).has_value());
  seen.kind = abi::COUNTERPART_KERNEL_LOCK + 1;
  EXPECT_FALSE(ToCounterpart(seen).has_value());
}

}  // namespace
}  // namespace sonde::capture
