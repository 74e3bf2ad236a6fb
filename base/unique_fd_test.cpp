#include "base/unique_fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <utility>

namespace sonde::base {
namespace {

bool IsOpen(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }
int OpenNull() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

TEST(UniqueFd, ClosesItsDescriptorWhenItGoesAway) {
  int raw = OpenNull();
  { UniqueFd fd(raw); }
  EXPECT_FALSE(IsOpen(raw));
}

TEST(UniqueFd, GivesOwnershipAwayWhenMovedFrom) {
  UniqueFd first(OpenNull());
  int raw = first.Get();
  UniqueFd second(std::move(first));
  EXPECT_FALSE(first.IsValid());  // NOLINT(bugprone-use-after-move): the state after a move is the contract
  EXPECT_EQ(second.Get(), raw);
  EXPECT_TRUE(IsOpen(raw));
}

TEST(UniqueFd, ClosesTheOldDescriptorWhenAssigned) {
  UniqueFd fd(OpenNull());
  int old = fd.Get();
  fd = UniqueFd(OpenNull());
  EXPECT_TRUE(IsOpen(fd.Get()));
  if (fd.Get() != old) {
    EXPECT_FALSE(IsOpen(old));
  }
}

TEST(UniqueFd, KeepsTheDescriptorOpenWhenReleased) {
  UniqueFd fd(OpenNull());
  UniqueFd taken(fd.Release());
  EXPECT_FALSE(fd.IsValid());
  EXPECT_TRUE(IsOpen(taken.Get()));
}

}  // namespace
}  // namespace sonde::base
