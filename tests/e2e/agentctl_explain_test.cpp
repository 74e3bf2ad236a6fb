#include "tests/e2e/agentctl_fixture.h"

namespace sonde {
namespace {

v1::ExplainedCode* AddCode(v1::ExplainReply* reply, const std::string& path, const std::string& unwinding) {
  v1::ExplainedCode* code = reply->add_code();
  code->set_path(path);
  code->set_mappings(1);
  code->set_bytes(2 << 20);
  code->set_unwinding(unwinding);
  return code;
}

v1::ExplainReply FourKinds() {
  v1::ExplainReply reply;
  v1::ExplainedCode* whole = AddCode(&reply, "/opt/app\x1b[31m", "table");
  whole->add_unwound_by("eh_frame");
  whole->add_named_by("dwarf");
  whole->add_named_by("symtab");
  whole->set_has_lines(true);
  whole->set_build_id("abcd");
  whole->set_debug_file("/usr/lib/debug/.build-id/ab/cd.debug");
  whole->set_supplementary_file("/usr/lib/debug/.dwz/app.debug");
  whole->set_split_files(3);
  v1::ExplainedCode* stripped = AddCode(&reply, "/opt/none-of-dpkg.so", "table");
  stripped->add_unwound_by("machine-code");
  stripped->add_named_by("dynsym");
  stripped->set_is_of_host(true);
  v1::TriedPlace* tried = stripped->add_tried();
  tried->set_path("/usr/lib/debug/.build-id/12/34.debug");
  tried->set_found("it is not there");
  v1::ExplainedCode* refused = AddCode(&reply, "/opt/broken", "refused");
  refused->set_unwinding_trouble("its rules are nonsense");
  refused->set_naming_trouble("it is no ELF file");
  v1::ExplainedCode* made = AddCode(&reply, "[anon]", "frame-pointers");
  made->set_mappings(40);
  made->set_unwinding_trouble("code without a file has no call frame information");
  made->set_naming_trouble("/tmp/perf-7.map: it is not there");
  made->set_advice("write one");
  return reply;
}

TEST_F(AgentctlTest, ExplainShowsByWhatStacksAreFollowedAndNamed) {
  backend_.explanation = FourKinds();
  const Outcome outcome = Run({"explain", "7"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out,
            "/opt/app?[31m  2.0 MiB of code, build id abcd\n"
            "  stacks    by call frame information (.eh_frame)\n"
            "  names     with lines and inlined functions, by DWARF, all symbols (.symtab)\n"
            "  debug     /usr/lib/debug/.build-id/ab/cd.debug\n"
            "  shared    /usr/lib/debug/.dwz/app.debug\n"
            "  split     3 .dwo or .dwp files so far\n"
            "\n"
            "/opt/none-of-dpkg.so  2.0 MiB of code\n"
            "  stacks    by the machine code of its functions\n"
            "  names     functions alone, by exported symbols (.dynsym)\n"
            "  tried     /usr/lib/debug/.build-id/12/34.debug: it is not there\n"
            "\n"
            "/opt/broken  2.0 MiB of code\n"
            "  stacks    end here: its rules are nonsense\n"
            "  names     none: it is no ELF file\n"
            "\n"
            "[anon]  2.0 MiB of code in 40 mappings\n"
            "  stacks    by frame pointers: code without a file has no call frame information\n"
            "  names     none: /tmp/perf-7.map: it is not there\n"
            "  ->        write one\n");
}

TEST_F(AgentctlTest, ExplainKnowsWhichPackageHasTheDebugFile) {
  v1::ExplainedCode* library = AddCode(&backend_.explanation, "/usr/lib/x86_64-linux-gnu/libc.so.6", "table");
  library->add_unwound_by("eh_frame");
  library->add_named_by("dynsym");
  library->set_is_of_host(true);
  EXPECT_THAT(Run({"explain", "--pid", "7"}).out,
              HasSubstr("  ->        install libc6-dbg, if there is one: the file is of the package libc6\n"));
  library->set_is_of_host(false);
  EXPECT_THAT(Run({"explain", "7"}).out, Not(HasSubstr("install"))) << "a container has packages of its own";
}

TEST_F(AgentctlTest, ExplainAsJsonIsTheWholeAnswer) {
  backend_.explanation = FourKinds();
  v1::ExplainReply reply;
  const Outcome outcome = Run({"explain", "7", "-o", "json"});
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(outcome.out, &reply).ok()) << outcome.out;
  EXPECT_EQ(reply.pid(), 7U);
  EXPECT_EQ(reply.code(1).tried(0).found(), "it is not there");
}

TEST_F(AgentctlTest, ExplainWantsTheProcessThatItIsAskedOf) {
  const Outcome unknown = Run({"explain", "123"});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_EQ(unknown.err, "agentctl: no process 123\n");
  const Outcome none = Run({"explain"});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.err, HasSubstr("--pid is required"));
  const Outcome word = Run({"explain", "nginx"});
  EXPECT_EQ(word.exit_code, 2);
  EXPECT_THAT(word.err, HasSubstr("nginx"));
}

}  // namespace
}  // namespace sonde
