#pragma once

#include <map>
#include <set>
#include <string>

namespace sonde::agentctl {

// Which Debian package each of `files` is of, by dpkg's lists below `root`; without those that no package has.
std::map<std::string, std::string> PackagesOf(const std::string& root, const std::set<std::string>& files);

// The package that has the debug files of this one, as Debian names them. A guess: not every package has any.
std::string DebugPackageOf(const std::string& package);

}  // namespace sonde::agentctl
