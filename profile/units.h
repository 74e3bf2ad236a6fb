#pragma once

#include <concepts>
#include <cstdint>
#include <string>

namespace sonde::profile {

// Three significant digits: "0 s", "850 ns", "1.25 ms", "59.9 s", "2 m 05 s", "3 h 20 m", "4 d 02 h". Negative with
// "-".
std::string HumanDuration(int64_t ns);
inline std::string HumanDuration(std::unsigned_integral auto ns) { return HumanDuration(static_cast<int64_t>(ns)); }

// "512 B", "1.5 KiB", "37.2 MiB".
std::string HumanBytes(uint64_t bytes);

// "1,234,567".
std::string HumanCount(uint64_t count);

// "12.3%"; what rounds to nothing but is not: "<0.1%"; "-" when `whole` is 0.
std::string Percent(double part, double whole);

}  // namespace sonde::profile
