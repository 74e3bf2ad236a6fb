#include "agent/app/peer_report.h"

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "agent/app/peer_words.h"
#include "agent/app/wait_words.h"
#include "profile/reason.h"

namespace sonde::app {
namespace {

using model::Counterpart;

struct PeerLine {
  const aggregate::Window::Waits* group = nullptr;
  size_t heaviest = 0;  // sample
  uint64_t heaviest_ns = 0;
  Counterpart peer;
  aggregate::RowSum totals;
};

bool IsPeer(const Counterpart& with) {
  return with.kind == Counterpart::Kind::kInternet || with.kind == Counterpart::Kind::kUnix;
}

const char* RoleText(const Counterpart& peer) {
  if (peer.listens) return "listener";
  if (peer.kind == Counterpart::Kind::kUnix) return "unix";
  if (peer.datagram) return "datagram";
  return peer.serves ? "server" : "client";
}

// As peer events name it: without what only a wait knows.
Counterpart Endpoint(Counterpart peer) {
  peer.owner = 0;
  return peer;
}

using Events = absl::flat_hash_map<Counterpart, model::PeerEvents>;
using Names = absl::flat_hash_map<uint32_t, std::string>;

void DescribePeer(const Counterpart& peer, const Names& processes, control::v1::Peer* out) {
  out->set_role(RoleText(peer));
  out->set_port(peer.peer_port);
  out->set_local_port(peer.local_port);
  if (peer.kind == Counterpart::Kind::kInternet) {
    if (!peer.listens) out->set_address(AddressText(peer));
    return;
  }
  out->set_peer_pid(peer.owner);
  auto name = processes.find(peer.owner);
  if (name != processes.end()) out->set_address(name->second);
}

void SetEvents(const model::PeerEvents& events, control::v1::Peer* out) {
  out->set_retransmits(events.retransmits);
  out->set_resets_received(events.resets_received);
  out->set_resets_sent(events.resets_sent);
}

void Describe(const PeerLine& line, const Names& processes, const Events& events, symbolize::StackNames* names,
              control::v1::Peer* out) {
  const model::ProfileBatch& batch = line.group->batch;
  SetPlace(batch, batch.samples[line.heaviest], names, out);
  DescribePeer(line.peer, processes, out);
  SetTotals(line.totals, out);
  if (auto found = events.find(Endpoint(line.peer)); found != events.end()) SetEvents(found->second, out);
}

// One line for each process name, reason and peer of a group.
void AddLines(const aggregate::Window::Waits& group, bool idle, std::vector<PeerLine>* lines) {
  std::map<std::tuple<uint32_t, profile::Reason>, absl::flat_hash_map<Counterpart, PeerLine>> found;
  for (size_t i = 0; i < group.batch.samples.size(); ++i) {
    const model::UnwoundSample& sample = group.batch.samples[i];
    if (IsIdle(sample) && !idle) continue;
    for (const aggregate::Window::Counterpart& one : group.counterparts[i]) {
      if (!IsPeer(one.with)) continue;
      PeerLine& line = found[{sample.process, sample.reason}]
                           .try_emplace(one.with, PeerLine{.group = &group, .peer = one.with, .totals = {}})
                           .first->second;
      line.totals.Add(one.sum);
      if (one.sum.ns >= line.heaviest_ns) {
        line.heaviest = i;
        line.heaviest_ns = one.sum.ns;
      }
    }
  }
  for (auto& [key, peers] : found) {
    for (auto& [peer, line] : peers) lines->push_back(std::move(line));
  }
}

// Connections that nobody waited for, the most troubled first.
void AddSilent(std::vector<model::PeerEvents> all, const absl::flat_hash_set<Counterpart>& told,
               control::v1::PeersReply* reply) {
  std::erase_if(all, [&](const model::PeerEvents& one) { return told.contains(one.peer); });
  std::ranges::sort(all, std::greater<>(), [](const model::PeerEvents& one) {
    return one.retransmits + one.resets_received + one.resets_sent;
  });
  if (all.size() > kLinesUnlessAsked) all.resize(kLinesUnlessAsked);
  for (const model::PeerEvents& one : all) {
    control::v1::Peer* out = reply->add_peers();
    DescribePeer(one.peer, {}, out);
    SetEvents(one, out);
  }
}

}  // namespace

void ReportPeers(const aggregate::Window& window, const control::v1::PeersRequest& request,
                 symbolize::Symbolizer* symbolizer, control::v1::PeersReply* reply) {
  const std::optional<uint32_t> only = OnlyProcess(request.pid());
  const std::vector<aggregate::Window::Waits> groups = window.AllWaits(only, aggregate::Window::LeftOut::kAtMarker);
  std::vector<PeerLine> lines;
  for (const aggregate::Window::Waits& group : groups) AddLines(group, request.idle(), &lines);
  uint64_t total_ns = 0;
  for (const PeerLine& line : lines) total_ns += line.totals.ns;
  reply->set_total_ns(total_ns);
  Events events;
  for (const model::PeerEvents& one : window.PeerEvents()) events[one.peer] = one;
  absl::flat_hash_set<Counterpart> told;
  for (const PeerLine& line : lines) told.insert(Endpoint(line.peer));
  KeepHeaviest(request.limit(), &lines);
  const Names processes = ProcessNames(window);
  symbolize::StackNames stack_names(symbolizer);
  for (const PeerLine& line : lines) Describe(line, processes, events, &stack_names, reply->add_peers());
  if (!only) AddSilent(window.PeerEvents(), told, reply);
}

}  // namespace sonde::app
