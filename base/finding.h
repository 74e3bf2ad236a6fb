#pragma once

#include <string>
#include <vector>

namespace sonde::base {

// What one check of a doctor found. Texts are whole sentences' worth without the final dot.
struct Finding {
  enum class State {
    kOk,
    kWarning,  // it works, though not all of it or not for long
    kFailed,
  };

  std::string check;  // "kernel", "target 127.0.0.1:7171"
  State state = State::kOk;
  std::string found;
  std::string advice{};  // what to do about it, where `found` does not say so; empty when nothing is
};
using Findings = std::vector<Finding>;

// "ok", "warning", "failed".
inline const char* StateWord(Finding::State state) {
  if (state == Finding::State::kOk) return "ok";
  return state == Finding::State::kWarning ? "warning" : "failed";
}

}  // namespace sonde::base
