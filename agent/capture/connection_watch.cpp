#include "agent/capture/connection_watch.h"

#include <optional>
#include <utility>

#include "agent/capture/counterpart_parser.h"
#include "agent/capture/record_parser.h"

namespace sonde::capture {
namespace {

std::optional<model::RawConnects> WithKey(const abi::connect_key& key) {
  const std::optional<model::Counterpart> peer = ToCounterpart(key.peer);
  if (!peer) return std::nullopt;
  return model::RawConnects{.tgid = key.tgid, .stack = {key.stack.low, key.stack.high}, .peer = *peer, .sums = {}};
}

model::ConnectSums ToSums(const abi::connect_sum& sum) {
  return {.count = sum.established.count,
          .ns = sum.established.ns,
          .lengths = ToLengths(sum.established.lengths, sum.established.longest_ns),
          .refused = sum.failed[abi::CONNECT_REFUSED],
          .timed_out = sum.failed[abi::CONNECT_TIMED_OUT],
          .unreachable = sum.failed[abi::CONNECT_UNREACHABLE],
          .given_up = sum.failed[abi::CONNECT_GIVEN_UP]};
}

}  // namespace

ConnectionWatch::ConnectionWatch(const kernel::Features& features, const kernel::UnwindMaps& unwind_maps,
                                 kernel::RingReader::Consumer on_record, telemetry::LossLedger* losses)
    : losses_(losses), programs_(kernel::NetPrograms::Load(features, unwind_maps, std::move(on_record))) {}

absl::Status ConnectionWatch::Watch(bool watched) {
  if (!programs_.ok()) return watched ? programs_.status() : absl::OkStatus();
  return (*programs_)->Watch(watched);
}

void ConnectionWatch::Beat(uint64_t now_ns) {
  if (programs_.ok()) (*programs_)->Beat(now_ns);
}

absl::Status ConnectionWatch::OnMissed() { return programs_.ok() ? (*programs_)->ForgetUnderWay() : absl::OkStatus(); }

absl::Status ConnectionWatch::ConsumeRing() { return IsWatching() ? (*programs_)->Ring().Consume() : absl::OkStatus(); }

double ConnectionWatch::Fill() const { return programs_.ok() ? (*programs_)->Fill() : 0; }

void ConnectionWatch::BeginSlice(uint32_t number) {
  if (programs_.ok()) (*programs_)->BeginSlice(number);
}

absl::Status ConnectionWatch::Collect(uint32_t number, absl::FunctionRef<bool(model::StackId)> has_stack,
                                      model::Slice& slice) {
  if (!IsWatching()) return absl::OkStatus();
  kernel::NetPrograms& programs = **programs_;
  losses_->Add("map_full", "events of TCP connections", "retransmits and resets of some peers are not told",
               programs.TakeRefused());
  absl::Status status = programs.DrainEvents([&](const abi::counterpart& key, const abi::peer_events& events) {
    if (std::optional<model::Counterpart> peer = ToCounterpart(key)) {
      slice.peer_events.push_back({*peer, events.retransmits, events.resets_received, events.resets_sent});
    }
  });
  if (!status.ok()) return status;
  auto add = [&](const abi::connect_key& key, const model::ConnectSums& sums) {
    std::optional<model::RawConnects> connects = WithKey(key);
    if (!connects) return;
    connects->sums = sums;
    if (!has_stack(connects->stack)) connects->stack = model::kStackLost;
    slice.connects.push_back(*connects);
  };
  status = programs.DrainConnects(
      number, [&](const abi::connect_key& key, const abi::connect_sum& sum) { add(key, ToSums(sum)); });
  if (!status.ok()) return status;
  return programs.VisitUnderWay([&](const abi::connect_under_way& known) {
    if (known.began_ns >= slice.end_ns) return;
    model::ConnectSums sums;
    sums.under_way = 1;
    sums.lengths.longest_ns = slice.end_ns - known.began_ns;
    add(known.key, sums);
  });
}

absl::Status ConnectionWatch::AddCounters(std::vector<uint64_t>& sums) const {
  return programs_.ok() ? (*programs_)->AddCounters(sums) : absl::OkStatus();
}

}  // namespace sonde::capture
