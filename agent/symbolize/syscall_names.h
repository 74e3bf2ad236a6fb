#pragma once

#include <cstdint>
#include <string>

namespace sonde::symbolize {

// The name of a system call of x86-64 as its man page has it ("membarrier"); "syscall 460" for one newer than this
// build.
std::string SyscallName(uint16_t number);

}  // namespace sonde::symbolize
