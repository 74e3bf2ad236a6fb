#pragma once

#include <map>
#include <string>
#include <string_view>

namespace sonde::profile {

// Label names and values of one series or sample; names unique, sorted. Values are valid UTF-8, never empty.
using Labels = std::map<std::string, std::string, std::less<>>;

inline constexpr char kServiceName[] = "service_name";
inline constexpr char kProcess[] = "process";
inline constexpr char kContainerId[] = "container_id";
inline constexpr char kUnit[] = "unit";
inline constexpr char kNode[] = "node";
inline constexpr char kReason[] = "reason";
inline constexpr char kSyscall[] = "syscall";  // of waits for the reason "other"
inline constexpr char kKind[] = "kind";

// The label's value, owned by `labels`; empty when there is none.
std::string_view LabelOf(const Labels& labels, std::string_view name);
// What it runs in: a container's id, else a systemd unit, else empty.
std::string_view ContainerOf(const Labels& labels);

// Replaces every invalid byte by U+FFFD, so that no backend refuses a profile for one hostile name.
std::string ToValidUtf8(std::string_view text);
bool IsValidUtf8(std::string_view text);

}  // namespace sonde::profile
