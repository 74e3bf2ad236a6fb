// Any bytes as a perf map or, where they begin so, as a jitdump. Read while it grows it comes to the same as when it is
// read as a whole.

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <vector>

#include "agent/names/jit_dump.h"
#include "agent/names/perf_map.h"

namespace sonde::fuzz {
namespace {

using names::NameSource;
using names::Place;

void Require(bool holds) {
  if (!holds) std::abort();
}

std::unique_ptr<NameSource> Read(int file, uint64_t size) {
  if (names::JitDump::IsOne(file)) {
    auto dump = names::JitDump::Read(base::UniqueFd(::dup(file)), size);
    return dump.ok() ? *std::move(dump) : std::unique_ptr<NameSource>();
  }
  auto map = names::PerfMap::Read(base::UniqueFd(::dup(file)), size);
  return map.ok() ? *std::move(map) : std::unique_ptr<NameSource>();
}

std::vector<uint64_t> Addresses() {
  std::vector<uint64_t> addresses = {0, 1, 0xff, ~uint64_t{0}, uint64_t{1} << 63};
  for (uint64_t at = 0xff8; at < 0x3100; at += 97) addresses.push_back(at);
  for (uint64_t at = 0x7f0000; at < 0x7f0060; at += 7) addresses.push_back(at);
  return addresses;
}

void Check(int file, uint64_t size) {
  static const std::vector<uint64_t> kAddresses = Addresses();
  const auto whole = Read(file, size);
  if (whole == nullptr) return;
  const std::vector<Place> places = whole->At(kAddresses, false);
  Require(places.size() == kAddresses.size());
  for (const Place& place : places) {
    Require(place.empty() || (place[0].name.size() <= 4'096 && !place[0].name.empty()));
    Require(place.empty() || place[0].file.size() < 4'096);
  }
  Require(whole->MemoryBytes() <= 65'536 + size * 80);
  const auto growing = Read(file, size / 2);
  if (growing == nullptr || !growing->ReadOn(size)) return;
  Require(growing->At(kAddresses, false) == places);
}

}  // namespace
}  // namespace sonde::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace sonde;
  const base::UniqueFd file(::memfd_create("made_code", MFD_CLOEXEC));
  fuzz::Require(::write(file.Get(), bytes, size) == static_cast<ssize_t>(size));
  fuzz::Check(file.Get(), size);
  return 0;
}
