#include "agent/app/wait_words.h"

#include "profile/labels.h"

namespace sonde::app {
namespace {

constexpr size_t kWakersTold = 3;
constexpr size_t kChainsTold = 16;

// Above the kernel's wake-up is the machinery that looked at it.
std::vector<profile::Frame> FromWakeUpOn(std::vector<profile::Frame> frames) {
  auto wake_up = std::ranges::find(frames, "try_to_wake_up", &profile::Frame::name);
  if (wake_up != frames.end()) frames.erase(frames.begin(), wake_up);
  return frames;
}

}  // namespace

absl::flat_hash_map<uint32_t, std::string> ProcessNames(const aggregate::Window& window) {
  absl::flat_hash_map<uint32_t, std::string> names;
  for (const model::ProcessAccount& process : window.Accounts().Processes()) names[process.tgid] = process.process;
  return names;
}

bool IsIdle(const model::UnwoundSample& sample) {
  return profile::GroupOf(sample.reason) == profile::ReasonGroup::kIdle;
}

std::string ServiceOf(const model::ProfileBatch& batch) {
  return std::string(profile::LabelOf(batch.labels, profile::kServiceName));
}

void AddFrames(const std::vector<profile::Frame>& frames, WaitFrames* out) {
  for (const profile::Frame& frame : frames) {
    control::v1::WaitFrame* entry = out->Add();
    entry->set_function(frame.name);
    entry->set_file(frame.file);
  }
}

void AddWakers(const model::ProfileBatch& batch, const std::vector<aggregate::Window::Waker>& wakers,
               symbolize::StackNames* names, google::protobuf::RepeatedPtrField<control::v1::Waker>* out) {
  for (size_t i = 0; i < std::min(wakers.size(), kWakersTold); ++i) {
    control::v1::Waker* waker = out->Add();
    waker->set_process(batch.processes[wakers[i].process]);
    waker->set_count(wakers[i].count);
    waker->set_ns(wakers[i].ns);
    waker->set_held_count(wakers[i].holds.count);
    waker->set_held_ns(wakers[i].holds.ns);
    waker->set_longest_held_ns(wakers[i].holds.longest_ns);
    AddFrames(FromWakeUpOn(names->Of(batch, {.stack = wakers[i].stack})), waker->mutable_stack());
  }
}

void AddChains(const model::ProfileBatch& batch, const std::vector<aggregate::WakeChain>& chains,
               symbolize::StackNames* names, google::protobuf::RepeatedPtrField<control::v1::WakeChain>* out) {
  for (size_t i = 0; i < std::min(chains.size(), kChainsTold); ++i) {
    control::v1::WakeChain* chain = out->Add();
    chain->set_count(chains[i].count);
    chain->set_ns(chains[i].ns);
    for (const aggregate::WakeChain::Hop& one : chains[i].hops) {
      control::v1::WakeHop* hop = chain->add_hops();
      hop->set_is_interrupt(one.is_interrupt);
      if (!one.is_interrupt) {
        hop->set_process(batch.processes[one.process]);
        hop->set_thread(one.thread);
      }
      hop->set_ns(one.ns);
      AddFrames(FromWakeUpOn(names->Of(batch, {.stack = one.stack})), hop->mutable_stack());
    }
  }
}

}  // namespace sonde::app
