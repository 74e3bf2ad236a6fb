#include "agentctl/profile_input.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/read_file.h"
#include "profile/pprof_file.h"
#include "profile/sample_filter.h"
#include "profile/selector.h"

namespace sonde::agentctl {
namespace {

constexpr size_t kMaxFileBytes = size_t{256} << 20;
constexpr size_t kMaxProfileBytes = size_t{1} << 30;  // inflated

absl::Status Refused(const std::string& name, const absl::Status& why) {
  return absl::FailedPreconditionError(absl::StrCat(name, ": ", std::string(why.message())));
}

}  // namespace

absl::StatusOr<profile::Pprof> SelectedProfile(const std::string& bytes, const std::string& name,
                                               const std::string& query) {
  const absl::StatusOr<profile::Selector> selector = profile::Selector::Parse(query);
  if (!selector.ok())
    return absl::InvalidArgumentError(absl::StrCat("--query: ", std::string(selector.status().message())));
  absl::StatusOr<profile::Pprof> read = profile::Decode(bytes, kMaxProfileBytes);
  if (!read.ok()) return Refused(name, read.status());
  if (query.empty()) return read;
  absl::StatusOr<profile::Pprof> selected = profile::SamplesThatMatch(*std::move(read), *selector);
  if (!selected.ok()) return Refused(name, selected.status());
  if (selected->sample_size() == 0) {
    return absl::FailedPreconditionError(absl::StrCat(name, ": no sample has the labels ", selector->ToString()));
  }
  return selected;
}

absl::StatusOr<profile::Pprof> ReadProfile(const std::string& path, const std::string& query) {
  const bool is_input = path == "-";
  const std::string name = is_input ? "standard input" : path;
  const absl::StatusOr<std::string> bytes =
      is_input ? base::ReadFd(STDIN_FILENO, name, kMaxFileBytes) : base::ReadFile(path, kMaxFileBytes);
  if (!bytes.ok()) return absl::FailedPreconditionError(std::string(bytes.status().message()));
  return SelectedProfile(*bytes, name, query);
}

}  // namespace sonde::agentctl
