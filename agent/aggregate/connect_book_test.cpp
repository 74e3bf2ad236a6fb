#include "agent/aggregate/connect_book.h"

#include <gtest/gtest.h>

namespace sonde::aggregate {
namespace {

model::ProcessInfoPtr ProcessNamed(uint32_t tgid, const std::string& name) {
  auto process = std::make_shared<model::ProcessInfo>();
  process->tgid = tgid;
  process->comm = name;
  return process;
}

model::Slice SliceAsking(std::vector<model::RawConnects> connects) {
  model::Slice slice;
  slice.processes = {{1, ProcessNamed(1, "web")}, {2, ProcessNamed(2, "web")}};
  slice.connects = std::move(connects);
  return slice;
}

model::RawConnects Connects(uint32_t tgid, uint16_t port, model::ConnectSums sums) {
  return {.tgid = tgid, .stack = model::kStackLost, .peer = {.peer_port = port}, .sums = sums};
}

TEST(ConnectBook, SumsProcessesOfOneNameByPeer) {
  ConnectBook book;
  book.Add(SliceAsking({Connects(1, 80, {.count = 2, .ns = 20, .refused = 1}),
                        Connects(2, 80, {.count = 3, .ns = 30, .given_up = 4}), Connects(2, 81, {.timed_out = 5})}));
  const ConnectBook::Rows all = book.AllRows();
  ASSERT_EQ(all.rows.size(), 2U);
  const ConnectBook::Row& row = all.rows[all.rows[0].peer.peer_port == 80 ? 0 : 1];
  EXPECT_EQ(row.sums.count, 5U);
  EXPECT_EQ(row.sums.ns, 50U);
  EXPECT_EQ(row.sums.refused, 1U);
  EXPECT_EQ(row.sums.given_up, 4U);
  EXPECT_EQ(book.AllRows(1).rows.size(), 1U);
}

TEST(ConnectBook, HasUnderWayWhatWasSoInTheLastSlice) {
  ConnectBook book;
  book.Add(SliceAsking({Connects(1, 80, {.under_way = 2}), Connects(2, 81, {.under_way = 1})}));
  book.Add(SliceAsking({Connects(1, 80, {.under_way = 1})}));
  for (const ConnectBook::Row& row : book.AllRows().rows) {
    EXPECT_EQ(row.sums.under_way, row.peer.peer_port == 80 ? 1U : 0U);
  }
}

}  // namespace
}  // namespace sonde::aggregate
