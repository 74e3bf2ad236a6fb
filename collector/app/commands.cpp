#include "collector/app/commands.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "collector/store/disk_use.h"
#include "collector/store/upkeep.h"
#include "collector/store/writer.h"
#include "profile/units.h"

namespace sonde::app {
namespace {

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "sonde-collector: %s\n", std::string(status.message()).c_str());
  return 1;
}

std::string SizeOf(const std::string& store) { return profile::HumanBytes(store::DiskUseOf(store).bytes); }

}  // namespace

int CheckStoreCommand(const std::string& store) {
  auto report = store::CheckStore(store);
  if (!report.ok()) return Fail(report.status());
  std::printf("%s: %lld profiles (%lld windows) of %lld series and %lld days, %s\n", store.c_str(),
              static_cast<long long>(report->profiles), static_cast<long long>(report->windows),
              static_cast<long long>(report->series), static_cast<long long>(report->days), SizeOf(store).c_str());
  for (const std::string& fault : report->faults) std::printf("fault: %s\n", fault.c_str());
  if (report->faults.empty()) std::printf("everything can be read and adds up\n");
  if (!report->faults.empty()) std::printf("restore a backup, or move the store away and start anew\n");
  return report->faults.empty() ? 0 : 1;
}

int BackUpCommand(const std::string& store, const std::string& file) {
  if (auto status = store::BackUpStore(store, file); !status.ok()) return Fail(status);
  std::printf("%s holds what the store held; to restore, stop the collector and put it in place of %s/profiles.db\n",
              file.c_str(), store.c_str());
  return 0;
}

int VacuumCommand(const std::string& store) {
  const std::string before = SizeOf(store);
  auto writer = store::Writer::Open(store);
  if (!writer.ok()) return Fail(writer.status());
  if (auto status = (*writer)->Vacuum(); !status.ok()) return Fail(status);
  writer->reset();
  std::printf("%s: %s before, %s now\n", store.c_str(), before.c_str(), SizeOf(store).c_str());
  return 0;
}

}  // namespace sonde::app
