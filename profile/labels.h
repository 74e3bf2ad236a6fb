#pragma once

#include <cstddef>
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
inline constexpr char kSlice[] = "slice";  // of systemd
inline constexpr char kNode[] = "node";
inline constexpr char kNamespace[] = "namespace";  // of Kubernetes, as the next four
inline constexpr char kPod[] = "pod";
inline constexpr char kContainer[] = "container";
inline constexpr char kWorkload[] = "workload";
inline constexpr char kWorkloadKind[] = "workload_kind";
inline constexpr char kReason[] = "reason";
inline constexpr char kSyscall[] = "syscall";  // of waits for the reason "other"
inline constexpr char kKind[] = "kind";

// The label's value, owned by `labels`; empty when there is none.
std::string_view LabelOf(const Labels& labels, std::string_view name);
// What it runs in: a container's id, else a systemd unit, else empty.
std::string_view ContainerOf(const Labels& labels);

// At most this many bytes of a value are kept.
inline constexpr size_t kMaxLabelBytes = 256;
// `value` as a label may have it: valid UTF-8, cut before whole characters.
std::string LabelValue(std::string_view value);
// Whether it is a name that all backends take: [a-zA-Z_][a-zA-Z0-9_]*.
bool IsLabelName(std::string_view name);
// `text` as the end of such a name: every other byte becomes '_', as Prometheus has it.
std::string ToLabelNamePart(std::string_view text);

// Replaces every invalid byte by U+FFFD, so that no backend refuses a profile for one hostile name.
std::string ToValidUtf8(std::string_view text);
bool IsValidUtf8(std::string_view text);

}  // namespace sonde::profile
