#include "agent/control/export_entry.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "agent/control/config_file.h"
#include "agent/control/export_values.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sonde::control {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Entries of `export` whose files are in a folder of its own, written $DIR.
class ExportEntryTest : public testing::Test {
 protected:
  ExportEntryTest() {
    std::filesystem::create_directories(folder_);
    for (const char* name : {"ca.pem", "cert.pem", "token", "password"}) File(name, 0644);
    File("key.pem", 0600);
  }
  ~ExportEntryTest() override { std::filesystem::remove_all(folder_); }

  void File(const std::string& name, mode_t mode) {
    std::ofstream(folder_ + "/" + name) << name;
    chmod((folder_ + "/" + name).c_str(), mode);
  }
  // `lines` are those of one entry, which begins in line 2.
  absl::Status Load(const std::string& lines, Config* config) {
    const std::string entry = absl::StrReplaceAll(lines, {{"\n", "\n    "}, {"$DIR", folder_}});
    config->node = "n1";
    return ReadConfigText("export:\n  - " + entry, "sonde.yaml", config);
  }
  std::string ErrorOf(const std::string& lines) {
    Config config;
    return std::string(Load(lines, &config).message());
  }

  const std::string folder_ = absl::StrCat(testing::TempDir(), "sonde_export_entry_", getpid());
};

TEST_F(ExportEntryTest, ReadsEveryKeyAndWritesItBack) {
  Config config;
  const absl::Status loaded = Load(R"(type: pyroscope
endpoint: "profiles.example.com:443"
tenant: team-a
auth: {basic: {username: "12345", password_file: $DIR/password}}
tls:
  ca_file: $DIR/ca.pem
  cert_file: $DIR/cert.pem
  key_file: $DIR/key.pem
  server_name: profiles.internal
headers: {X-Site: "Berlin: 1", "null": x}
compression: gzip)",
                                   &config);
  ASSERT_TRUE(loaded.ok()) << loaded;
  ASSERT_EQ(config.targets.size(), 1u);
  const ExportTargetConfig& target = config.targets[0];
  EXPECT_EQ(target.endpoint, "profiles.example.com:443");
  EXPECT_EQ(target.tenant, "team-a");
  EXPECT_EQ(target.auth.username, "12345");
  EXPECT_EQ(target.auth.password_file, folder_ + "/password");
  EXPECT_TRUE(target.tls.enabled);
  EXPECT_EQ(target.tls.ca_file, folder_ + "/ca.pem");
  EXPECT_EQ(target.tls.cert_file, folder_ + "/cert.pem");
  EXPECT_EQ(target.tls.key_file, folder_ + "/key.pem");
  EXPECT_EQ(target.tls.server_name, "profiles.internal");
  EXPECT_EQ(target.headers, (std::map<std::string, std::string>{{"null", "x"}, {"x-site", "Berlin: 1"}}));
  EXPECT_TRUE(target.gzip);

  Config again;
  const absl::Status reread = ReadConfigText(ToYaml(config), "again.yaml", &again);
  ASSERT_TRUE(reread.ok()) << reread << "\n" << ToYaml(config);
  EXPECT_EQ(again.targets, config.targets);
}

TEST_F(ExportEntryTest, TakesABearerTokenAndTlsThatIsOff) {
  Config config;
  const absl::Status loaded = Load(
      "endpoint: 127.0.0.1:4040\nauth: {bearer: {token_file: $DIR/token}}\ntls: {enabled: false, ca_file: $DIR/ca.pem}",
      &config);
  ASSERT_TRUE(loaded.ok()) << loaded;
  EXPECT_EQ(config.targets[0].auth.token_file, folder_ + "/token");
  EXPECT_FALSE(config.targets[0].tls.enabled);
  Config again;
  ASSERT_TRUE(ReadConfigText(ToYaml(config), "again.yaml", &again).ok());
  EXPECT_EQ(again.targets, config.targets);
}

