#include "agent/app/explain_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sonde::app {
namespace {

using control::v1::ExplainedCode;
using control::v1::ExplainReply;
using model::CodeKind;
using symbolize::NameSources;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using By = unwind::FileUnwinding::By;

model::ExecutableFilePtr CodeFile(CodeKind kind, const std::string& path) {
  return std::make_shared<const model::ExecutableFile>(model::ExecutableFile{kind, {}, path, {}});
}

NameSources Read(const names::Contents& own) {
  NameSources sources;
  sources.status = absl::OkStatus();
  sources.own = own;
  return sources;
}

ExplainReply Explained(const CodeOfProcess& process, const unwind::FileUnwinding& unwinding,
                       const NameSources& sources) {
  ExplainReply reply;
  ReportCode(
      process, [&](const auto&) { return unwinding; }, [&](const auto&) { return sources; }, &reply);
  return reply;
}

// Of one mapping of a file.
ExplainedCode OfFile(const unwind::FileUnwinding& unwinding, const NameSources& sources) {
  const CodeOfProcess process{{{0x1000, 0x3000, 0, CodeFile(CodeKind::kFile, "/bin/x")}},
                              absl::NotFoundError("no map")};
  return Explained(process, unwinding, sources).code(0);
}

TEST(ExplainReport, HasOneEntryAFileAndOneForAllCodeWithout) {
  const auto file = CodeFile(CodeKind::kFile, "/bin/x");
  const auto anonymous = CodeFile(CodeKind::kAnonymous, "[anon]"), stack = CodeFile(CodeKind::kAnonymous, "[stack]");
  const CodeOfProcess process{{{0x1000, 0x3000, 0, file},
                               {0x3000, 0x4000, 0, anonymous},
                               {0x5000, 0x6000, 0x2000, file},
                               {0x7000, 0x9000, 0, stack}},
                              absl::NotFoundError("/tmp/perf-7.map: it is not there")};
  const ExplainReply reply = Explained(process, {By::kFramePointers, ""}, Read({}));
  ASSERT_EQ(reply.code_size(), 2);
  EXPECT_EQ(reply.code(0).path(), "/bin/x");
  EXPECT_EQ(reply.code(0).mappings(), 2U);
  EXPECT_EQ(reply.code(0).bytes(), 0x3000U);
  EXPECT_EQ(reply.code(0).ranges(1).file_offset(), 0x2000U);
  EXPECT_EQ(reply.code(1).path(), "[anon]");
  EXPECT_EQ(reply.code(1).mappings(), 2U);
  EXPECT_EQ(reply.code(1).naming_trouble(), "/tmp/perf-7.map: it is not there");
  EXPECT_THAT(reply.code(1).advice(), HasSubstr("--perf-basic-prof"));
}

TEST(ExplainReport, TellsWhatATableIsMadeOf) {
  EXPECT_THAT(OfFile({By::kTable, ""}, Read({.eh_frame = true, .debug_frame = true})).unwound_by(),
              ElementsAre("eh_frame", "debug_frame"));
  EXPECT_THAT(OfFile({By::kTable, ""}, Read({.go_table = true})).unwound_by(), ElementsAre("go"));
  EXPECT_THAT(OfFile({By::kTable, ""}, Read({})).unwound_by(), ElementsAre("machine-code"));
  const ExplainedCode refused = OfFile({By::kNothing, "it is hostile"}, Read({.eh_frame = true}));
  EXPECT_EQ(refused.unwinding(), "refused");
  EXPECT_EQ(refused.unwinding_trouble(), "it is hostile");
  EXPECT_THAT(refused.unwound_by(), IsEmpty());
}

TEST(ExplainReport, TellsWhereNamesComeFrom) {
  NameSources stripped = Read({.exports = true, .packed_symbols = true});
  EXPECT_THAT(OfFile({}, stripped).named_by(), ElementsAre("dynsym", "gnu_debugdata"));
  EXPECT_FALSE(OfFile({}, stripped).has_lines());
  stripped.debug_path = "/usr/lib/debug/x";
  stripped.debug = {.symbols = true, .dwarf = true};
  EXPECT_THAT(OfFile({}, stripped).named_by(), ElementsAre("dwarf", "symtab"));
  EXPECT_TRUE(OfFile({}, stripped).has_lines());
  EXPECT_EQ(OfFile({}, stripped).debug_file(), "/usr/lib/debug/x");
  EXPECT_THAT(OfFile({}, Read({.symbols = true, .dwarf = true, .go_table = true})).named_by(),
              ElementsAre("go", "symtab"));
}

TEST(ExplainReport, TellsWhyThereAreNone) {
  EXPECT_EQ(OfFile({}, Read({})).naming_trouble(), "it has no symbols");
  NameSources broken;
  broken.status = absl::DataLossError("it is broken");
  broken.tried = {{"/usr/lib/debug/y", "it is not there"}};
  EXPECT_EQ(OfFile({}, broken).naming_trouble(), "it is broken");
  EXPECT_EQ(OfFile({}, broken).tried(0).found(), "it is not there");
}

TEST(ExplainReport, NamesMadeCodeByItsMap) {
  CodeOfProcess process{{{0x1000, 0x3000, 0, CodeFile(CodeKind::kAnonymous, "[anon]")}},
                        process::MadeCodeFile{"/tmp/perf-7.map", CodeFile(CodeKind::kJit, "[anon]")}};
  EXPECT_THAT(Explained(process, {}, Read({.symbols = true})).code(0).named_by(), ElementsAre("perf-map"));
  NameSources broken;
  broken.status = absl::InvalidArgumentError("it has no line of a perf map");
  EXPECT_EQ(Explained(process, {}, broken).code(0).naming_trouble(), "it has no line of a perf map");
  EXPECT_EQ(Explained(process, {}, broken).code(0).unwinding(), "frame-pointers");
  process.made->path = "/opt/app/jit-7.dump";
  EXPECT_THAT(Explained(process, {}, Read({.symbols = true})).code(0).named_by(), ElementsAre("jitdump"));
}

}  // namespace
}  // namespace sonde::app
