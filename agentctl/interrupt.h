#pragma once

namespace sonde::agentctl {

// Turns SIGINT and SIGTERM into a question that loops ask; a second one ends the program at once with exit code 130.
// Call once, from main.
void CatchInterrupts();
bool Interrupted();

}  // namespace sonde::agentctl
