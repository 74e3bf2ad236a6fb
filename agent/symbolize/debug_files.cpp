#include "agent/symbolize/debug_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "agent/elf/debug_file_places.h"
#include "base/local_file.h"

namespace sonde::symbolize {
namespace {

using Place = DebugFiles::Place;

const std::vector<std::string>& Folders() {
  static const auto* const kFolders = new std::vector<std::string>{"/usr/lib/debug"};
  return *kFolders;
}

std::vector<Place> InOwnRoot(std::vector<std::string> paths) {
  std::vector<Place> places;
  for (std::string& path : paths) places.push_back({std::move(path)});
  return places;
}

// On this host only what is known by its build id: a container's names mean nothing here.
void AddHost(const model::ExecutableFile& program, std::vector<Place>* places) {
  if (program.root == nullptr) return;
  for (size_t i = 0, count = places->size(); i < count; ++i) {
    if (!(*places)[i].is_by_link) places->push_back({(*places)[i].path, true});
  }
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

std::vector<Place> DebugFiles::PlacesOf(const model::ExecutableFile& program, const names::FileReply& facts) {
  std::vector<Place> places;
  for (elf::DebugFilePlace& place : elf::DebugFilePlaces(facts.build_id, facts.debug_link, program.path, Folders())) {
    places.push_back({std::move(place.path), false, place.is_by_link});
  }
  AddHost(program, &places);
  return places;
}

std::vector<Place> DebugFiles::SupplementPlaces(const model::ExecutableFile& program, std::string_view debug_path,
                                                const names::FileReply& facts) {
  const std::string_view from = debug_path.empty() ? std::string_view(program.path) : debug_path;
  std::vector<Place> places =
      InOwnRoot(elf::AlternateFilePlaces({facts.supplement_path, facts.supplement_build_id}, from, Folders()));
  AddHost(program, &places);
  return places;
}

std::vector<Place> DebugFiles::SplitPlaces(const model::ExecutableFile& program, const names::MissingFile& missing) {
  return InOwnRoot(elf::SplitFilePlaces(missing.folder, missing.name, program.path));
}

std::vector<Place> DebugFiles::PackagePlaces(const model::ExecutableFile& program, std::string_view debug_path) {
  std::vector<std::string> paths;
  for (const std::string_view of : {std::string_view(program.path), debug_path}) {
    if (std::string path = elf::SplitPackagePlace(of); !path.empty()) paths.push_back(std::move(path));
  }
  return InOwnRoot(std::move(paths));
}

DebugFile DebugFiles::Open(const Place& place, const model::ExecutableFile& program) const {
  DebugFile found{.path = place.path, .fd = {}, .size_bytes = 0, .is_by_link = place.is_by_link, .why = ""};
  base::UniqueFd own_root;
  int root = -1;
  if (program.root != nullptr && !place.is_on_host) {
    root = program.root->Get();
  } else {
    own_root.Reset(::open(root_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    root = own_root.Get();
  }
  absl::StatusOr<base::UniqueFd> fd = base::OpenRegularFileBelow(root, place.path, /*follow_links=*/true);
  found.why = std::string(fd.status().message());
  if (!fd.ok()) return found;
  struct stat info {};
  if (::fstat(fd->Get(), &info) != 0 || !MayBeShown(info, program)) {
    found.why = "it is not readable for everybody, nor is it of the program's owner";
  } else if (!IsElf(fd->Get())) {
    found.why = "it is no ELF file";
  } else {
    found.fd = *std::move(fd);
    found.size_bytes = static_cast<uint64_t>(info.st_size);
  }
  return found;
}

}  // namespace sonde::symbolize
