#include "agent/symbolize/debuginfod.h"

#include <curl/curl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "spdlog/spdlog.h"

namespace sonde::symbolize {
namespace {

constexpr size_t kMaxWanted = 256, kMaxFailures = 4'096;
constexpr uint64_t kAgainNs = 3'600'000'000'000, kAgainAfterTroubleNs = 300'000'000'000;
constexpr long kConnectSeconds = 10, kStalledSeconds = 30, kLongestSeconds = 600;
constexpr long kNotThere = 404, kThere = 200;

// One file on its way to disk.
struct Download {
  int fd = -1;
  uint64_t left = 0;  // bytes that may still come
  uint64_t bytes = 0;
  std::function<bool()> stopping;
};

size_t WriteBytes(char* bytes, size_t one, size_t count, void* to) {
  auto* download = static_cast<Download*>(to);
  const size_t size = one * count;
  if (size > download->left || ::write(download->fd, bytes, size) != static_cast<ssize_t>(size))
    return CURL_WRITEFUNC_ERROR;
  download->left -= size;
  download->bytes += size;
  return size;
}

int LookWhetherToStop(void* of, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Download*>(of)->stopping() ? 1 : 0;
}

absl::Status Get(const std::string& url, Download* download) {
  const std::unique_ptr<CURL, void (*)(CURL*)> easy(curl_easy_init(), curl_easy_cleanup);
  if (easy == nullptr) return absl::InternalError("libcurl makes no transfer");
  std::array<char, CURL_ERROR_SIZE> error{};
  curl_easy_setopt(easy.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy.get(), CURLOPT_PROTOCOLS_STR, "https,http");
  curl_easy_setopt(easy.get(), CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy.get(), CURLOPT_USERAGENT, "sonde-agent");
  curl_easy_setopt(easy.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
  curl_easy_setopt(easy.get(), CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(easy.get(), CURLOPT_LOW_SPEED_TIME, kStalledSeconds);
  curl_easy_setopt(easy.get(), CURLOPT_TIMEOUT, kLongestSeconds);
  curl_easy_setopt(easy.get(), CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(download->left));
  curl_easy_setopt(easy.get(), CURLOPT_ERRORBUFFER, error.data());
  curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, WriteBytes);
  curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, download);
  curl_easy_setopt(easy.get(), CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(easy.get(), CURLOPT_XFERINFOFUNCTION, LookWhetherToStop);
  curl_easy_setopt(easy.get(), CURLOPT_XFERINFODATA, download);
  const CURLcode code = curl_easy_perform(easy.get());
  long status = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  if (code == CURLE_OK && status == kThere) return absl::OkStatus();
  if (status == kNotThere) return absl::NotFoundError("it is unknown to the server");
  if (code == CURLE_FILESIZE_EXCEEDED || code == CURLE_WRITE_ERROR) {
    return absl::ResourceExhaustedError("it is larger than the budget, or the disk is full");
  }
  return absl::UnavailableError(error[0] != '\0' ? error.data() : absl::StrCat("the server answers ", status));
}

}  // namespace

std::vector<std::string> DebuginfodUrls(const std::string& text) {
  const char* variable = text == "environment" ? std::getenv("DEBUGINFOD_URLS") : text.c_str();
  return absl::StrSplit(variable == nullptr ? "" : variable, ' ', absl::SkipWhitespace());
}

Debuginfod::Debuginfod(Options options, DebugCache cache) : options_(std::move(options)), cache_(std::move(cache)) {
  static const CURLcode kReady = curl_global_init(CURL_GLOBAL_DEFAULT);
  static_cast<void>(kReady);  // when it is not, no transfer is either
  cache_.MakeRoom();
  thread_ = std::thread([this] { Run(); });
}

Debuginfod::~Debuginfod() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

Debuginfod::Found Debuginfod::Find(const std::string& build_id) {
  Found found;
  if (!DebugCache::IsBuildId(build_id)) {
    found.state = "it has no build id";
    return found;
  }
  found.path = cache_.PathOf(build_id);
  found.fd = cache_.Find(build_id);
  struct stat info {};
  if (found.fd.IsValid() && ::fstat(found.fd.Get(), &info) == 0) {
    found.size_bytes = static_cast<uint64_t>(info.st_size);
    return found;
  }
  found.fd.Reset();
  absl::MutexLock lock(&mutex_);
  const auto failure = failures_.find(build_id);
  if (failure != failures_.end() && options_.now_ns() < failure->second.not_before_ns) {
    found.state = failure->second.why;
    return found;
  }
  const bool is_wanted = std::ranges::find(wanted_, build_id) != wanted_.end();
  if (!is_wanted && wanted_.size() < kMaxWanted) wanted_.push_back(build_id);
  found.state =
      is_wanted || wanted_.back() == build_id ? "it is being asked for" : "it waits for others to be asked for";
  return found;
}

std::vector<std::string> Debuginfod::TakeArrived() {
  absl::MutexLock lock(&mutex_);
  return std::exchange(arrived_, {});
}

bool Debuginfod::IsStopping() const {
  absl::MutexLock lock(&mutex_);
  return stopping_;
}

std::string Debuginfod::AwaitWanted() {
  absl::MutexLock lock(&mutex_);
  const auto has_work = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || !wanted_.empty(); };
  mutex_.Await(absl::Condition(&has_work));
  return stopping_ ? "" : wanted_.front();
}

void Debuginfod::Run() {
  pthread_setname_np(pthread_self(), "sonde-fetch");
  for (std::string build_id = AwaitWanted(); !build_id.empty(); build_id = AwaitWanted()) {
    const absl::Status fetched = Fetch(build_id);
    cache_.MakeRoom(fetched.ok() ? build_id : "");
    absl::MutexLock lock(&mutex_);
    wanted_.pop_front();
    failures_.erase(build_id);
    if (fetched.ok()) {
      arrived_.push_back(build_id);
      continue;
    }
    if (failures_.size() >= kMaxFailures) failures_.clear();
    const uint64_t pause_ns = absl::IsNotFound(fetched) ? kAgainNs : kAgainAfterTroubleNs;
    failures_[build_id] = {std::string(fetched.message()), options_.now_ns() + pause_ns};
  }
}

absl::Status Debuginfod::Fetch(const std::string& build_id) {
  absl::Status status = absl::NotFoundError("it has no server to be asked for");
  for (const std::string& url : options_.urls) {
    status = FetchFrom(url, build_id);
    if (status.ok()) {
      spdlog::info("msg=\"debug file fetched\" build_id={} from={}", build_id, url);
      return status;
    }
    if (absl::IsNotFound(status) || IsStopping()) continue;
    spdlog::warn("msg=\"debug file not fetched\" build_id={} from={} why=\"{}\"", build_id, url,
                 std::string(status.message()));
  }
  return status;
}

uint64_t Debuginfod::BytesLeft() {
  absl::MutexLock lock(&mutex_);
  const uint64_t now_ns = options_.now_ns();
  if (now_ns - hour_began_ns_ >= kAgainNs) {
    hour_began_ns_ = now_ns;
    hourly_bytes_ = 0;
  }
  return options_.max_hourly_bytes - std::min(hourly_bytes_, options_.max_hourly_bytes);
}

absl::Status Debuginfod::FetchFrom(const std::string& url, const std::string& build_id) {
  const uint64_t left = std::min(BytesLeft(), options_.max_file_bytes);
  if (left == 0) return absl::ResourceExhaustedError("it waits, since as much as may be was fetched within this hour");
  auto file = cache_.Begin(build_id);
  if (!file.ok()) return file.status();
  Download download{file->Get(), left, 0, [this] { return IsStopping(); }};
  const std::string place = absl::StrCat(url, url.ends_with('/') ? "" : "/", "buildid/", build_id, "/debuginfo");
  const absl::Status status = Get(place, &download);
  {
    absl::MutexLock lock(&mutex_);
    hourly_bytes_ += download.bytes;
  }
  return status.ok() ? cache_.Keep(build_id) : status;
}

}  // namespace sonde::symbolize
