#include "tests/e2e/agentctl_fixture.h"

namespace sonde {
namespace {

void AddFinding(v1::CheckReply* reply, const std::string& check, const std::string& state, const std::string& found,
                const std::string& advice = "") {
  v1::Finding* finding = reply->add_findings();
  finding->set_check(check);
  finding->set_state(state);
  finding->set_found(found);
  finding->set_advice(advice);
}

TEST_F(AgentctlTest, DoctorShowsWhatTheAgentFoundAndWhatToDo) {
  backend_.check.set_version("0.1.0");
  backend_.check.set_uid(998);
  AddFinding(&backend_.check, "kernel", "ok", "it has BTF");
  AddFinding(&backend_.check, "open files", "warning", "only 600 are allowed", "raise LimitNOFILE");
  const Outcome outcome = Run({"doctor"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("\nWARN  open files        only 600 are allowed\n"
                                     "                        -> raise LimitNOFILE\n"));
  EXPECT_THAT(outcome.out, HasSubstr("\nLooked at by sonde-agent 0.1.0 as uid 998. Failed: 0; warnings: "));
}

TEST_F(AgentctlTest, DoctorFailsWhenAnythingDidAndKeepsToItsLines) {
  AddFinding(&backend_.check, "target a:1", "failed", "service: INTERNAL: x\n\x1b[31mok    kernel");
  const Outcome outcome = Run({"doctor"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.out, HasSubstr("FAIL  target a:1        service: INTERNAL: x??[31mok    kernel\n"));
  const Outcome json = Run({"doctor", "-o", "json"});
  EXPECT_EQ(json.exit_code, 1);
  v1::CheckReply reply;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(json.out, &reply).ok()) << json.out;
  EXPECT_EQ(reply.findings(0).check(), "target a:1");
  EXPECT_GT(reply.findings_size(), 3);
}

}  // namespace
}  // namespace sonde
