/* Loaded before a program, keeps it where it would begin, with all its libraries: so any program becomes one that runs. */
#include <unistd.h>

__attribute__((constructor)) static void pause_at_start(void)
{
	for (;;)
		pause();
}
