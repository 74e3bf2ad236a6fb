#include "agent/control/setting_list.h"

#include <cstdlib>

#include "agent/control/reload.h"
#include "base/folder_for_test.h"
#include "gtest/gtest.h"

namespace sonde::control {
namespace {

std::string FileWith(const std::string& yaml) {
  static const base::FolderForTest folder;
  return folder.Write("settings.yaml", yaml);
}

Setting Of(const std::vector<Setting>& settings, const std::string& key) {
  for (const Setting& one : settings) {
    if (one.key == key) return one;
  }
  return {key, "(there is none)", ""};
}

constexpr char kYaml[] =
    "window: 10s\n"
    "sources:\n"
    "  cpu:\n"
    "    rate: 49Hz\n"
    "export:\n"
    "- endpoint: \"a:1\"\n"
    "  headers: {x-key: secret}\n";

TEST(SettingList, TellsWhereEachComesFrom) {
  const std::string path = FileWith(kYaml);
  ASSERT_EQ(::setenv("SONDE_LOG_LEVEL", "warn", 1), 0);
  const absl::StatusOr<Config> config = LoadConfig(path, {{"window", "30s", "--window"}});
  ASSERT_EQ(::unsetenv("SONDE_LOG_LEVEL"), 0);
  ASSERT_TRUE(config.ok()) << config.status();
  const std::vector<Setting> settings = ListSettings(*config);
  const auto is = [&](const char* key, const char* value, const std::string& origin) {
    EXPECT_EQ(Of(settings, key).value, value) << key;
    EXPECT_EQ(Of(settings, key).origin, origin) << key;
  };
  is("window", "30s", "--window");
  is("sources.cpu.rate", "49Hz", path + ":4");
  is("sources.offcpu.enabled", "true", "default");
  is("export[0].endpoint", "a:1", path + ":5");
  is("export[0].headers.x-key", "(not shown)", path + ":5");
  is("log.level", "warn", "environment variable SONDE_LOG_LEVEL");
  is("relabel", "[]", "default");
}

TEST(SettingList, TellsAfterAReloadOnlyOfWhatWasTaken) {
  const Config before = *LoadConfig(FileWith("window: 10s\nlog:\n  level: info\n"));
  const Config wanted = *LoadConfig(FileWith("\n\nwindow: 20s\nlog:\n  level: debug\n"));
  const std::vector<Setting> settings = ListSettings(WithReloadable(before, wanted));
  EXPECT_EQ(Of(settings, "window").value, "10s");
  EXPECT_TRUE(Of(settings, "window").origin.ends_with(":1"));
  EXPECT_EQ(Of(settings, "log.level").value, "debug");
  EXPECT_TRUE(Of(settings, "log.level").origin.ends_with(":5"));
}

}  // namespace
}  // namespace sonde::control
