#pragma once

#include <cstdint>
#include <map>

namespace sonde::exporting {

// A set of numbers, kept as ranges without gap: small as long as what is in it hangs together. Not thread-safe.
class NumberSet {
 public:
  // Adds all from `begin` up to and without `end`.
  void Insert(uint64_t begin, uint64_t end);
  bool Contains(uint64_t number) const;

  // The least number from `from` on that is not in it.
  uint64_t FirstMissing(uint64_t from) const;
  // The greatest number below `end` that is not in it; `end` itself when there is none.
  uint64_t LastMissing(uint64_t end) const;
  // How many of [begin, end) are not in it.
  uint64_t CountMissing(uint64_t begin, uint64_t end) const;

  // What of it is at least `from`, moved up by `by`.
  NumberSet MovedUp(uint64_t from, uint64_t by) const;
  void Unite(const NumberSet& other);

  // Begin → end (without) of each range, ascending, no two of which touch.
  const std::map<uint64_t, uint64_t>& Ranges() const { return ranges_; }

 private:
  std::map<uint64_t, uint64_t> ranges_;
};

}  // namespace sonde::exporting
