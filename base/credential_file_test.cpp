#include "base/credential_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sonde::base {
namespace {

class CredentialFileTest : public testing::Test {
 protected:
  ~CredentialFileTest() override { unlink(path_.c_str()); }

  void Write(const std::string& text, mode_t mode) {
    std::ofstream(path_) << text;
    chmod(path_.c_str(), mode);
  }
  std::string ErrorOf(Secrecy secrecy) const {
    const absl::StatusOr<std::string> text = ReadCredentialFile(path_, secrecy);
    return text.ok() ? "" : std::string(text.status().message());
  }

  const std::string path_ = absl::StrCat(testing::TempDir(), "sonde_credential_", getpid());
};

TEST_F(CredentialFileTest, IsReadWhole) {
  Write("secret\n", 0600);
  EXPECT_EQ(ReadCredentialFile(path_, Secrecy::kSecret).value(), "secret\n");
  Write("secret\n", 0644);
  EXPECT_EQ(ReadCredentialFile(path_, Secrecy::kPublic).value(), "secret\n");
}

TEST_F(CredentialFileTest, IsRefusedWhenASecretIsOpenToOthers) {
  for (mode_t mode : {0640u, 0604u, 0644u}) {
    Write("secret", mode);
    EXPECT_THAT(ErrorOf(Secrecy::kSecret), testing::AllOf(testing::HasSubstr(path_), testing::HasSubstr("chmod 600")));
  }
}

TEST_F(CredentialFileTest, NamesTheFileThatIsNone) {
  EXPECT_THAT(ErrorOf(Secrecy::kPublic), testing::AllOf(testing::HasSubstr(path_), testing::HasSubstr("No such file")));
  Write("", 0600);
  EXPECT_THAT(ErrorOf(Secrecy::kPublic), testing::HasSubstr("is empty"));
  Write(std::string(2 << 20, 'x'), 0600);
  EXPECT_THAT(ErrorOf(Secrecy::kPublic), testing::HasSubstr("longer than"));
  EXPECT_THAT(std::string(ReadCredentialFile("/", Secrecy::kPublic).status().message()),
              testing::HasSubstr("no regular file"));
}

TEST_F(CredentialFileTest, IsATokenWithoutTheBlanksAroundIt) {
  Write(" open sesame \r\n", 0644);
  EXPECT_EQ(ReadToken(path_).value(), "open sesame");
}

TEST_F(CredentialFileTest, IsNoTokenWhenItWouldEndAHeaderOrFillIt) {
  for (const std::string& text : {std::string("\n"), std::string("a\r\nX-Evil: 1"), std::string("a\0b", 3),
                                  std::string("\xC3\xA9"), std::string(20'000, 'x')}) {
    Write(text, 0600);
    EXPECT_THAT(std::string(ReadToken(path_).status().message()), testing::HasSubstr(path_)) << text.size();
  }
}

TEST_F(CredentialFileTest, IsNeverWaitedFor) {
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_THAT(ErrorOf(Secrecy::kPublic), testing::HasSubstr("no regular file"));
}

}  // namespace
}  // namespace sonde::base
