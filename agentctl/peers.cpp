#include "agentctl/peers.h"

#include <cstdio>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agentctl/client.h"
#include "agentctl/json.h"
#include "agentctl/losses.h"
#include "agentctl/progress.h"
#include "agentctl/report_error.h"
#include "agentctl/table.h"
#include "agentctl/terminal.h"
#include "agentctl/wait_lines.h"

namespace sonde::agentctl {
namespace {

std::string WithPort(const std::string& address, uint32_t port) {
  if (port == 0) return address;
  return address.find(':') != std::string::npos ? absl::StrCat("[", address, "]:", port) : absl::StrCat(address, ":", port);
}

std::string PeerText(const v1::Peer& peer) {
  const std::string address = Printable(peer.address(), kProcessColumns);
  if (peer.role() == "listener") return peer.local_port() != 0 ? absl::StrCat("listening on :", peer.local_port()) : "listening";
  if (peer.role() == "server") return absl::StrCat(address, " at our :", peer.local_port());
  if (peer.role() != "unix") return WithPort(address, peer.port());
  return peer.peer_pid() == 0 ? "unix socket" : absl::StrCat(address.empty() ? "process" : address, " (pid ", peer.peer_pid(), ")");
}

std::string CountOrNothing(uint64_t count) { return count == 0 ? "-" : HumanCount(count); }

std::string PeersText(const v1::PeersReply& reply, const PeersOptions& options) {
  constexpr auto kRight = Table::Align::kRight;
  Table table({{"TOTAL", kRight}, {"%", kRight}, {"WAITS", kRight}, {"P50", kRight}, {"P99", kRight}, {"LONGEST", kRight},
               {"RETRANS", kRight}, {"RESETS", kRight}, {"REASON"}, {"PROCESS"}, {"PEER"}, {"WHERE"}});
  const auto whole = static_cast<double>(reply.total_ns());
  for (const v1::Peer& peer : reply.peers()) {
    std::vector<std::string> cells = TotalCells(peer, whole);
    if (peer.reason().empty()) cells.assign(cells.size(), "-");
    cells.insert(cells.end(), {CountOrNothing(peer.retransmits()), CountOrNothing(peer.resets_received() + peer.resets_sent()),
                               peer.reason().empty() ? "-" : peer.reason(),
                               peer.process().empty() ? "-" : Printable(peer.process(), kProcessColumns), PeerText(peer),
                               options.whole_stacks ? "" : Excerpt(peer.stack())});
    table.AddRow(std::move(cells));
  }
  std::string text = absl::StrCat("Waits for peers of ", options.pid == 0 ? "all processes" : absl::StrCat("process ", options.pid),
                                  ": ", HumanDuration(static_cast<int64_t>(reply.total_ns())), " in ",
                                  HumanDuration(static_cast<int64_t>(reply.duration_ns())),
                                  options.idle ? "" : " (waiting for clients: --idle)", "\n");
  if (reply.peers().empty()) return absl::StrCat(text, "No thread waited for a peer.\n", LossNotice(reply.losses()));
  if (!options.whole_stacks) {
    return absl::StrCat(text, table.Text(0, static_cast<size_t>(StdoutSize().columns)), LossNotice(reply.losses()));
  }
  const auto below = [&](int i) { return FrameLines(reply.peers(i).stack(), "      "); };
  return absl::StrCat(text, WithParagraphs(table, reply.peers_size(), below), LossNotice(reply.losses()));
}

}  // namespace

int RunPeers(const std::string& socket, const PeersOptions& options) {
  absl::StatusOr<Client> client = Client::Connect(socket);
  if (!client.ok()) return ReportError(client.status());
  v1::PeersRequest request;
  request.set_duration_ns(static_cast<uint64_t>(absl::ToInt64Nanoseconds(options.duration)));
  request.set_pid(options.pid);
  request.set_limit(options.limit);
  request.set_idle(options.idle);
  Progress progress("measuring", options.duration);
  absl::StatusOr<v1::PeersReply> reply = client->Peers(request, [&](absl::Duration elapsed) {
    progress.Show(elapsed);
    return true;
  });
  if (!reply.ok()) return ReportError(reply.status());
  std::fputs((options.json ? ToJson(*reply) : PeersText(*reply, options)).c_str(), stdout);
  return kOk;
}

}  // namespace sonde::agentctl
