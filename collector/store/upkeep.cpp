#include "collector/store/upkeep.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>

#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"
#include "collector/store/database.h"
#include "collector/store/profile_packing.h"
#include "collector/store/sample_columns.h"
#include "collector/store/schema.h"
#include "collector/store/volumes.h"
#include "profile/table_key.h"

namespace sonde::store {
namespace {

constexpr size_t kMaxFaults = 20;

// One look at everything.
class Checker {
 public:
  Checker(Database* database, StoreReport* report) : database_(*database), report_(*report) {}

  absl::Status Run() {
    if (auto status = AskSqlite("PRAGMA integrity_check(10)"); !status.ok()) return status;
    if (auto status = AskSqlite("PRAGMA foreign_key_check"); !status.ok()) return status;
    auto series = database_.QueryInteger("SELECT count(*) FROM series");
    if (!series.ok()) return series.status();
    report_.series = *series;
    auto volumes = database_.Prepare("SELECT id, day FROM volume ORDER BY day");
    if (!volumes.ok()) return volumes.status();
    while (true) {
      auto row = volumes->Step();
      if (!row.ok()) return row.status();
      if (!*row) return absl::OkStatus();
      ++report_.days;
      if (auto status = CheckVolume(volumes->Integer(0)); !status.ok()) return status;
    }
  }

 private:
  void Fault(const std::string& what) {
    if (report_.faults.size() < kMaxFaults) report_.faults.push_back(what);
  }

  // Any row but "ok" is a fault.
  absl::Status AskSqlite(const char* question) {
    auto select = database_.Prepare(question);
    if (!select.ok()) return select.status();
    while (true) {
      auto row = select->Step();
      if (!row.ok()) return row.status();
      if (!*row) return absl::OkStatus();
      if (select->Bytes(0) != "ok") Fault(absl::StrCat(question, ": ", std::string(select->Bytes(0))));
    }
  }

  absl::Status CheckVolume(int64_t volume) {
    Dictionary dictionary;
    auto loaded = LoadDictionary(&database_, volume, &dictionary);
    if (absl::IsDataLoss(loaded)) {
      Fault(absl::StrCat("volume ", volume, ": ", std::string(loaded.message())));
      return absl::OkStatus();
    }
    if (!loaded.ok()) return loaded;
    CheckEntries(volume, dictionary);
    return CheckProfiles(volume, dictionary);
  }

  void CheckEntries(int64_t volume, const Dictionary& dictionary) {
    profile::Pprof no_shape;
    no_shape.add_string_table("");
    Unpacker places(dictionary, no_shape);
    for (uint32_t id = 1; id <= dictionary.Size(Table::kLocation); ++id) {
      if (!places.Location(id).ok()) Fault(absl::StrCat("volume ", volume, ": location ", id, " cannot be read"));
    }
    for (uint32_t id = 1; id <= dictionary.Size(Table::kLabels); ++id) {
      if (!LabelsOf(dictionary, id).ok()) Fault(absl::StrCat("volume ", volume, ": labels ", id, " cannot be read"));
    }
  }

  absl::Status CheckProfiles(int64_t volume, const Dictionary& dictionary) {
    auto select = database_.Prepare(
        "SELECT id, windows, shape, value_count, comments, totals, samples FROM profile WHERE volume_id = ?");
    if (!select.ok()) return select.status();
    select->Bind(1, volume);
    while (true) {
      auto row = select->Step();
      if (!row.ok()) return row.status();
      if (!*row) return absl::OkStatus();
      ++report_.profiles;
      report_.windows += select->Integer(1);
      auto status = CheckProfile(dictionary, *select);
      if (!status.ok()) Fault(absl::StrCat("profile ", select->Integer(0), ": ", std::string(status.message())));
    }
  }

  static absl::Status CheckProfile(const Dictionary& dictionary, const Statement& row) {
    auto shape = ShapeOf(dictionary, static_cast<uint32_t>(row.Integer(2)));
    if (!shape.ok()) return shape.status();
    const auto value_count = static_cast<size_t>(row.Integer(3));
    if (value_count != static_cast<size_t>(shape->sample_type_size()))
      return absl::DataLossError("its types are others");
    auto comments = DecodeComments(row.Bytes(4));
    if (!comments.ok()) return comments.status();
    for (uint32_t comment : *comments) {
      if (comment > dictionary.Size(Table::kString)) return absl::DataLossError("it has a comment that there is not");
    }
    std::map<uint32_t, std::vector<int64_t>> sums, totals;
    bool is_known = true;
    auto add = [&](const SampleGroup& group) {
      is_known &= group.labels <= dictionary.Size(Table::kLabels);
      for (uint32_t node : group.nodes) is_known &= node <= dictionary.Size(Table::kNode);
      auto& sum = sums[group.labels];
      sum.resize(value_count);
      for (size_t i = 0; i < group.values.size(); ++i) {
        int64_t& one = sum[i / group.nodes.size()];
        one = profile::SaturatingAdd(one, group.values[i]);
      }
    };
    if (auto status = DecodeSamples(row.Bytes(6), value_count, add); !status.ok()) return status;
    if (!is_known) return absl::DataLossError("it has labels or stacks that there are not");
    auto note = [&](uint32_t labels, std::span<const int64_t> values) {
      totals[labels].assign(values.begin(), values.end());
    };
    if (auto status = DecodeTotals(row.Bytes(5), value_count, note); !status.ok()) return status;
    return sums == totals ? absl::OkStatus() : absl::DataLossError("its samples do not add up to its totals");
  }

  Database& database_;
  StoreReport& report_;
};

absl::Status SyncPath(const std::string& path, int flags) {
  base::UniqueFd fd(::open(path.c_str(), flags | O_RDONLY | O_CLOEXEC));
  if (fd.IsValid() && ::fsync(fd.Get()) == 0) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot sync ", path, " to disk: ", std::strerror(errno)));
}

absl::StatusOr<Database> OpenForReading(const std::string& directory) {
  const std::string path = directory + "/" + kFileName;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return absl::NotFoundError(absl::StrCat("there is no store in ", directory, " (", kFileName, " is missing)"));
  }
  auto database = Database::Open(path, Database::Access::kReadOnly);
  if (!database.ok()) return database.status();
  if (auto status = CheckVersion(&*database); !status.ok()) return status;
  return database;
}

}  // namespace

absl::StatusOr<StoreReport> CheckStore(const std::string& directory) {
  auto database = OpenForReading(directory);
  if (!database.ok()) return database.status();
  // All questions see one state.
  if (auto status = database->Execute("BEGIN"); !status.ok()) return status;
  StoreReport report;
  auto status = Checker(&*database, &report).Run();
  if (absl::IsDataLoss(status)) {
    report.faults.emplace_back(status.message());
    return report;
  }
  if (!status.ok()) return status;
  return report;
}

absl::Status BackUpStore(const std::string& directory, const std::string& file) {
  std::error_code error;
  if (std::filesystem::exists(file, error)) {
    return absl::FailedPreconditionError(absl::StrCat(file, " exists; give a name that is free"));
  }
  auto database = OpenForReading(directory);
  if (!database.ok()) return database.status();
  auto copy = database->Prepare("VACUUM INTO ?");
  if (!copy.ok()) return copy.status();
  copy->BindText(1, file);
  if (auto status = copy->Run(); !status.ok()) return status;
  // Profiles tell what runs on a host.
  std::filesystem::permissions(file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, error);
  if (auto status = SyncPath(file, 0); !status.ok()) return status;
  const std::string folder = std::filesystem::absolute(file).parent_path();
  return SyncPath(folder, O_DIRECTORY);
}

}  // namespace sonde::store
