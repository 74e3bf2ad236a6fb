/* static_load SECONDS: a program without a dynamic loader, at work in its C library. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int by_value(const void *a, const void *b)
{
	return (*(const int *)a > *(const int *)b) - (*(const int *)a < *(const int *)b);
}

static unsigned long work(unsigned seed)
{
	static int numbers[5000];
	char text[256];
	unsigned long sum = 0;

	srand(seed);
	for (int i = 0; i < 5000; i++)
		numbers[i] = rand();
	qsort(numbers, 5000, sizeof(*numbers), by_value);
	for (int i = 0; i < 500; i++) {
		snprintf(text, sizeof(text), "%d %f %s", numbers[i], numbers[i] / 7.0, "text");
		sum += strtoul(text, NULL, 10) + strlen(text);
	}
	return sum;
}

int main(int argc, char **argv)
{
	time_t end = time(NULL) + (argc == 2 ? atoi(argv[1]) : 0);
	unsigned long sum = 0;

	for (unsigned i = 0; time(NULL) < end; i++)
		sum += work(i);
	return sum == 1;
}
