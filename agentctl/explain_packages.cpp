#include "agentctl/explain_packages.h"

#include <filesystem>
#include <fstream>
#include <string_view>
#include <utility>

namespace sonde::agentctl {
namespace {

constexpr std::string_view kList = ".list";

// "libc6" of "libc6:amd64.list".
std::string PackageOfList(const std::string& name) {
  const std::string stem = name.substr(0, name.size() - kList.size());
  return stem.substr(0, stem.find(':'));
}

}  // namespace

std::map<std::string, std::string> PackagesOf(const std::string& root, const std::set<std::string>& files) {
  std::map<std::string, std::string> wanted;  // by how a list may have it
  for (const std::string& file : files) {
    wanted[file] = file;
    // Packages from before /lib was one with /usr/lib.
    if (file.starts_with("/usr/")) wanted[file.substr(4)] = file;
  }
  std::map<std::string, std::string> packages;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(root + "/var/lib/dpkg/info", error)) {
    const std::string name = entry.path().filename();
    if (!name.ends_with(kList) || packages.size() == files.size()) continue;
    std::ifstream list(entry.path());
    for (std::string line; std::getline(list, line);) {
      if (auto found = wanted.find(line); found != wanted.end()) packages[found->second] = PackageOfList(name);
    }
  }
  return packages;
}

std::string DebugPackageOf(const std::string& package) {
  return package == "libc6" ? "libc6-dbg" : package + "-dbgsym";
}

}  // namespace sonde::agentctl
