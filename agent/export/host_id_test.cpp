#include "agent/export/host_id.h"

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "gtest/gtest.h"

namespace sonde::exporting {
namespace {

std::string HostIdOf(const std::string& text) {
  const std::string path = testing::TempDir() + "sonde_machine_id_" + std::to_string(::getpid());
  std::ofstream(path) << text;
  std::string id = HostId(path);
  std::remove(path.c_str());
  return id;
}

TEST(HostId, IsTheMachineId) {
  EXPECT_EQ(HostIdOf("0123456789abcdef0123456789abcdef\n"), "0123456789abcdef0123456789abcdef");
}

TEST(HostId, IsEmptyWhereThereIsNone) {
  EXPECT_EQ(HostId("/nonexistent/machine-id"), "");
  EXPECT_EQ(HostIdOf(""), "");
  EXPECT_EQ(HostIdOf("uninitialized\n"), "");
  EXPECT_EQ(HostIdOf("0123456789abcdef\n"), "");
}

}  // namespace
}  // namespace sonde::exporting
