// agentctl: flags → options → verb; nothing else.
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "agentctl/exit_code.h"
#include "agentctl/flags.h"
#include "agentctl/interrupt.h"
#include "agentctl/options.h"
#include "agentctl/run_verb.h"
#include "agentctl/terminal.h"
#include "base/nearest_word.h"

namespace sonde::agentctl {
namespace {

CLI::App* VerbOf(CLI::App& app) {
  const std::vector<CLI::App*> verbs = app.get_subcommands();
  return verbs.empty() ? nullptr : verbs.front();
}

void AddFlags(const CLI::App* app, std::vector<std::string>* words) {
  for (const CLI::Option* option : app->get_options()) {
    for (const std::string& name : option->get_lnames()) words->push_back("--" + name);
  }
}

// What `word`, which nobody knows, may have been meant to be.
std::vector<std::string> Candidates(CLI::App& app, const std::string& word) {
  std::vector<std::string> words;
  if (word[0] != '-') {
    if (VerbOf(app) != nullptr) return words;  // verbs take no arguments
    for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
      words.push_back(verb->get_name());
    }
    return words;
  }
  AddFlags(&app, &words);
  if (const CLI::App* verb = VerbOf(app)) AddFlags(verb, &words);
  return words;
}

int UsageError(const std::string& text, const CLI::App* verb) {
  const std::string help = verb == nullptr ? "agentctl --help" : "agentctl " + verb->get_name() + " --help";
  std::fprintf(stderr, "agentctl: %s\nSee %s.\n", Printable(text).c_str(), help.c_str());
  return kUsage;
}

// Every flag has one value at the most.
int WrongNumberOfValues(const std::string& text, const CLI::App* verb) {
  const size_t missing = text.find(": 1 required ");
  return UsageError(missing == std::string::npos ? text : text.substr(0, missing) + " needs a value.", verb);
}

int UnknownWord(CLI::App& app, const std::string& word) {
  const std::string flag = word.substr(0, word.find('='));
  const std::string nearest = flag.empty() ? "" : base::NearestWord(flag, Candidates(app, flag));
  const bool is_flag = !flag.empty() && flag[0] == '-';
  const std::string what = is_flag ? "flag" : VerbOf(app) == nullptr ? "verb" : "argument";
  const std::string hint = nearest.empty() ? "" : " Did you mean '" + nearest + "'?";
  return UsageError("unknown " + what + " '" + flag + "'." + hint, VerbOf(app));
}

int Main(int argc, char** argv) {
  CLI::App app("agentctl asks sonde-agent where the threads of this host spend their time.", "agentctl");
  Options options;
  DescribeFlags(&app, &options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help) == 0 ? kOk : kFailed;
  } catch (const CLI::ArgumentMismatch& error) {
    return WrongNumberOfValues(error.what(), VerbOf(app));
  } catch (const CLI::ParseError& error) {
    std::vector<std::string> unknown = app.remaining(/*recurse=*/true);
    std::erase(unknown, "--");  // before a command: what is wrong is something else
    if (!unknown.empty()) return UnknownWord(app, unknown.front());
    return UsageError(error.what(), VerbOf(app));
  }
  if (VerbOf(app) == nullptr && !options.version) {
    std::fputs(app.help().c_str(), stderr);
    return kUsage;
  }
  ReadDurations(app, &options);
  const std::map<std::string, ColourMode> modes = {
      {"auto", ColourMode::kAuto}, {"always", ColourMode::kAlways}, {"never", ColourMode::kNever}};
  SetUpColour(modes.at(options.colour));
  CatchInterrupts();
  const int exit_code = RunVerb(options.version ? "version" : VerbOf(app)->get_name(), options);
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return exit_code;
  std::fputs("agentctl: cannot write to standard output\n", stderr);
  return kFailed;
}

}  // namespace
}  // namespace sonde::agentctl

int main(int argc, char** argv) { return sonde::agentctl::Main(argc, argv); }
