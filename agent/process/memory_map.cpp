#include "agent/process/memory_map.h"

#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace sonde::process {
namespace {

// A name is a path of 4 KiB at most, each byte of which may be escaped by four. A longer line is cut.
constexpr size_t kMaxLineBytes = 32'768;
constexpr size_t kPieceBytes = 4'096;  // the kernel gives no more at once

bool TakeNumber(std::string_view* text, int base, char end, uint64_t* value) {
  auto [stop, error] = std::from_chars(text->data(), text->data() + text->size(), *value, base);
  if (error != std::errc() || stop == text->data() + text->size() || *stop != end) return false;
  text->remove_prefix(static_cast<size_t>(stop - text->data()) + 1);
  return true;
}

// "r-xp " or false.
bool TakePermissions(std::string_view* text, bool* is_executable) {
  if (text->size() < 5 || (*text)[4] != ' ') return false;
  *is_executable = (*text)[2] == 'x';
  text->remove_prefix(5);
  return true;
}

std::string_view NameOf(std::string_view rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  constexpr std::string_view kDeleted = " (deleted)";
  if (rest.ends_with(kDeleted)) rest.remove_suffix(kDeleted.size());
  return rest;
}

void TakeLine(std::string_view text, MemoryMap* map) {
  std::optional<MapLine> line = ParseMapLine(text);
  bool overlaps = line && line->is_executable && !map->executable.empty() && line->start < map->executable.back().limit;
  if (!line || overlaps)
    ++map->bad_lines;
  else if (line->is_executable)
    map->executable.push_back(*std::move(line));
}

// Turns pieces of text into lines.
class LineFeed {
 public:
  LineFeed(MemoryMap* map, size_t max_lines) : map_(map), lines_left_(max_lines) {}

  // False once enough lines were seen.
  bool Feed(std::string_view piece) {
    carry_.append(piece);
    size_t begin = 0;
    for (size_t end; (end = carry_.find('\n', begin)) != std::string::npos; begin = end + 1) {
      if (lines_left_ == 0) return map_->is_cut = true, false;
      --lines_left_;
      TakeLine(std::string_view(carry_).substr(begin, end - begin), map_);
    }
    carry_.erase(0, begin);
    if (carry_.size() > kMaxLineBytes) carry_.resize(kMaxLineBytes);
    return true;
  }

  // The last line, should no newline end it.
  void Finish() {
    if (!carry_.empty()) Feed("\n");
  }

 private:
  MemoryMap* map_;
  size_t lines_left_;
  std::string carry_;
};

}  // namespace

std::optional<MapLine> ParseMapLine(std::string_view line) {
  MapLine map;
  uint64_t major = 0, minor = 0;
  std::string_view rest = line;
  if (!TakeNumber(&rest, 16, '-', &map.start) || !TakeNumber(&rest, 16, ' ', &map.limit) || map.start >= map.limit ||
      !TakePermissions(&rest, &map.is_executable) || !TakeNumber(&rest, 16, ' ', &map.file_offset) ||
      !TakeNumber(&rest, 16, ':', &major) || !TakeNumber(&rest, 16, ' ', &minor)) {
    return std::nullopt;
  }
  // The inode ends the line when nothing has a name.
  auto [stop, error] = std::from_chars(rest.data(), rest.data() + rest.size(), map.inode, 10);
  if (error != std::errc() || (stop != rest.data() + rest.size() && *stop != ' ')) return std::nullopt;
  rest.remove_prefix(static_cast<size_t>(stop - rest.data()));
  map.device = makedev(static_cast<unsigned>(major), static_cast<unsigned>(minor));
  map.name = NameOf(rest);
  return map;
}

absl::StatusOr<MemoryMap> ReadMemoryMap(int fd, size_t max_lines) {
  MemoryMap map;
  LineFeed lines(&map, max_lines);
  std::array<char, kPieceBytes> piece;
  while (true) {
    ssize_t got = ::read(fd, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::ErrnoToStatus(errno, "cannot read a memory map");
    if (got == 0) break;
    if (!lines.Feed({piece.data(), static_cast<size_t>(got)})) return map;
  }
  lines.Finish();
  return map;
}

}  // namespace sonde::process
