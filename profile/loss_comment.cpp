#include "profile/loss_comment.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "re2/re2.h"

namespace sonde::profile {

std::string FormatLossComment(int64_t window_start_unix_ns, uint64_t count, std::string_view what) {
  std::string time =
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixNanos(window_start_unix_ns), absl::UTCTimeZone());
  return absl::StrCat("lost at ", time, ": ", count, " ", absl::string_view(what.data(), what.size()));
}

void CommentSum::Add(const std::string& comment) {
  static const RE2 kOne(R"(lost at \S+: (\d{1,18}) (.*))");
  static const RE2 kSummed(R"(lost in (\d{1,9}) windows: (\d{1,18}) (.*))");
  if (!seen_.insert(comment).second) return;
  uint64_t windows = 1, count = 0;
  std::string what;
  if (!RE2::FullMatch(comment, kOne, &count, &what) && !RE2::FullMatch(comment, kSummed, &windows, &count, &what)) {
    others_.push_back(comment);
    return;
  }
  Sum& sum = losses_[what];
  sum.only = sum.windows == 0 ? comment : "";
  sum.windows += windows;
  sum.count += count;
}

std::vector<std::string> CommentSum::Comments() const {
  std::vector<std::string> comments = others_;
  for (const auto& [what, sum] : losses_) {
    comments.push_back(!sum.only.empty() ? sum.only
                                         : absl::StrCat("lost in ", sum.windows, " windows: ", sum.count, " ", what));
  }
  return comments;
}

}  // namespace sonde::profile
