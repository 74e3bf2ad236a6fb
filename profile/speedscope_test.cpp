#include "profile/speedscope.h"

#include <gtest/gtest.h>

#include "nlohmann/json.hpp"
#include "profile/written_profile_for_test.h"

namespace sonde::profile {
namespace {

TEST(Speedscope, HasOneSampledProfileForEachTypeWithStacksRootFirst) {
  const nlohmann::json file = nlohmann::json::parse(WriteSpeedscope(WrittenProfile(), "web \"1\"", "reason"));
  EXPECT_EQ(file["$schema"], "https://www.speedscope.app/file-format-schema.json");
  EXPECT_EQ(file["name"], "web \"1\"");
  EXPECT_EQ(file["activeProfileIndex"], 1);
  ASSERT_EQ(file["profiles"].size(), 2u);
  EXPECT_EQ(file["profiles"][0]["name"], "waits");
  EXPECT_EQ(file["profiles"][0]["unit"], "none");
  const nlohmann::json& delay = file["profiles"][1];
  EXPECT_EQ(delay["type"], "sampled");
  EXPECT_EQ(delay["name"], "delay");
  EXPECT_EQ(delay["unit"], "nanoseconds");
  EXPECT_EQ(delay["startValue"], 0);
  EXPECT_EQ(delay["endValue"], 4500);
  EXPECT_EQ(delay["weights"], (nlohmann::json{500, 3000, 1000}));
  std::vector<std::string> names;
  for (int frame : delay["samples"][1]) names.push_back(file["shared"]["frames"][static_cast<size_t>(frame)]["name"]);
  EXPECT_EQ(names, (std::vector<std::string>{"disk", "main", "read", "schedule"}));
  const int hostile = delay["samples"][0].back();
  EXPECT_EQ(file["shared"]["frames"][static_cast<size_t>(hostile)]["name"], kHostileName);
  EXPECT_EQ(file["shared"]["frames"][static_cast<size_t>(hostile)]["file"], "/bin/app");
}

}  // namespace
}  // namespace sonde::profile
