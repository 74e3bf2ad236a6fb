#include "agent/elf/debug_file_places.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "agent/elf/limits.h"

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

std::string InFolder(std::string_view folder, std::string_view name) {
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

void AddByBuildId(std::string_view id, std::span<const std::string> folders, std::vector<DebugFilePlace>* places) {
  if (!IsHexOfBuildId(id)) return;
  std::string name = std::string(id.substr(0, 2)).append("/").append(id.substr(2)).append(".debug");
  for (const std::string& folder : folders) {
    places->push_back({InFolder(folder + "/.build-id", name), std::string(id), std::nullopt});
  }
}

}  // namespace

std::optional<DebugLink> FindDebugLink(const ElfFile& file) {
  std::vector<std::byte> bytes = LinkBytes(file, ".gnu_debuglink");
  std::string_view name = LinkText(bytes);
  size_t crc_at = (name.size() + 1 + 3) / 4 * 4;
  bool is_name = !name.empty() && name.find('/') == name.npos && name != "." && name != "..";
  if (!is_name || bytes.size() < crc_at + sizeof(uint32_t)) return std::nullopt;
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

std::vector<DebugFilePlace> DebugFilePlaces(const ElfFile& program, std::string_view program_path,
                                            std::span<const std::string> folders) {
  std::vector<DebugFilePlace> places;
  AddByBuildId(program.BuildId(), folders, &places);
  std::optional<DebugLink> link = FindDebugLink(program);
  std::string beside(FolderOf(CleanPath(program_path)));
  if (!link || beside.empty()) return places;
  std::vector<std::string> paths = {InFolder(beside, link->name), InFolder(beside + ".debug", link->name)};
  for (const std::string& folder : folders) paths.push_back(InFolder(folder + beside, link->name));
  for (std::string& path : paths) {
    // A program may name itself; it is no debug file.
    if (path != CleanPath(program_path)) places.push_back({std::move(path), "", link->crc});
  }
  return places;
}

std::vector<DebugFilePlace> AlternateFilePlaces(const AlternateLink& link, std::string_view debug_path,
                                                std::span<const std::string> folders) {
  std::vector<DebugFilePlace> places;
  if (!IsHexOfBuildId(link.build_id)) return places;
  std::string path = InFolder(FolderOf(CleanPath(debug_path)), link.path);
  if (!path.empty()) places.push_back({std::move(path), link.build_id, std::nullopt});
  AddByBuildId(link.build_id, folders, &places);
  return places;
}

std::vector<std::string> SplitFilePlaces(std::string_view folder, std::string_view name, std::string_view program_path) {
  std::vector<std::string> places = {InFolder(folder, name)};
  std::string_view file = name.substr(name.rfind('/') + 1);
  places.push_back(InFolder(FolderOf(program_path), file));
  std::erase(places, "");
  return places;
}

std::string SplitPackagePlace(std::string_view program_path) {
  std::string path = CleanPath(program_path);
  return path.empty() ? path : path + ".dwp";
}

absl::StatusOr<uint32_t> DebugLinkCrc(const ByteSource& source, uint64_t max_bytes) {
  if (source.SizeBytes() > max_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat("a debug file of ", source.SizeBytes(), " bytes is too large to check"));
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

absl::Status CheckDebugFile(const DebugFilePlace& place, const ElfFile& candidate) {
  if (!place.build_id.empty()) {
    return candidate.BuildId() == place.build_id
               ? absl::OkStatus()
               : absl::NotFoundError(absl::StrCat("its build id is ", candidate.BuildId(), ", not ", place.build_id));
  }
  auto crc = DebugLinkCrc(candidate.Source(), kMaxFileBytes);
  if (!crc.ok()) return crc.status();
  return place.crc == *crc ? absl::OkStatus() : absl::NotFoundError("its CRC is not the one that the program names");
}

}  // namespace sonde::elf
