#include "agentctl/dump.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "agentctl/client.h"
#include "agentctl/exit_code.h"
#include "agentctl/json.h"
#include "agentctl/report_error.h"
#include "agentctl/table.h"
#include "agentctl/terminal.h"
#include "agentctl/units.h"
#include "agentctl/wait_lines.h"

namespace sonde::agentctl {
namespace {

std::string ReasonText(const v1::ThreadNow& thread) {
  if (thread.syscall().empty()) return Printable(thread.reason());
  return absl::StrCat(Printable(thread.reason()), " (", Printable(thread.syscall()), ")");
}

// "3.2 s"; of what began before the agent did, no more than since then is known.
std::string ForHowLong(const v1::ThreadNow& thread) {
  if (thread.ns() == 0) return "-";
  return absl::StrCat(thread.since_before() ? "over " : "", HumanDuration(thread.ns()));
}

// What is to be said of a stack that is not simply where the thread is.
std::string AboutStack(const v1::ThreadNow& thread) {
  const std::string ago =
      thread.stack_age_ns() == 0 ? "" : absl::StrCat(", ", HumanDuration(thread.stack_age_ns()), " ago");
  if (thread.stack_of() == "sample") return absl::StrCat("as sampled last", ago);
  if (thread.stack_of() == "last-left") return absl::StrCat("where it last left a CPU", ago);
  if (thread.kernel_only()) return "only the kernel's part is known";
  return "";
}

std::string StateText(const v1::ThreadNow& thread) {
  std::string text = Printable(thread.state());
  if (thread.state() != "running" && !thread.reason().empty()) absl::StrAppend(&text, ": ", ReasonText(thread));
  return text;
}

std::string Heading(const v1::DumpReply& reply) {
  const auto shown = static_cast<uint64_t>(reply.threads_size());
  std::string text =
      absl::StrCat(HumanCount(reply.all_threads()), reply.all_threads() == 1 ? " thread" : " threads", " at ",
                   absl::FormatTime("%H:%M:%E3S", absl::FromUnixNanos(reply.unix_ns()), absl::LocalTimeZone()));
  if (shown < reply.all_threads()) absl::StrAppend(&text, "; the first ", HumanCount(shown), " (--limit shows more)");
  return text + "\n";
}

std::string ThreadText(const v1::ThreadNow& thread) {
  const std::string about = AboutStack(thread);
  return absl::StrCat("\n", Paint(Colour::kBold, absl::StrCat("\"", Printable(thread.thread()), "\"")), "  ",
                      thread.pid(), "/", thread.tid(), " of ", Printable(thread.process()), "\n  ", StateText(thread),
                      thread.ns() == 0 ? "" : absl::StrCat(", for ", ForHowLong(thread)), "\n",
                      about.empty() ? "" : absl::StrCat("  (", about, ")\n"), FrameLines(thread.stack(), "    "));
}

std::string Paragraphs(const v1::DumpReply& reply) {
  std::string text = Heading(reply);
  for (const v1::ThreadNow& thread : reply.threads()) text += ThreadText(thread);
  return text;
}

// A line for each thread.
std::string Lines(const v1::DumpReply& reply) {
  constexpr auto kRight = Table::Align::kRight;
  Table table({{"PID", kRight},
               {"TID", kRight},
               {"PROCESS"},
               {"THREAD"},
               {"STATE"},
               {"REASON"},
               {"FOR", kRight},
               {"SEEN"},
               {"WHERE"}});
  for (const v1::ThreadNow& thread : reply.threads()) {
    table.AddRow({absl::StrCat(thread.pid()), absl::StrCat(thread.tid()), Printable(thread.process()),
                  Printable(thread.thread()), Printable(thread.state()), ReasonText(thread), ForHowLong(thread),
                  thread.stack_of().empty() ? "-" : Printable(thread.stack_of()), Excerpt(thread.stack())});
  }
  return Heading(reply) + table.Shown();
}

std::string NobodyThere(const DumpOptions& options) {
  const std::string of = options.pid == 0 ? "" : absl::StrCat(" of process ", options.pid);
  const std::string who = !options.service.empty() ? absl::StrCat(" of service '", options.service, "'")
                          : !options.comm.empty()  ? absl::StrCat(" called '", options.comm, "'")
                                                   : "";
  return absl::StrCat("there is no thread", of, who,
                      ": `agentctl targets` tells which processes and services there are");
}

}  // namespace

int RunDump(const std::string& socket, const DumpOptions& options) {
  absl::StatusOr<Client> client = Client::Connect(socket);
  if (!client.ok()) return ReportError(client.status());
  v1::DumpRequest request;
  request.set_pid(options.pid);
  request.set_service(options.service);
  request.set_comm(options.comm);
  request.set_limit(options.limit);
  const absl::StatusOr<v1::DumpReply> reply = client->Dump(request);
  if (!reply.ok()) return ReportError(reply.status());
  if (reply->threads().empty()) return ReportError(absl::NotFoundError(NobodyThere(options)));
  const bool is_table = options.format == Format::kWide || options.format == Format::kMarkdown;
  const std::string text = options.format == Format::kJson ? ToJson(*reply)
                           : is_table                      ? Lines(*reply)
                                                           : Paragraphs(*reply);
  std::fputs(text.c_str(), stdout);
  return kOk;
}

}  // namespace sonde::agentctl
