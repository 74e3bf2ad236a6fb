#include "agent/control/connection_gate.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace sonde::control {
namespace {

constexpr int kMaxGroups = 1024;

bool IsMember(const ucred& peer, gid_t group) {
  if (peer.gid == group) return true;
  std::vector<char> buffer(1 << 16);
  passwd entry{};
  passwd* user = nullptr;
  if (getpwuid_r(peer.uid, &entry, buffer.data(), buffer.size(), &user) != 0 || user == nullptr) return false;
  std::vector<gid_t> groups(kMaxGroups);
  int count = kMaxGroups;
  if (getgrouplist(user->pw_name, user->pw_gid, groups.data(), &count) < 0) return false;
  return std::find(groups.begin(), groups.begin() + count, group) != groups.begin() + count;
}

// The inode of the socket behind `fd`; nothing when it is closed or something else by now.
std::optional<ino_t> SocketInode(int fd) {
  struct stat info {};
  if (fstat(fd, &info) != 0 || !S_ISSOCK(info.st_mode)) return std::nullopt;
  return info.st_ino;
}

}  // namespace

std::string ConnectionGate::Stranger(const ucred& peer) const {
  if (peer.uid == 0 || peer.uid == geteuid() || (group_ && IsMember(peer, *group_))) return "";
  return absl::StrCat("uid ", peer.uid, " is neither root nor in the control group");
}

std::string ConnectionGate::Full(const ucred& peer) {
  ForgetClosed();
  if (connections_.size() >= kMaxConnections) return "too many connections";
  const auto same_uid = std::count_if(connections_.begin(), connections_.end(),
                                      [&](const Connection& connection) { return connection.uid == peer.uid; });
  if (peer.uid == 0 || static_cast<size_t>(same_uid) < kMaxConnectionsPerUid) return "";
  return absl::StrCat("too many connections of uid ", peer.uid);
}

void ConnectionGate::Admit(int fd, uid_t uid) {
  if (const std::optional<ino_t> inode = SocketInode(fd)) connections_.push_back({fd, *inode, uid});
}

void ConnectionGate::ForgetClosed() {
  std::erase_if(connections_,
                [](const Connection& connection) { return SocketInode(connection.fd) != connection.inode; });
}

}  // namespace sonde::control