TEST_F(ExportEntryTest, ReadsAFolderAndWritesItBack) {
  Config config;
  const absl::Status loaded = Load(
      "type: files\ndirectory: /var/lib/sonde/profiles\nformats: [pprof, html, pprof]\n"
      "retention: {bytes: 512MiB, age: 36h}",
      &config);
  ASSERT_TRUE(loaded.ok()) << loaded;
  const FilesConfig& files = config.targets[0].files;
  EXPECT_EQ(files.directory, "/var/lib/sonde/profiles");
  EXPECT_EQ(files.formats, (std::vector<std::string>{"pprof", "html"}));
  EXPECT_EQ(files.retention_bytes, uint64_t{512} << 20);
  EXPECT_EQ(files.retention_age, absl::Hours(36));
  Config again;
  const absl::Status reread = ReadConfigText(ToYaml(config), "again.yaml", &again);
  ASSERT_TRUE(reread.ok()) << reread << "\n" << ToYaml(config);
  EXPECT_EQ(again.targets, config.targets);

  EXPECT_THAT(ErrorOf("type: files"), HasSubstr("needs a 'directory'"));
  EXPECT_THAT(ErrorOf("type: files\ndirectory: x"), HasSubstr("no absolute path"));
  EXPECT_THAT(ErrorOf("type: files\nendpoint: a:1"), AllOf(HasSubstr(":3:"), HasSubstr("directory, formats")));
  EXPECT_THAT(ErrorOf("type: files\ndirectory: /x\nformats: [pdf]"), HasSubstr("one of pprof, folded"));
  EXPECT_THAT(ErrorOf("type: files\ndirectory: /x\nformats: []"), HasSubstr("must be a list"));
  EXPECT_THAT(ErrorOf("type: files\ndirectory: /x\nretention: {bytes: much}"), HasSubstr("a size like 1GiB"));
  EXPECT_THAT(ErrorOf("type: files\ndirectory: /x\nretention: {age: -1h}"), HasSubstr("a time like 24h"));
}

TEST_F(ExportEntryTest, NamesLineAndNearestWordOfAnUnknownKey) {
  EXPECT_THAT(ErrorOf("endpoint: a:1\ntennant: x"), AllOf(HasSubstr("sonde.yaml:3:"), HasSubstr("'tenant'")));
  EXPECT_THAT(ErrorOf("endpoint: a:1\ntls:\n  ca: /x"), AllOf(HasSubstr(":4:"), HasSubstr("ca_file, cert_file")));
  EXPECT_THAT(ErrorOf("endpoint: a:1\nauth: {basik: {}}"), AllOf(HasSubstr(":3:"), HasSubstr("'basic'")));
  EXPECT_THAT(ErrorOf("endpoint: a:1\nauth:\n  bearer: {token: x}"), HasSubstr("token_file"));
}

TEST_F(ExportEntryTest, RefusesFilesThatCannotBeReadOrThatOthersMayRead) {
  EXPECT_THAT(ErrorOf("endpoint: a:1\ntls: {ca_file: $DIR/none.pem}"),
              AllOf(HasSubstr(":3: export.tls.ca_file: "), HasSubstr("none.pem"), HasSubstr("No such file")));
  EXPECT_THAT(ErrorOf("endpoint: a:1\ntls: {ca_file: ca.pem}"), HasSubstr("no absolute path"));
  File("key.pem", 0640);
  EXPECT_THAT(ErrorOf("endpoint: a:1\ntls:\n  cert_file: $DIR/cert.pem\n  key_file: $DIR/key.pem"),
              AllOf(HasSubstr(":5: export.tls.key_file: "), HasSubstr("mode 0640"), HasSubstr("chmod 600")));
}

TEST_F(ExportEntryTest, RefusesSettingsThatDoNotFitTogether) {
  EXPECT_THAT(ErrorOf("endpoint: 127.0.0.1:1\nauth:\n  basic: {username: a, password_file: $DIR/password}\n"
                      "  bearer: {token_file: $DIR/token}"),
              AllOf(HasSubstr("sonde.yaml:2:"), HasSubstr("both given")));
  EXPECT_THAT(ErrorOf("endpoint: 127.0.0.1:1\nauth: {basic: {username: a}}"), HasSubstr("'password_file'"));
  EXPECT_THAT(ErrorOf("endpoint: 127.0.0.1:1\nauth: {basic: {password_file: $DIR/password}}"), HasSubstr("'username'"));
  EXPECT_THAT(ErrorOf("endpoint: 127.0.0.1:1\nauth: {basic: {}}"), HasSubstr(":3: 'export.auth.basic' needs both"));
  EXPECT_THAT(ErrorOf("endpoint: 127.0.0.1:1\nauth: {bearer: {}}"), HasSubstr("needs a 'token_file'"));
  EXPECT_THAT(ErrorOf("endpoint: 127.0.0.1:1\nauth: {basic: {username: \"a:b\", password_file: $DIR/password}}"),
              HasSubstr("no user name"));
  EXPECT_THAT(ErrorOf("endpoint: a:1\ntls: {cert_file: $DIR/cert.pem}"), HasSubstr("belong together"));
}

