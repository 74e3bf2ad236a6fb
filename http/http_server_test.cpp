#include "http/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "http/testing/http_client.h"

namespace sonde::http {
namespace {

using testing::Exchange;
using testing::Get;
using ::testing::HasSubstr;
using testing::Parse;

// Answers with what it was asked.
Response Echo(const Request& request) {
  std::string body = request.method + " " + request.path;
  for (const auto& [name, value] : request.parameters) body += " " + name + "=" + value;
  return {.status = 200, .content_type = "text/plain", .headers = {{"X-Own", "1"}}, .body = body, .static_body = {}};
}

class HttpServerTest : public ::testing::Test {
 protected:
  HttpServerTest() {
    auto server = HttpServer::Start("127.0.0.1:0", &Echo);
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  int Port() const { return server_->Port(); }

  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, GivesThePathAndDecodedParametersToItsHandler) {
  auto answer = Get(Port(), "/a/b?query=%7Ba%3D%22x+y%22%7D&kind=cpu&empty=");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "GET /a/b empty= kind=cpu query={a=\"x y\"}");
  EXPECT_EQ(answer.headers["X-Own"], "1");
}

TEST_F(HttpServerTest, KeepsEveryAnswerToThisOrigin) {
  auto answer = Get(Port(), "/");
  EXPECT_THAT(answer.headers["Content-Security-Policy"], HasSubstr("default-src 'self'"));
  EXPECT_THAT(answer.headers["Content-Security-Policy"], ::testing::Not(HasSubstr("unsafe")));
  EXPECT_EQ(answer.headers["X-Content-Type-Options"], "nosniff");
  EXPECT_EQ(answer.headers["X-Frame-Options"], "DENY");
  EXPECT_EQ(answer.headers.count("Access-Control-Allow-Origin"), 0U);
}

TEST_F(HttpServerTest, SendsNoBodyToHead) {
  auto answer = Get(Port(), "/x", "", "HEAD");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(answer.headers["Content-Length"], "7");
}

TEST_F(HttpServerTest, RefusesOtherMethods) {
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE"}) {
    auto answer = Get(Port(), "/", "Content-Length: 0\r\n", method);
    EXPECT_EQ(answer.status, 405) << method;
    EXPECT_EQ(answer.headers["Allow"], "GET, HEAD");
  }
}

TEST(HttpServer, TakesPostsWhereTheyAreWanted) {
  auto server = HttpServer::Start(
      "127.0.0.1:0",
      [](const Request& request) {
        return TextResponse(200, request.method + " " + request.content_type + " " + request.body);
      },
      HttpServer::Methods::kGetAndPost);
  ASSERT_TRUE(server.ok()) << server.status();
  const int port = (*server)->Port();
  auto post = [port](const std::string& body) {
    return testing::Exchange(port, "POST /x HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) +
                                       "\r\nContent-Type: a/b\r\nConnection: close\r\nContent-Length: " +
                                       std::to_string(body.size()) + "\r\n\r\n" + body);
  };
  EXPECT_THAT(post("some words"), ::testing::EndsWith("POST a/b some words"));
  EXPECT_THAT(post(""), ::testing::EndsWith("POST a/b "));
  EXPECT_THAT(post(std::string(64 << 10, 'x')), ::testing::StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(post(std::string((64 << 10) + 1, 'x')), ::testing::StartsWith("HTTP/1.1 413"));
  EXPECT_EQ(testing::Get(port, "/x").body, "GET  ");
  EXPECT_THAT(testing::Exchange(
                  port, "PUT /x HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port) + "\r\nConnection: close\r\n\r\n"),
              ::testing::StartsWith("HTTP/1.1 405"));
}

TEST_F(HttpServerTest, RefusesHostsThatAreNotThisMachine) {
  std::string port = std::to_string(Port());
  for (const std::string& host : {"evil.example:" + port, std::string("evil.example"), std::string("localhost")}) {
    auto answer = Parse(Exchange(Port(), "GET / HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n"));
    EXPECT_EQ(answer.status, 421) << host;
    EXPECT_EQ(answer.headers.count("Content-Security-Policy"), 1U);
  }
  EXPECT_EQ(Parse(Exchange(Port(), "GET / HTTP/1.0\r\n\r\n")).status, 421);
  auto local = Parse(Exchange(Port(), "GET / HTTP/1.1\r\nHost: localhost:" + port + "\r\nConnection: close\r\n\r\n"));
  EXPECT_EQ(local.status, 200);
}

TEST_F(HttpServerTest, AnswersNoPageOfAnotherOriginButFollowsLinks) {
  EXPECT_EQ(Get(Port(), "/", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n").status, 403);
  EXPECT_EQ(Get(Port(), "/", "Sec-Fetch-Site: same-site\r\nSec-Fetch-Mode: cors\r\n").status, 403);
  EXPECT_EQ(Get(Port(), "/", "Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\n").status, 200);
  EXPECT_EQ(Get(Port(), "/", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n").status, 200);
}

TEST_F(HttpServerTest, RefusesRequestsThatAreTooLarge) {
  auto line = Get(Port(), "/?q=" + std::string(60'000, 'x'));
  EXPECT_TRUE(line.status == 414 || line.status == 431) << line.status;
  auto header = Get(Port(), "/", "X-Long: " + std::string(60'000, 'x') + "\r\n");
  EXPECT_EQ(header.status, 431);
}

TEST_F(HttpServerTest, SurvivesGarbage) {
  Exchange(Port(), std::string("\0\1\2\3 garbage\r\n\r\n", 16));
  Exchange(Port(), "GET\r\n\r\n");
  EXPECT_EQ(Get(Port(), "/").status, 200);
}

TEST_F(HttpServerTest, AnswersSeveralClientsAtOnce) {
  std::atomic<int> good = 0;
  std::vector<std::thread> clients;
  for (int client = 0; client < 8; ++client) {
    clients.emplace_back([this, &good] {
      for (int i = 0; i < 20; ++i) good += Get(Port(), "/").status == 200 ? 1 : 0;
    });
  }
  for (auto& client : clients) client.join();
  EXPECT_EQ(good, 160);
}

TEST_F(HttpServerTest, AnswersNothingOnceStopped) {
  int port = Port();
  server_->Stop();
  EXPECT_EQ(Exchange(port, "GET / HTTP/1.0\r\n\r\n"), "");
}

TEST(HttpServer, TakesAnyHostWhenItIsNotBoundToLoopback) {
  auto server = HttpServer::Start("0.0.0.0:0", &Echo);
  ASSERT_TRUE(server.ok());
  EXPECT_EQ(Parse(Exchange((*server)->Port(), "GET / HTTP/1.0\r\nHost: profiles.example\r\n\r\n")).status, 200);
}

}  // namespace
}  // namespace sonde::http
