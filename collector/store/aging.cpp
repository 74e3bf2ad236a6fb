#include "collector/store/aging.h"

#include <algorithm>
#include <vector>

#include "collector/store/sample_columns.h"

namespace sonde::store {
namespace {

// What one transaction takes in: pushes wait as long.
constexpr int64_t kMaxBytesAtOnce = 4 << 20;
constexpr int64_t kMaxWindowsAtOnce = 64;

// Profiles that become one.
struct Bundle {
  int64_t series_id;
  int64_t volume_id;
  int64_t shape;
  int64_t value_count;
  int64_t begin_ns;  // of the time that they are told for together
  int64_t bytes;
};

absl::StatusOr<std::vector<Bundle>> Ripe(Database* database, const AgingRule& rule, int64_t now_ns) {
  const int64_t before_ns = (now_ns - rule.after_ns) / rule.width_ns * rule.width_ns;
  auto select = database->Prepare(
      "SELECT series_id, volume_id, shape, value_count, start_ns / ?1 * ?1 AS begin_ns, sum(length(samples)) "
      "FROM profile WHERE step < ?2 AND end_ns <= ?3 GROUP BY series_id, volume_id, shape, value_count, begin_ns "
      "ORDER BY begin_ns LIMIT ?4");
  if (!select.ok()) return select.status();
  select->Bind(1, rule.width_ns);
  select->Bind(2, static_cast<int64_t>(rule.step));
  select->Bind(3, before_ns);
  select->Bind(4, kMaxWindowsAtOnce);
  std::vector<Bundle> ripe;
  while (true) {
    auto row = select->Step();
    if (!row.ok()) return row.status();
    if (!*row) return ripe;
    ripe.push_back({select->Integer(0), select->Integer(1), select->Integer(2), select->Integer(3), select->Integer(4),
                    select->Integer(5)});
  }
}

// The sum of one bundle's profiles as it grows.
class BundleSum {
 public:
  explicit BundleSum(size_t values) : values_(values), samples_(values) {}

  absl::Status Add(const Statement& row) {
    row_.start_ns = ids_.empty() ? row.Integer(1) : std::min(row_.start_ns, row.Integer(1));
    row_.end_ns = std::max(row_.end_ns, row.Integer(2));
    row_.windows = (ids_.empty() ? 0 : row_.windows) + row.Integer(3);
    packed_.period = std::max(packed_.period, row.Integer(4));
    ids_.push_back(row.Integer(0));
    auto comments = DecodeComments(row.Bytes(5));
    if (!comments.ok()) return comments.status();
    for (uint32_t comment : *comments) {
      if (std::ranges::find(comments_, comment) == comments_.end()) comments_.push_back(comment);
    }
    return DecodeSamples(row.Bytes(6), values_, [this](const SampleGroup& group) { AddGroup(group); });
  }

  absl::Status Replace(Database* database, const Bundle& bundle, Step step) {
    auto remove = database->Prepare("DELETE FROM profile WHERE id = ?");
    if (!remove.ok()) return remove.status();
    for (int64_t id : ids_) {
      remove->Bind(1, id);
      if (auto status = remove->Run(); !status.ok()) return status;
    }
    row_.series_id = bundle.series_id;
    row_.volume_id = bundle.volume_id;
    row_.step = step;
    packed_.shape = static_cast<uint32_t>(bundle.shape);
    packed_.value_count = values_;
    packed_.comments = EncodeComments(comments_);
    packed_.totals = samples_.EncodeTotals();
    packed_.samples = samples_.EncodeSamples();
    return InsertRow(database, row_, packed_);
  }

  int64_t Profiles() const { return static_cast<int64_t>(ids_.size()); }

 private:
  void AddGroup(const SampleGroup& group) {
    const size_t count = group.nodes.size();
    std::vector<int64_t> values(values_);
    for (size_t i = 0; i < count; ++i) {
      for (size_t v = 0; v < values_; ++v) values[v] = group.values[v * count + i];
      samples_.Add(group.labels, group.nodes[i], values);
    }
  }

  size_t values_;
  SampleSum samples_;
  ProfileRow row_;
  PackedProfile packed_;
  std::vector<uint32_t> comments_;
  std::vector<int64_t> ids_;
};

absl::StatusOr<int64_t> SumUp(Database* database, const Bundle& bundle, const AgingRule& rule) {
  auto select = database->Prepare(
      "SELECT id, start_ns, end_ns, windows, period, comments, samples FROM profile WHERE series_id = ?1 AND end_ns >= "
      "?4 "
      "AND start_ns >= ?4 AND start_ns < ?5 AND volume_id = ?2 AND shape = ?3 AND step <= ?6 ORDER BY start_ns");
  if (!select.ok()) return select.status();
  select->Bind(1, bundle.series_id);
  select->Bind(2, bundle.volume_id);
  select->Bind(3, bundle.shape);
  select->Bind(4, bundle.begin_ns);
  select->Bind(5, bundle.begin_ns + rule.width_ns);
  select->Bind(6, static_cast<int64_t>(rule.step));
  BundleSum sum(static_cast<size_t>(bundle.value_count));
  while (true) {
    auto row = select->Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    if (auto status = sum.Add(*select); !status.ok()) return status;
  }
  select->Reset();
  if (auto status = sum.Replace(database, bundle, rule.step); !status.ok()) return status;
  return sum.Profiles();
}

}  // namespace

absl::StatusOr<int64_t> SumUpSome(Database* database, int64_t now_ns) {
  auto transaction = Transaction::Begin(database);
  if (!transaction.ok()) return transaction.status();
  int64_t replaced = 0, bytes = 0;
  for (const AgingRule& rule : kAgingRules) {
    auto ripe = Ripe(database, rule, now_ns);
    if (!ripe.ok()) return ripe.status();
    for (const Bundle& bundle : *ripe) {
      if (bytes > 0 && bytes + bundle.bytes > kMaxBytesAtOnce) break;
      auto count = SumUp(database, bundle, rule);
      if (!count.ok()) return count.status();
      replaced += *count;
      bytes += bundle.bytes;
    }
  }
  if (auto status = transaction->Commit(); !status.ok()) return status;
  return replaced;
}

}  // namespace sonde::store
