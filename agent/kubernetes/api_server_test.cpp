#include "agent/kubernetes/api_server.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace sonde::kubernetes {
namespace {

class ApiServerTest : public testing::Test {
 protected:
  ApiServerTest() { std::filesystem::create_directories(folder_); }
  ~ApiServerTest() override {
    std::filesystem::remove_all(folder_);
    ::unsetenv("KUBERNETES_SERVICE_HOST");
    ::unsetenv("KUBERNETES_SERVICE_PORT");
  }
  absl::StatusOr<HttpsRequest> Request(const std::string& token) const {
    std::ofstream(folder_ + "/token") << token;
    return RequestFor({"https://api:443", folder_}, "/x?y=z", absl::Seconds(3));
  }

  const std::string folder_ = testing::TempDir() + "sonde_api_" + std::to_string(::getpid());
};

TEST_F(ApiServerTest, HasTheAddressThatPodsAreGiven) {
  EXPECT_EQ(AddressFromEnvironment(), "");
  ::setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1);
  EXPECT_EQ(AddressFromEnvironment(), "https://10.0.0.1:443");
  ::setenv("KUBERNETES_SERVICE_PORT", "6443", 1);
  EXPECT_EQ(AddressFromEnvironment(), "https://10.0.0.1:6443");
  ::setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
  EXPECT_EQ(AddressFromEnvironment(), "https://[fd00::1]:6443");
}

TEST_F(ApiServerTest, ReadsTheTokenForEachRequest) {
  EXPECT_TRUE(absl::IsNotFound(RequestFor({"https://api:443", folder_}, "/", {}).status()));
  const auto first = Request("one\n");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->url, "https://api:443/x?y=z");
  EXPECT_EQ(first->bearer_token, "one");
  EXPECT_EQ(first->ca_file, folder_ + "/ca.crt");
  EXPECT_EQ(Request("two")->bearer_token, "two");
}

TEST_F(ApiServerTest, TakesNoTokenThatWouldEndTheHeader) {
  for (const char* token : {"", "\n", "a\r\nX-Evil: 1"}) EXPECT_FALSE(Request(token).ok()) << token;
  EXPECT_FALSE(Request(std::string(1 << 20, 'x')).ok());
}

TEST_F(ApiServerTest, QuotesWhatIsNoWord) {
  EXPECT_EQ(UrlQuoted("node-1.example/&=\xC3\xA9"), "node-1.example%2F%26%3D%C3%A9");
}

}  // namespace
}  // namespace sonde::kubernetes