TEST_F(ExportEntryTest, RefusesToSendCredentialsInClearTextOverANetwork) {
  const std::string token = "\nauth: {bearer: {token_file: $DIR/token}}";
  const std::string basic = "\nauth: {basic: {username: a, password_file: $DIR/password}}";
  for (const std::string& auth : {token, basic}) {
    EXPECT_THAT(ErrorOf("endpoint: 10.0.0.1:4040" + auth), AllOf(HasSubstr("clear text"), HasSubstr("tls: {enabled:")));
    EXPECT_THAT(ErrorOf("endpoint: 127.example.com:1" + auth), HasSubstr("clear text"));
    EXPECT_THAT(ErrorOf("endpoint: 10.0.0.1:4040\ntls: {enabled: false}" + auth), HasSubstr("clear text"));
    EXPECT_EQ(ErrorOf("endpoint: 10.0.0.1:4040\ntls: {enabled: true}" + auth), "");
    EXPECT_EQ(ErrorOf("endpoint: \"[::1]:4040\"" + auth), "");
  }
}

TEST_F(ExportEntryTest, RefusesWrongValues) {
  EXPECT_THAT(ErrorOf("endpoint: a:1\ntenant: a/b"), AllOf(HasSubstr(":3: export.tenant: "), HasSubstr("letters")));
  EXPECT_THAT(ErrorOf("endpoint: a:1\ntenant: .."), HasSubstr("letters"));
  EXPECT_THAT(ErrorOf("endpoint: a:1\ntenant: " + std::string(151, 'a')), HasSubstr("1 to 150"));
  EXPECT_THAT(ErrorOf("endpoint: a:1\ncompression: zstd"), HasSubstr("one of gzip, none"));
  EXPECT_THAT(ErrorOf("endpoint: a:1\ntls: {enabled: yes}"), HasSubstr("one of true, false"));
  EXPECT_THAT(ErrorOf("endpoint: a:1\ntls: true"), HasSubstr("'export.tls' must be a map"));
  EXPECT_THAT(ErrorOf("endpoint: a:1\nheaders: [a]"), HasSubstr("must be a map"));
  for (const char* header : {"\"a b\": x", "authorization: x", "grpc-x: x", "x-bin: x", "X-Scope-OrgID: x",
                             "a: \"b\\nc\"", "a: \"\"", "sonde-instance: x", "\"\": x"}) {
    EXPECT_THAT(ErrorOf(absl::StrCat("endpoint: a:1\nheaders: {", header, "}")), HasSubstr("export.headers")) << header;
  }
}

TEST(ExportValues, ReadSizesAndWriteThemBack) {
  EXPECT_EQ(ParseBytes("1GiB").value(), uint64_t{1} << 30);
  EXPECT_EQ(ParseBytes("512MiB").value(), uint64_t{512} << 20);
  EXPECT_EQ(ParseBytes("12345").value(), 12345u);
  for (const char* wrong : {"", "GiB", "1GB", "-1", "1.5GiB", "99999999TiB", " 1", "1 GiB"}) {
    EXPECT_FALSE(ParseBytes(wrong).ok()) << wrong;
  }
  for (uint64_t bytes : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 30, uint64_t{3} << 19, uint64_t{12345}}) {
    EXPECT_EQ(ParseBytes(FormatBytes(bytes)).value(), bytes);
  }
}

TEST_F(ExportEntryTest, GivesParcaDebugInformationOnlyWhenAskedTo) {
  Config config;
  ASSERT_TRUE(Load("type: parca\nendpoint: \"127.0.0.1:7070\"", &config).ok());
  EXPECT_FALSE(config.targets[0].symbol_upload.enabled);
  const absl::Status loaded =
      Load("type: parca\nendpoint: \"127.0.0.1:7070\"\nsymbol_upload: {enabled: true, rate: 512KiB}", &config);
  ASSERT_TRUE(loaded.ok()) << loaded;
  EXPECT_TRUE(config.targets[0].symbol_upload.enabled);
  EXPECT_EQ(config.targets[0].symbol_upload.bytes_per_second, 512u << 10);
  Config again;
  ASSERT_TRUE(ReadConfigText("export:\n" + ExportEntryToYaml(config.targets[0]), "again", &again).ok());
  EXPECT_EQ(again.targets, config.targets);
  EXPECT_THAT(ErrorOf("type: otlp\nendpoint: \"127.0.0.1:4317\"\nsymbol_upload: {enabled: true}"),
              HasSubstr("parca alone"));
  EXPECT_THAT(ErrorOf("type: parca\nendpoint: \"127.0.0.1:7070\"\nsymbol_upload: {rate: 1KiB}"), HasSubstr("64KiB"));
  EXPECT_THAT(ErrorOf("type: parca\nendpoint: \"127.0.0.1:7070\"\ndebuginfo: {upload: true}"),
              HasSubstr("is called symbol_upload"));
}

}  // namespace
}  // namespace sonde::control
