#include "agent/app/connect_report.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "agent/app/peer_words.h"
#include "agent/app/wait_words.h"

namespace sonde::app {
namespace {

using aggregate::ConnectBook;

uint64_t Failed(const model::ConnectSums& sums) {
  return sums.refused + sums.timed_out + sums.unreachable + sums.given_up;
}

// What went wrong or may do so weighs more than what took long.
std::pair<uint64_t, uint64_t> WeightOfConnects(const ConnectBook::Row& row) {
  return {Failed(row.sums) + row.sums.under_way, row.sums.ns + row.sums.lengths.longest_ns};
}

// Above the system call is the machinery that looked at it.
std::vector<profile::Frame> FromConnectOn(std::vector<profile::Frame> frames) {
  auto traced = std::ranges::find_if(frames, [](const profile::Frame& frame) {
    return frame.name == "tcp_set_state" || frame.name == "tcp_v4_connect" || frame.name == "tcp_v6_connect";
  });
  if (traced != frames.end()) frames.erase(frames.begin(), traced);
  return frames;
}

}  // namespace

void ReportConnects(const aggregate::Window& window, const control::v1::PeersRequest& request,
                    symbolize::Symbolizer* symbolizer, control::v1::PeersReply* reply) {
  ConnectBook::Rows all = window.Connects().AllRows(OnlyProcess(request.pid()));
  KeepHeaviest(request.limit(), &all.rows, WeightOfConnects);
  symbolize::StackNames names(symbolizer);
  for (const ConnectBook::Row& row : all.rows) {
    control::v1::Connects* out = reply->add_connects();
    out->set_process(all.batch.processes[row.process]);
    out->set_address(AddressText(row.peer));
    out->set_port(row.peer.serves ? 0 : row.peer.peer_port);
    SetTotals(row.sums, out);
    out->set_refused(row.sums.refused);
    out->set_timed_out(row.sums.timed_out);
    out->set_unreachable(row.sums.unreachable);
    out->set_given_up(row.sums.given_up);
    out->set_under_way(row.sums.under_way);
    AddFrames(FromConnectOn(names.Of(all.batch, {.stack = row.stack})), out->mutable_stack());
  }
}

}  // namespace sonde::app
