#include "agent/capture/quota_groups.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/read_file.h"

namespace sonde::capture {
namespace {

constexpr size_t kMostBytesOfGroupFile = size_t{64} << 10;
// Bounds the work on a tree that anybody who may make groups can make large.
constexpr size_t kMostGroups = 20'000;

// NotFound: the group has no such file, as the root, or none of the controller's.
absl::StatusOr<std::optional<double>> ReadQuota(const std::string& path, bool is_v1) {
  absl::StatusOr<std::string> text =
      base::ReadFile(path + (is_v1 ? "/cpu.cfs_quota_us" : "/cpu.max"), kMostBytesOfGroupFile);
  if (!text.ok()) return text.status();
  if (!is_v1) return ParseCpuMax(*text);
  absl::StatusOr<std::string> period = base::ReadFile(path + "/cpu.cfs_period_us", kMostBytesOfGroupFile);
  if (!period.ok()) return period.status();
  return ParseCfsQuota(*text, *period);
}

absl::StatusOr<std::optional<model::QuotaUse>> ReadGroup(const std::string& path, bool is_v1) {
  absl::StatusOr<std::optional<double>> cpus = ReadQuota(path, is_v1);
  if (absl::IsNotFound(cpus.status())) return std::optional<model::QuotaUse>();
  if (!cpus.ok()) return cpus.status();
  if (!*cpus) return std::optional<model::QuotaUse>();
  absl::StatusOr<std::string> text = base::ReadFile(path + "/cpu.stat", kMostBytesOfGroupFile);
  if (!text.ok()) return text.status();
  absl::StatusOr<model::QuotaUse> use = ParseCpuStat(*text);
  if (!use.ok()) return use.status();
  use->cpus = **cpus;
  return std::optional(*std::move(use));
}

// A group may go away while it is read; its files fail then.
bool IsThere(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

class Reader {
 public:
  explicit Reader(const QuotaTree& tree) : tree_(tree) {}

  void Take(const std::string& path) {
    absl::StatusOr<std::optional<model::QuotaUse>> use = ReadGroup(path, tree_.is_v1);
    if (!use.ok()) {
      if (IsThere(path)) Refuse(std::string(use.status().message()));
    } else if (*use) {
      (*use)->group = path.size() > tree_.root.size() ? path.substr(tree_.root.size()) : "/";
      quotas_.push_back(**std::move(use));
    }
  }
  void Refuse(std::string why) {
    if (refused_++ == 0) why_ = std::move(why);
  }
  std::vector<model::QuotaUse> Finish(std::vector<std::string>* unknown) && {
    if (refused_ == 1) unknown->push_back(absl::StrCat("a control group's quota: ", why_));
    if (refused_ > 1) unknown->push_back(absl::StrCat("quotas of ", refused_, " control groups, the first: ", why_));
    return std::move(quotas_);
  }

 private:
  const QuotaTree& tree_;
  std::vector<model::QuotaUse> quotas_;
  size_t refused_ = 0;
  std::string why_;
};

}  // namespace

std::vector<model::QuotaUse> ReadQuotas(const QuotaTree& tree, std::vector<std::string>* unknown) {
  namespace fs = std::filesystem;
  Reader reader(tree);
  std::vector<std::string> groups = {tree.root};
  bool is_cut = false;
  for (size_t i = 0; i < groups.size(); ++i) {
    const std::string path = groups[i];
    reader.Take(path);
    std::error_code error, is_gone;
    for (fs::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
      if (at->symlink_status(is_gone).type() != fs::file_type::directory) continue;
      is_cut |= groups.size() >= kMostGroups;
      if (!is_cut) groups.push_back(at->path().string());
    }
    if (error && (i == 0 || IsThere(path))) reader.Refuse(absl::StrCat("cannot list ", path, ": ", error.message()));
  }
  if (is_cut) reader.Refuse(absl::StrCat(tree.root, " has over ", kMostGroups, " groups: not all are looked at"));
  return std::move(reader).Finish(unknown);
}

}  // namespace sonde::capture
