#include "agent/symbolize/debug_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/local_file.h"

namespace sonde::symbolize {
namespace {

constexpr char kFolder[] = "/usr/lib/debug";
constexpr size_t kFewestDigits = 8;

struct Place {
  std::string path;
  bool is_on_host = false;
  bool is_by_link = false;
};

bool IsUsableBuildId(std::string_view text) {
  return text.size() >= kFewestDigits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string PathById(const std::string& build_id) {
  return absl::StrCat(kFolder, "/.build-id/", build_id.substr(0, 2), "/", build_id.substr(2), ".debug");
}

// Where a debug file at `debug_path` means by `path`; none outside of the folder of debug files.
std::optional<std::string> SupplementPath(const std::string& debug_path, const std::string& path) {
  if (path.empty() || path.find('\0') != std::string::npos) return std::nullopt;
  const auto joined = (std::filesystem::path(debug_path).parent_path() / path).lexically_normal().string();
  return joined.starts_with(absl::StrCat(kFolder, "/")) ? std::optional(joined) : std::nullopt;
}

bool IsFileName(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

std::vector<Place> PlacesOf(const model::ExecutableFile& program, const names::FileReply& reply) {
  std::vector<Place> places;
  std::string by_id;
  if (IsUsableBuildId(reply.build_id)) {
    by_id = PathById(reply.build_id);
    places.push_back({by_id});
  }
  if (IsFileName(reply.debug_link) && program.path.starts_with('/')) {
    const std::string folder = program.path.substr(0, program.path.rfind('/'));
    for (const std::string& path :
         {absl::StrCat(folder, "/", reply.debug_link), absl::StrCat(folder, "/.debug/", reply.debug_link),
          absl::StrCat(kFolder, folder, "/", reply.debug_link)}) {
      if (path != program.path) places.push_back({path, false, true});
    }
  }
  if (program.root != nullptr && !by_id.empty()) places.push_back({by_id, true, false});
  return places;
}

// The agent may read what the owner of a program may not: nothing of that is to get into names.
bool MayBeShown(const struct stat& file, const model::ExecutableFile& program) {
  struct stat own {};
  if ((file.st_mode & S_IROTH) != 0) return true;
  return program.fd.IsValid() && ::fstat(program.fd.Get(), &own) == 0 && own.st_uid == file.st_uid && own.st_uid != 0;
}

bool IsElf(int fd) {
  std::array<char, 4> magic{};
  return ::pread(fd, magic.data(), magic.size(), 0) == 4 && std::string_view(magic.data(), 4) == "\177ELF";
}

}  // namespace

bool DebugFiles::At(size_t index, const model::ExecutableFile& program, const names::FileReply& reply,
                    DebugFile* found) const {
  const std::vector<Place> places = PlacesOf(program, reply);
  if (index >= places.size()) return false;
  const Place& place = places[index];
  *found = {place.path, base::UniqueFd(), 0, place.is_by_link, ""};
  Open(place.path, place.is_on_host, program, found);
  return true;
}

bool DebugFiles::SupplementAt(size_t index, const model::ExecutableFile& program, const std::string& debug_path,
                              const names::FileReply& reply, DebugFile* found) const {
  std::vector<std::string> paths;
  if (IsUsableBuildId(reply.supplement_build_id)) paths.push_back(PathById(reply.supplement_build_id));
  const std::string& from = debug_path.empty() ? program.path : debug_path;
  if (auto path = SupplementPath(from, reply.supplement_path)) paths.push_back(*std::move(path));
  const size_t roots = program.root != nullptr ? 2 : 1;
  if (index >= paths.size() * roots) return false;
  const std::string& path = paths[index % paths.size()];
  *found = {path, base::UniqueFd(), 0, false, ""};
  Open(path, index >= paths.size(), program, found);
  return true;
}

void DebugFiles::Open(const std::string& path, bool is_on_host, const model::ExecutableFile& program,
                      DebugFile* found) const {
  base::UniqueFd own_root;
  int root = -1;
  if (program.root != nullptr && !is_on_host) {
    root = program.root->Get();
  } else {
    own_root.Reset(::open(root_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    root = own_root.Get();
  }
  absl::StatusOr<base::UniqueFd> fd = base::OpenRegularFileBelow(root, path, /*follow_links=*/true);
  found->why = std::string(fd.status().message());
  if (!fd.ok()) return;
  struct stat info {};
  if (::fstat(fd->Get(), &info) != 0 || !MayBeShown(info, program)) {
    found->why = "it is not readable for everybody, nor is it of the program's owner";
  } else if (!IsElf(fd->Get())) {
    found->why = "it is no ELF file";
  } else {
    found->fd = *std::move(fd);
    found->size_bytes = static_cast<uint64_t>(info.st_size);
  }
}

}  // namespace sonde::symbolize
