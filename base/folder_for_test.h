#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace sonde::base {

// A folder of a test's own, which goes with all that is in it.
class FolderForTest {
 public:
  FolderForTest() { EXPECT_NE(::mkdtemp(path_.data()), nullptr); }
  ~FolderForTest() { std::filesystem::remove_all(path_); }
  FolderForTest(const FolderForTest&) = delete;
  FolderForTest& operator=(const FolderForTest&) = delete;

  // The path of the file, which has this text and no other.
  std::string Write(const std::string& name, const std::string& text) const {
    std::string path = path_ + "/" + name;
    std::ofstream(path) << text;
    return path;
  }

 private:
  std::string path_ = testing::TempDir() + "sonde_test_XXXXXX";
};

}  // namespace sonde::base
