#include "agent/symbolize/debug_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
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

bool IsBuildId(std::string_view text) {
  return text.size() >= kFewestDigits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool IsFileName(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos &&
         name.find('\0') == std::string_view::npos;
}

std::vector<Place> PlacesOf(const model::ExecutableFile& program, const names::FileReply& reply) {
  std::vector<Place> places;
  std::string by_id;
  if (IsBuildId(reply.build_id)) {
    by_id = absl::StrCat(kFolder, "/.build-id/", reply.build_id.substr(0, 2), "/", reply.build_id.substr(2), ".debug");
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
  *found = {place.path, base::UniqueFd(), 0, place.is_by_link};
  base::UniqueFd own_root;
  int root = -1;
  if (program.root != nullptr && !place.is_on_host) {
    root = program.root->Get();
  } else {
    own_root.Reset(::open(root_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    root = own_root.Get();
  }
  base::UniqueFd fd = base::OpenRegularFileBelow(root, place.path, /*follow_links=*/true);
  struct stat info {};
  if (!fd.IsValid() || ::fstat(fd.Get(), &info) != 0 || !MayBeShown(info, program) || !IsElf(fd.Get())) return true;
  found->fd = std::move(fd);
  found->size_bytes = static_cast<uint64_t>(info.st_size);
  return true;
}

}  // namespace sonde::symbolize
