#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sonde::profile {

// A profile's comments say what its window lost, one line a cause: "lost at 2026-11-21T10:00:00Z: 17 stacks
// (ring_full): ...". Losses are the host's, so each profile of a window carries the same lines.

// One such line. `what` goes on from the count: "stacks (ring_full): what it means".
std::string FormatLossComment(int64_t window_start_unix_ns, uint64_t count, std::string_view what);

// Brings the comments of merged profiles together: equal ones once, losses of different windows summed by cause into
// "lost in 3 windows: 51 stacks (ring_full): ...". Other comments are kept as they are, in the order they came.
class CommentSum {
 public:
  void Add(const std::string& comment);
  std::vector<std::string> Comments() const;

 private:
  struct Sum {
    uint64_t windows = 0;
    uint64_t count = 0;
    std::string only;  // the line itself while there is but one window
  };
  std::set<std::string> seen_;
  std::vector<std::string> others_;
  std::map<std::string, Sum> losses_;
};

}  // namespace sonde::profile
