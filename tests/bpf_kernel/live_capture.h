#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <thread>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "agent/capture/capture.h"
#include "agent/kernel/libbpf_log.h"
#include "agent/process/process_table.h"

namespace sonde::bpf_kernel {

// Of empty tables: every walk finds its process unknown, and follows frame pointers.
class NoCode : public model::CodeDirectory {
 public:
  model::ExecutableFilePtr FileOf(uint16_t) const override { return nullptr; }
  void OnMissedMapping(uint32_t) override {}
};

// A capture of this host by the real programs, driven by the test's own thread.
class LiveCapture : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "loading BPF programs needs root";
    kernel::CaptureLibbpfLog();
    auto features = kernel::ProbeFeatures();
    ASSERT_TRUE(features.ok()) << features.status();
    features_ = *features;
  }

  void Start() {
    auto maps = kernel::UnwindMaps::Create();
    ASSERT_TRUE(maps.ok()) << maps.status();
    maps_ = *std::move(maps);
    auto started = capture::Capture::Start({.features = features_,
                                            .sampling_hz = 99,
                                            .unwind_maps = maps_.get(),
                                            .code = &code_,
                                            .processes = &processes_,
                                            .losses = &losses_});
    ASSERT_TRUE(started.ok()) << started.status();
    capture_ = *std::move(started);
  }

  // Lets the host run for `length` while the rings are emptied, then gives the slice.
  model::Slice Measure(absl::Duration length) {
    for (absl::Time end = absl::Now() + length; absl::Now() < end; absl::SleepFor(absl::Milliseconds(50))) {
      EXPECT_TRUE(capture_->Poll().ok());
    }
    auto slice = capture_->EndSlice();
    EXPECT_TRUE(slice.ok()) << slice.status();
    return slice.ok() ? *std::move(slice) : model::Slice{};
  }

  kernel::Features features_;
  NoCode code_;
  std::unique_ptr<kernel::UnwindMaps> maps_;
  telemetry::LossLedger losses_;
  process::ProcessTable processes_{process::ProcessTableOptions{}, &losses_};
  std::unique_ptr<capture::Capture> capture_;
};

}  // namespace sonde::bpf_kernel
