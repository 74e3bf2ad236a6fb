#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "gtest/gtest.h"

namespace sonde::exporting {

// An empty folder of this user alone, gone with the object.
class SpoolFolder {
 public:
  SpoolFolder() : path_(testing::TempDir() + "/sonde_spool_XXXXXX") { EXPECT_NE(::mkdtemp(path_.data()), nullptr); }
  ~SpoolFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  SpoolFolder(const SpoolFolder&) = delete;
  SpoolFolder& operator=(const SpoolFolder&) = delete;

  const std::string& Path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace sonde::exporting
