#include "agent/elf/debug_file_places.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace sonde::elf {
namespace {

constexpr uint64_t kMaxLinkBytes = 4'096;
constexpr size_t kMinBuildIdHex = 8;

std::string_view FolderOf(std::string_view path) { return path.substr(0, path.rfind('/') + 1); }

// Absolute, and without "." and "..", whatever it pointed through; empty when it is not absolute.
std::string CleanPath(std::string_view path) {
  if (!path.starts_with('/')) return "";
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    path.remove_prefix(1);
    std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(part.size());
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
  }
  std::string clean;
  for (std::string_view part : parts) clean.append("/").append(part);
  return clean;
}

// `name` as seen from a folder; empty when that does not come to an absolute path.
std::string InFolder(std::string_view folder, std::string_view name) {
  if (!folder.starts_with('/') && !name.starts_with('/')) return "";
  std::string path(folder);
  return CleanPath(name.starts_with('/') ? std::string(name) : path.append("/").append(name));
}

std::vector<std::byte> LinkBytes(const ElfFile& file, std::string_view name) {
  const Section* section = file.FindSection(name);
  if (section == nullptr) return {};
  auto bytes = file.ReadSection(*section, kMaxLinkBytes);
  return bytes.ok() ? *std::move(bytes) : std::vector<std::byte>();
}

// The text that such a section begins with; empty when it does not end.
std::string_view LinkText(const std::vector<std::byte>& bytes) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  size_t end = text.find('\0');
  return end == std::string_view::npos ? std::string_view() : text.substr(0, end);
}

bool IsHexOfBuildId(std::string_view id) {
  return id.size() >= kMinBuildIdHex && id.size() % 2 == 0 && id.find_first_not_of("0123456789abcdef") == id.npos;
}

std::vector<std::string> PathsById(std::string_view id, std::span<const std::string> folders) {
  std::vector<std::string> paths;
  if (!IsHexOfBuildId(id)) return paths;
  for (const std::string& folder : folders) {
    paths.push_back(absl::StrCat(CleanPath(folder), "/.build-id/", std::string(id.substr(0, 2)), "/",
                                 std::string(id.substr(2)), ".debug"));
  }
  return paths;
}

bool IsFileName(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find_first_of(std::string_view("/\0", 2)) == name.npos;
}

}  // namespace

std::optional<DebugLink> FindDebugLink(const ElfFile& file) {
  std::vector<std::byte> bytes = LinkBytes(file, ".gnu_debuglink");
  std::string_view name = LinkText(bytes);
  size_t crc_at = (name.size() + 1 + 3) / 4 * 4;
  if (!IsFileName(name) || bytes.size() < crc_at + sizeof(uint32_t)) return std::nullopt;
  DebugLink link{std::string(name), 0};
  std::memcpy(&link.crc, bytes.data() + crc_at, sizeof(link.crc));
  return link;
}

std::optional<AlternateLink> FindAlternateLink(const ElfFile& file) {
  std::vector<std::byte> bytes = LinkBytes(file, ".gnu_debugaltlink");
  std::string_view path = LinkText(bytes);
  if (path.empty()) return std::nullopt;
  absl::string_view id(reinterpret_cast<const char*>(bytes.data()) + path.size() + 1, bytes.size() - path.size() - 1);
  return AlternateLink{std::string(path), absl::BytesToHexString(id)};
}

std::vector<DebugFilePlace> DebugFilePlaces(std::string_view build_id, std::string_view link,
                                            std::string_view program_path, std::span<const std::string> folders) {
  std::vector<DebugFilePlace> places;
  for (std::string& path : PathsById(build_id, folders)) places.push_back({std::move(path), false});
  const std::string program = CleanPath(program_path);
  const std::string beside(FolderOf(program));
  if (!IsFileName(link) || beside.empty()) return places;
  std::vector<std::string> paths = {InFolder(beside, link), InFolder(beside + ".debug", link)};
  for (const std::string& folder : folders) paths.push_back(InFolder(folder + beside, link));
  for (std::string& path : paths) {
    // A program may name itself; it is no debug file.
    if (path != program) places.push_back({std::move(path), true});
  }
  return places;
}

std::vector<std::string> AlternateFilePlaces(const AlternateLink& link, std::string_view debug_path,
                                             std::span<const std::string> folders) {
  std::vector<std::string> places = PathsById(link.build_id, folders);
  const std::string beside(FolderOf(CleanPath(debug_path)));
  const std::string path =
      link.path.empty() || link.path.find('\0') != link.path.npos ? "" : InFolder(beside, link.path);
  const auto is_below = [&path](const std::string& folder) { return path.starts_with(folder + "/"); };
  const bool is_beside = !beside.empty() && FolderOf(path) == beside;
  if (!path.empty() && (is_beside || std::ranges::any_of(folders, is_below))) places.push_back(path);
  return places;
}

std::vector<std::string> SplitFilePlaces(std::string_view folder, std::string_view name,
                                         std::string_view program_path) {
  if (!name.ends_with(".dwo") || name.find('\0') != name.npos || folder.find('\0') != folder.npos) return {};
  std::vector<std::string> places = {InFolder(folder, name)};
  const std::string program = CleanPath(program_path);
  const std::string beside = InFolder(FolderOf(program), name.substr(name.rfind('/') + 1));
  if (beside != places[0]) places.push_back(beside);
  std::erase(places, "");
  return places;
}

std::string SplitPackagePlace(std::string_view program_path) {
  std::string path = CleanPath(program_path);
  return path.empty() ? path : path + ".dwp";
}

absl::StatusOr<uint32_t> DebugLinkCrc(const ByteSource& source, uint64_t max_bytes) {
  if (source.SizeBytes() > max_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a debug file of ", source.SizeBytes(), " bytes is too large to check"));
  }
  std::vector<std::byte> chunk(std::min<uint64_t>(source.SizeBytes(), uint64_t{1} << 20));
  uLong crc = ::crc32(0, nullptr, 0);
  for (uint64_t done = 0; done < source.SizeBytes(); done += chunk.size()) {
    chunk.resize(std::min<uint64_t>(chunk.size(), source.SizeBytes() - done));
    if (!source.ReadAt(done, chunk)) return absl::InvalidArgumentError("a debug file cannot be read");
    crc = ::crc32(crc, reinterpret_cast<const Bytef*>(chunk.data()), static_cast<uInt>(chunk.size()));
  }
  return static_cast<uint32_t>(crc);
}

}  // namespace sonde::elf
