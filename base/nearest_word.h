#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sonde::base {

// The candidate that differs from `word` by the fewest inserted, removed, replaced or swapped letters, at most
// `max_distance`; empty when all differ by more. The first of equally near ones.
std::string NearestWord(std::string_view word, const std::vector<std::string>& candidates, int max_distance = 2);

}  // namespace sonde::base
