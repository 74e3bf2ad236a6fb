#include "agent/symbolize/syscall_names.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>

namespace sonde::symbolize {
namespace {

TEST(SyscallNames, AreThoseOfTheKernelsHeader) {
  EXPECT_EQ(SyscallName(SYS_read), "read");
  EXPECT_EQ(SyscallName(SYS_membarrier), "membarrier");
  EXPECT_EQ(SyscallName(0xfffe), "syscall 65534");
}

}  // namespace
}  // namespace sonde::symbolize
