#include "collector/app/metrics_report.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <utility>

#include "base/metrics_text.h"

namespace sonde::app {
namespace {

using base::MetricsText;
using Type = MetricsText::Type;

double Number(uint64_t number) { return static_cast<double>(number); }
double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

void AddPushes(const ingest::PushCounts& pushes, MetricsText* text) {
  text->Family("sonde_collector_pushes_total", Type::kCounter, "Pushes by what became of them.");
  for (size_t i = 0; i < pushes.outcomes.size(); ++i) {
    text->Value(Number(pushes.outcomes[i]), {{"outcome", ingest::OutcomeName(static_cast<ingest::PushOutcome>(i))}});
  }
  text->Counter("sonde_collector_push_bytes_total", "Bytes of pushes, as they came.", Number(pushes.bytes));
  text->Counter("sonde_collector_profiles_total", "Profiles stored.", Number(pushes.profiles));
  text->Counter("sonde_collector_samples_total", "Samples in the profiles stored.", Number(pushes.samples));
  text->Gauge("sonde_collector_pushes_in_flight", "Pushes that are not answered yet.", Number(pushes.in_flight));
  text->Family("sonde_collector_push_duration_seconds", Type::kHistogram,
               "From a push's arrival to its answer, which comes after its profiles are on the disk.")
      .Buckets(pushes.durations);
}

void AddQueries(const web::QueryStatistics& queries, MetricsText* text) {
  text->Family("sonde_collector_query_duration_seconds", Type::kHistogram,
               "Answers to the page, its API and go tool pprof.");
  for (size_t i = 0; i < web::kQuestions.size(); ++i) {
    text->Buckets(queries.Questions()[i].durations.Snapshot(), {{"question", web::kQuestions[i]}});
  }
  text->Family("sonde_collector_query_failures_total", Type::kCounter,
               "Of these, those that failed by no fault of who asked.");
  for (size_t i = 0; i < web::kQuestions.size(); ++i) {
    text->Value(Number(queries.Questions()[i].failures), {{"question", web::kQuestions[i]}});
  }
}

// By the names that all exporters have for them.
void AddProcess(MetricsText* text) {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  text->Counter("process_cpu_seconds_total", "CPU time of the collector's process.",
                Seconds(used.ru_utime) + Seconds(used.ru_stime));
  uint64_t pages = 0, resident_pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident_pages;
  text->Gauge("process_resident_memory_bytes", "Memory of the collector's process.",
              Number(resident_pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE))));
  std::error_code error;
  const auto descriptors = std::distance(std::filesystem::directory_iterator("/proc/self/fd", error), {});
  text->Gauge("process_open_fds", "Files and connections that the collector's process has open.",
              static_cast<double>(descriptors));
}

}  // namespace

std::string MetricsOf(const CollectorFacts& facts, const web::QueryStatistics& queries) {
  MetricsText text;
  text.Family("sonde_collector_info", Type::kGauge, "What runs here.").Value(1, {{"version", facts.version}});
  AddPushes(facts.pushes, &text);
  AddQueries(queries, &text);
  text.Gauge("sonde_collector_store_bytes", "Size of the store's files.", Number(facts.store.bytes));
  text.Gauge("sonde_collector_store_free_bytes", "Room on the store's disk.", Number(facts.store.free_bytes));
  text.Gauge("sonde_collector_http_connections",
             "Open connections to the page and the API, that of who asks this included.", facts.http_connections);
  AddProcess(&text);
  return std::move(text).Take();
}

}  // namespace sonde::app
