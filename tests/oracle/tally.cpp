#include "tests/oracle/tally.h"

#include <algorithm>
#include <sstream>

namespace sonde::oracle {
namespace {

std::string TextOf(const Place& place) {
  std::ostringstream text;
  text << place.path.substr(place.path.rfind('/') + 1) << "+0x" << std::hex << place.offset;
  return text.str();
}

std::string TextOf(const std::vector<Place>& frames, size_t index) {
  return index < frames.size() ? TextOf(frames[index]) : "the end";
}

}  // namespace

void Tally::Add(const Instant& instant, const std::vector<Place>& walked, const Truth& truth) {
  // Where libdw found no mapping and the walk did, it was unmapped meanwhile.
  const auto unmapped = std::ranges::find(truth.frames, "?", &Place::path);
  if (instant.stop == abi::UNWIND_STOP_BOTTOM && unmapped != truth.frames.end()) {
    ++gone;
    return;
  }
  ++stacks;
  frames += walked.size();
  if (instant.stop != abi::UNWIND_STOP_BOTTOM) {
    std::string end = walked.empty() ? "the start" : TextOf(walked.back());
    ++misses[std::string(NameOfStop(instant.stop)) + " at " + end];
    return;
  }
  ++complete;
  const bool is_whole = truth.error.empty() && !truth.needs_more_stack;
  const auto [ours, theirs] = std::ranges::mismatch(walked, truth.frames);
  if (truth.is_guess) {
    ++guessed;
    guessed_identical += ours == walked.end() && theirs == truth.frames.end() ? 1 : 0;
    return;
  }
  if (!is_whole && theirs == truth.frames.end()) {
    ++libdw_gave_up;
    return;
  }
  ++compared;
  if (ours == walked.end() && theirs == truth.frames.end()) {
    ++identical;
    return;
  }
  const auto at = static_cast<size_t>(ours - walked.begin());
  ++misses["differs behind " + (at > 0 ? TextOf(walked[at - 1]) : "the start") + ": walked " + TextOf(walked, at) +
           ", libdw " + TextOf(truth.frames, at)];
}

}  // namespace sonde::oracle
