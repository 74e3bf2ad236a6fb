/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef SONDE_BPF_LIB_SELDOM_H
#define SONDE_BPF_LIB_SELDOM_H

/* Code that most runs do not come to is kept out of the way of that which all do. A program that runs a hundred times a second
 * finds little of itself in the caches: what it costs is how many lines of it are fetched. */
#define SELDOM __attribute__((noinline))

#endif
