#include "agent/process/cgroup.h"

#include <algorithm>
#include <array>
#include <vector>

namespace sonde::process {
namespace {

using Words = std::vector<std::string_view>;

constexpr size_t kContainerIdLength = 64;
constexpr size_t kEcsTaskLength = 32;
constexpr size_t kMaxNameLength = 128;

Words Split(std::string_view text, char separator) {
  Words words;
  while (!text.empty()) {
    size_t end = std::min(text.find(separator), text.size());
    if (end > 0) words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

bool IsHex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}
bool IsDigits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}
bool IsContainerId(std::string_view text) { return text.size() == kContainerIdLength && IsHex(text); }

// "TASK-NUMBER" as ECS names containers on Fargate.
bool IsEcsId(std::string_view text) {
  return text.size() > kEcsTaskLength + 1 && text.size() < kContainerIdLength && text[kEcsTaskLength] == '-' &&
         IsHex(text.substr(0, kEcsTaskLength)) && IsDigits(text.substr(kEcsTaskLength + 1));
}

bool Chop(std::string_view* text, std::string_view prefix) {
  if (!text->starts_with(prefix)) return false;
  text->remove_prefix(prefix.size());
  return true;
}
bool ChopEnd(std::string_view* text, std::string_view suffix) {
  if (!text->ends_with(suffix)) return false;
  text->remove_suffix(suffix.size());
  return true;
}

struct RuntimePrefix {
  std::string_view prefix;
  std::string_view runtime;
};
constexpr std::array kPrefixes = {RuntimePrefix{"docker", "docker"},      RuntimePrefix{"cri-containerd", "containerd"},
                                  RuntimePrefix{"nerdctl", "containerd"}, RuntimePrefix{"crio", "crio"},
                                  RuntimePrefix{"libpod", "podman"},      RuntimePrefix{"libpod-payload", "podman"}};

std::string_view RuntimeOf(std::string_view prefix) {
  auto found = std::ranges::find(kPrefixes, prefix, &RuntimePrefix::prefix);
  return found == kPrefixes.end() ? std::string_view() : found->runtime;
}

// "PREFIX-ID.scope" of systemd drivers, "PREFIX-ID" of Podman's cgroupfs driver, "SLICE:PREFIX:ID" of a runtime that
// was given a systemd path but drives cgroupfs. conmon's scopes ("libpod-conmon-ID") watch a container, and are none.
bool TakePrefixed(std::string_view part, CgroupInfo* info) {
  ChopEnd(&part, ".scope");
  if (part.size() <= kContainerIdLength + 1) return false;
  std::string_view id = part.substr(part.size() - kContainerIdLength);
  std::string_view prefix = part.substr(0, part.size() - kContainerIdLength);
  if (!IsContainerId(id) || (prefix.back() != '-' && prefix.back() != ':')) return false;
  char separator = prefix.back();
  prefix.remove_suffix(1);
  if (separator == ':') prefix.remove_prefix(prefix.rfind(':') + 1);
  std::string_view runtime = RuntimeOf(prefix);
  if (runtime.empty()) return false;
  info->container_id = id;
  info->runtime = runtime;
  return true;
}

// An id alone; only the folder around it may tell the runtime.
bool TakeBare(std::string_view part, std::string_view parent, CgroupInfo* info) {
  bool is_ecs = IsEcsId(part);
  if (!IsContainerId(part) && !is_ecs) return false;
  info->container_id = part;
  info->runtime = is_ecs ? "ecs" : parent == "docker" ? "docker" : "";
  return true;
}

bool TakeLxc(std::string_view part, std::string_view parent, CgroupInfo* info) {
  if (!Chop(&part, "lxc.payload.") && parent != "lxc") return false;
  if (part.empty()) return false;
  info->container_id = part.substr(0, kMaxNameLength);
  info->runtime = "lxc";
  return true;
}

// Systemd's slice names say the class, cgroupfs' folders do; what is guaranteed has none.
std::string_view QosOf(std::string_view slice, std::string_view parent) {
  for (std::string_view qos : {"burstable", "besteffort"}) {
    if (parent == qos || slice.ends_with(qos)) return qos;
  }
  return "guaranteed";
}

// "podUID", or "kubepods-burstable-podUID.slice" with underscores for dashes, also where cgroupfs is given systemd's
// path.
void TakePod(std::string_view part, std::string_view parent, CgroupInfo* info) {
  part = part.substr(0, part.find(':'));
  std::string_view slice;
  if (ChopEnd(&part, ".slice")) {
    size_t at = part.rfind("-pod");
    if (at == std::string_view::npos) return;
    slice = part.substr(0, at);
    part.remove_prefix(at + 1);
  }
  if (!Chop(&part, "pod")) return;
  std::string uid(part);
  std::ranges::replace(uid, '_', '-');
  bool is_uid = (uid.size() == 36 || uid.size() == 32) && IsHex(Split(uid, '-').front());
  if (!is_uid) return;
  info->pod_uid = std::move(uid);
  info->qos = QosOf(slice, parent);
}

void TakeContainer(const Words& path, CgroupInfo* info) {
  std::string_view parent;
  for (std::string_view part : path) {
    TakePod(part, parent, info);
    if (!TakePrefixed(part, info) && !TakeBare(part, parent, info)) TakeLxc(part, parent, info);
    parent = part;
  }
}

// The innermost of services and scopes decides: a scope below a service is a program of its own.
void TakeUnit(const Words& path, CgroupInfo* info) {
  for (std::string_view part : path) {
    std::string_view name = part.substr(0, 2 * kMaxNameLength);
    if (part.ends_with(".service"))
      info->unit = name;
    else if (part.ends_with(".scope"))
      info->unit.clear();
    else if (part.ends_with(".slice"))
      info->slice = name;
  }
}

struct Hierarchy {
  std::string_view controllers;
  std::string_view path;
};

// systemd's own hierarchy first, then version 2, then the others: units are told by the first two only.
int Rank(std::string_view controllers) {
  if (controllers.find("name=systemd") != std::string_view::npos) return 0;
  return controllers.empty() ? 1 : 2;
}

std::vector<Hierarchy> Hierarchies(std::string_view text) {
  std::vector<Hierarchy> all;
  for (std::string_view line : Split(text, '\n')) {
    size_t first = line.find(':');
    size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    all.push_back({line.substr(first + 1, second - first - 1), line.substr(second + 1)});
  }
  std::ranges::stable_sort(all, {}, [](const Hierarchy& one) { return Rank(one.controllers); });
  return all;
}

}  // namespace

CgroupInfo ParseCgroup(std::string_view text) {
  CgroupInfo info;
  for (const Hierarchy& one : Hierarchies(text)) {
    Words path = Split(one.path, '/');
    if (info.container_id.empty()) TakeContainer(path, &info);
    if (Rank(one.controllers) < 2 && info.unit.empty() && info.slice.empty()) TakeUnit(path, &info);
  }
  return info;
}

}  // namespace sonde::process
