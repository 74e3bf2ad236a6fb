#include "collector/page/assets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <string>

namespace sonde::page {
namespace {

constexpr size_t kMaxInflated = 1 << 20;

std::string Inflate(std::string_view gzip) {
  std::string out(kMaxInflated, '\0');
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gzip.data()));
  stream.avail_in = static_cast<uInt>(gzip.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  EXPECT_EQ(stream.avail_in, 0u);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

TEST(PageAssets, BeginWithTheIndex) {
  ASSERT_FALSE(Assets().empty());
  EXPECT_EQ(Assets()[0].path, "/");
  EXPECT_EQ(Assets()[0].content_type, "text/html; charset=utf-8");
}

TEST(PageAssets, AreWholeGzipFilesWithQuotedTags) {
  for (const Asset& asset : Assets()) {
    EXPECT_FALSE(Inflate(asset.gzip_bytes).empty()) << asset.path;
    EXPECT_THAT(std::string(asset.etag), testing::MatchesRegex("\"[0-9a-f]+\"")) << asset.path;
  }
}

TEST(PageAssets, AreAllNamedByTheIndex) {
  const std::string index = Inflate(Assets()[0].gzip_bytes);
  for (const Asset& asset : Assets().subspan(1)) {
    EXPECT_THAT(index, testing::HasSubstr(std::string(asset.path)));
  }
  EXPECT_THAT(index, testing::Not(testing::HasSubstr("@")));
}

// The collector's Content-Security-Policy allows scripts from its own files only.
TEST(PageAssets, HoldNoInlineScriptAndNoForeignAddress) {
  const std::string index = Inflate(Assets()[0].gzip_bytes);
  EXPECT_THAT(index, testing::Not(testing::HasSubstr("<script>")));
  EXPECT_THAT(index, testing::Not(testing::HasSubstr("://")));
}

TEST(PageAssets, KeepTheLicenceNotesOfWhatTheyContain) {
  for (const Asset& asset : Assets()) {
    if (!asset.path.ends_with(".js")) continue;
    const std::string script = Inflate(asset.gzip_bytes);
    EXPECT_THAT(script, testing::HasSubstr("MIT License, Copyright (c) 2015-present Jason Miller"));
  }
}

}  // namespace
}  // namespace sonde::page
