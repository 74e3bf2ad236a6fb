// What other threads ask of the capturing one.
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/app/capture_thread.h"

namespace sonde::app {

absl::Status CaptureThread::AwaitThread(absl::Notification* done, const std::function<bool()>& cancelled) {
  constexpr absl::Duration kLook = absl::Milliseconds(50);
  while (!done->WaitForNotificationWithTimeout(kLook)) {
    absl::MutexLock lock(&mutex_);
    if (stopping_ || cancelled()) return absl::CancelledError("the measurement was broken off");
  }
  return absl::OkStatus();
}

absl::Status CaptureThread::Ask(const std::shared_ptr<Measurement>& measurement) {
  absl::MutexLock lock(&mutex_);
  if (stopping_) return absl::CancelledError("sonde-agent is stopping");
  waiting_.push_back(measurement);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<aggregate::Window>> CaptureThread::Await(std::shared_ptr<Measurement> measurement,
                                                                        const std::function<bool()>& cancelled) {
  if (absl::Status done = AwaitThread(&measurement->done, cancelled); !done.ok()) {
    measurement->is_given_up = true;
    return done;
  }
  if (measurement->of_command != nullptr) return std::move(measurement->of_command);
  auto window = std::make_unique<aggregate::Window>();
  for (const auto& slice : measurement->slices) window->Add(*slice);
  return window;
}

absl::StatusOr<std::unique_ptr<aggregate::Window>> CaptureThread::MeasureUntil(const std::function<bool()>& is_over,
                                                                               OnRequest wanted,
                                                                               const std::function<void()>& begun,
                                                                               const std::function<bool()>& cancelled) {
  auto measurement = std::make_shared<Measurement>();
  measurement->length = absl::InfiniteDuration();
  measurement->wanted = wanted;
  measurement->of_command = std::make_unique<aggregate::Window>();
  if (absl::Status asked = Ask(measurement); !asked.ok()) return asked;
  if (absl::Status has_begun = AwaitThread(&measurement->begun, cancelled); !has_begun.ok()) {
    measurement->is_given_up = true;
    return has_begun;
  }
  begun();
  return Await(measurement, [&] {
    if (is_over()) measurement->is_over = true;
    return cancelled();
  });
}

absl::StatusOr<model::ThreadDump> CaptureThread::LookAtThreads(uint32_t tgid, const std::function<bool()>& cancelled) {
  auto look = std::make_shared<Look>();
  look->tgid = tgid;
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_) return absl::CancelledError("sonde-agent is stopping");
    looks_.push_back(look);
  }
  if (absl::Status done = AwaitThread(&look->done, cancelled); !done.ok()) return done;
  return std::move(look->dump);
}

absl::StatusOr<std::unique_ptr<aggregate::Window>> CaptureThread::Measure(absl::Duration length, OnRequest wanted,
                                                                          const std::function<bool()>& cancelled) {
  auto measurement = std::make_shared<Measurement>();
  measurement->length = length;
  measurement->wanted = wanted;
  if (absl::Status asked = Ask(measurement); !asked.ok()) return asked;
  return Await(std::move(measurement), cancelled);
}

absl::StatusOr<CaptureThread::Past> CaptureThread::LookBack(absl::Duration length, absl::Duration before,
                                                            const std::function<bool()>& cancelled) {
  auto measurement = std::make_shared<Measurement>();
  measurement->length = length;
  measurement->is_past = true;
  measurement->before = before;
  if (absl::Status asked = Ask(measurement); !asked.ok()) return asked;
  auto window = Await(measurement, cancelled);
  if (!window.ok()) return window.status();
  if ((*window)->IsEmpty()) {
    return absl::NotFoundError(absl::StrCat("of that time nothing is kept: what is kept began ",
                                            absl::FormatDuration(absl::Trunc(measurement->kept, absl::Seconds(1))),
                                            " ago"));
  }
  return Past{*std::move(window), std::move(measurement->losses_before), std::move(measurement->losses_after)};
}

}  // namespace sonde::app
