#include "collector/web/page_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/page/assets.h"

namespace sonde::web {
namespace {

using ::testing::HasSubstr;

http::Response Ask(std::string_view path, const std::string& accept_encoding = "gzip, deflate, br",
                   const std::string& if_none_match = "") {
  http::Request request;
  request.path = path;
  request.accept_encoding = accept_encoding;
  request.if_none_match = if_none_match;
  return PageFile(request);
}

TEST(PageFile, SendsEveryFileOfThePageCompressed) {
  ASSERT_FALSE(page::Assets().empty());
  for (const page::Asset& asset : page::Assets()) {
    http::Response response = Ask(asset.path);
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.static_body, asset.gzip_bytes);
    EXPECT_EQ(response.content_type, asset.content_type);
    EXPECT_EQ(response.headers["Content-Encoding"], "gzip");
    EXPECT_EQ(response.headers["ETag"], asset.etag);
  }
}

TEST(PageFile, KeepsHashedFilesForLongAndThePageItselfNotAtAll) {
  for (const page::Asset& asset : page::Assets()) {
    EXPECT_THAT(Ask(asset.path).headers["Cache-Control"], HasSubstr(asset.path == "/" ? "no-cache" : "immutable"));
  }
}

TEST(PageFile, SendsNothingThatTheClientHas) {
  std::string etag(page::Assets().front().etag);
  for (const std::string& match : {etag, "\"old\", " + etag, "W/" + etag, std::string("*")}) {
    http::Response response = Ask("/", "gzip", match);
    EXPECT_EQ(response.status, 304) << match;
    EXPECT_TRUE(response.static_body.empty());
  }
  EXPECT_EQ(Ask("/", "gzip", "\"old\"").status, 200);
}

TEST(PageFile, RefusesClientsThatDoNotTakeGzip) {
  for (const char* accept : {"identity", "br", "gzip;q=0", "gzip; q=0.0, br"}) EXPECT_EQ(Ask("/", accept).status, 406);
  for (const char* accept : {"", "*", "GZIP;q=0.5", "br, gzip"}) EXPECT_EQ(Ask("/", accept).status, 200) << accept;
}

TEST(PageFile, IsNotThereUnderOtherPaths) {
  for (const char* path : {"/index.htm", "/../etc/passwd", "", "/assets/"}) EXPECT_EQ(Ask(path).status, 404);
}

}  // namespace
}  // namespace sonde::web
