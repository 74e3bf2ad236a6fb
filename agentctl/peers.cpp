#include "agentctl/peers.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agentctl/losses.h"
#include "agentctl/measuring.h"
#include "agentctl/table.h"
#include "agentctl/terminal.h"
#include "agentctl/wait_lines.h"

namespace sonde::agentctl {
namespace {

std::string WithPort(const std::string& address, uint32_t port) {
  if (port == 0) return address;
  return address.find(':') != std::string::npos ? absl::StrCat("[", address, "]:", port)
                                                : absl::StrCat(address, ":", port);
}

std::string PeerText(const v1::Peer& peer) {
  const std::string address = Printable(peer.address(), kProcessColumns);
  if (peer.role() == "listener")
    return peer.local_port() != 0 ? absl::StrCat("listening on :", peer.local_port()) : "listening";
  if (peer.role() == "server") return absl::StrCat(address, " at our :", peer.local_port());
  if (peer.role() != "unix") return WithPort(address, peer.port());
  return peer.peer_pid() == 0 ? "unix socket"
                              : absl::StrCat(address.empty() ? "process" : address, " (pid ", peer.peer_pid(), ")");
}

std::string CountOrNothing(uint64_t count) { return count == 0 ? "-" : HumanCount(count); }

std::string ConnectsText(const v1::PeersReply& reply, bool whole_stacks) {
  if (reply.connects().empty()) return "";
  constexpr auto kRight = Table::Align::kRight;
  Table table({{"CONNECTS", kRight},
               {"P50", kRight},
               {"P99", kRight},
               {"LONGEST", kRight},
               {"REFUSED", kRight},
               {"TIMED OUT", kRight},
               {"UNREACHABLE", kRight},
               {"GIVEN UP", kRight},
               {"UNDER WAY", kRight},
               {"PROCESS"},
               {"PEER"},
               {"WHERE"}});
  for (const v1::Connects& one : reply.connects()) {
    table.AddRow(
        {HumanCount(one.count()), QuantileCell(one.p50_ns(), one.count()), QuantileCell(one.p99_ns(), one.count()),
         QuantileCell(one.longest_ns(), one.count() + one.under_way()), CountOrNothing(one.refused()),
         CountOrNothing(one.timed_out()), CountOrNothing(one.unreachable()), CountOrNothing(one.given_up()),
         CountOrNothing(one.under_way()), Printable(one.process(), kProcessColumns),
         WithPort(Printable(one.address(), kProcessColumns), one.port()), whole_stacks ? "" : Excerpt(one.stack())});
  }
  const auto below = [&](int i) { return FrameLines(reply.connects(i).stack(), "      "); };
  return absl::StrCat("\nConnections asked for, waited for or not:\n",
                      RowsText(table, whole_stacks, reply.connects_size(), below));
}

std::string PeersText(const v1::PeersReply& reply, const WaitingOptions& options) {
  Table table = TotalsTable({{"RETRANS", Table::Align::kRight},
                             {"RESETS", Table::Align::kRight},
                             {"REASON"},
                             {"PROCESS"},
                             {"PEER"},
                             {"WHERE"}});
  const auto whole = static_cast<double>(reply.total_ns());
  for (const v1::Peer& peer : reply.peers()) {
    std::vector<std::string> cells = TotalCells(peer, whole);
    if (peer.reason().empty()) cells.assign(cells.size(), "-");
    cells.insert(cells.end(),
                 {CountOrNothing(peer.retransmits()), CountOrNothing(peer.resets_received() + peer.resets_sent()),
                  peer.reason().empty() ? "-" : peer.reason(),
                  peer.process().empty() ? "-" : Printable(peer.process(), kProcessColumns), PeerText(peer),
                  options.whole_stacks ? "" : Excerpt(peer.stack())});
    table.AddRow(std::move(cells));
  }
  const auto below = [&](int i) { return FrameLines(reply.peers(i).stack(), "      "); };
  return absl::StrCat("Waits for peers of ", Whose(options.pid), ": ", HumanDuration(reply.total_ns()), " in ",
                      HumanDuration(reply.duration_ns()), options.idle ? "" : " (waiting for clients: --idle)", "\n",
                      reply.peers().empty() ? "No thread waited for a peer.\n"
                                            : RowsText(table, options.whole_stacks, reply.peers_size(), below),
                      ConnectsText(reply, options.whole_stacks), LossNotice(reply.losses()));
}

}  // namespace

int RunPeers(const std::string& socket, const WaitingOptions& options) {
  auto request = RequestFor<v1::PeersRequest>(options);
  request.set_idle(options.idle);
  return PrintMeasured(socket, options, &Client::Peers, request, PeersText);
}

}  // namespace sonde::agentctl
