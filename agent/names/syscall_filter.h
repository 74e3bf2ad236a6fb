#pragma once

namespace sonde::names {

// Puts this process (its one thread) under a seccomp filter that ends it at any system call but those that parsing and
// answering need: reading open descriptors, the one socket, anonymous memory without execution, exit. False: the kernel
// refused. REQUIRES: no_new_privs is set.
bool EnterSyscallFilter();

}  // namespace sonde::names
