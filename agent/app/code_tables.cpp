#include "agent/app/code_tables.h"

#include <utility>

namespace sonde::app {

absl::Status CodeTables::Start(kernel::EventsByCpu records) {
  auto maps = kernel::UnwindMaps::Create();
  if (!maps.ok()) return maps.status();
  maps_ = *std::move(maps);
  unwinder_ = std::make_unique<unwind::Unwinder>(maps_.get(), unwind::UnwinderOptions{}, losses_);
  follower_ = std::make_unique<ProcessFollower>(process::MappingTrackerOptions{}, unwinder_.get(), losses_);
  return follower_->Start(std::move(records));
}

void CodeTables::Stop() {
  if (follower_ != nullptr) follower_->Stop();
}

}  // namespace sonde::app
