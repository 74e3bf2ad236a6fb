#pragma once

#include <string>
#include <string_view>

namespace sonde::names {

// The name people read for a symbol: those of C++ (Itanium ABI) and of Rust (both ways that it had) demangled, all
// others as they are. Names come from hostile files, and a name of 200 bytes can stand for gigabytes, so what is longer
// than 1 KiB or refers back to its own parts more than 24 times (1 in 1,000 of real names) stays mangled, and so does
// what would come out over 4 KiB.
std::string Demangle(std::string_view name);

}  // namespace sonde::names
