// SPDX-License-Identifier: GPL-2.0
/*
 * Loads and unloads a module many times and looks whether memory comes back.
 *
 * usage: cycles COUNT FILE NAME [PARAM=VALUE...]
 *
 * The counters of memory that a leak of any kind would raise are read after a
 * hundred cycles, when caches have their size, and at the end; the slab caches as
 * well, of which none may have an object more for each cycle. Prints TAP, one test
 * per counter, and one for the slab caches.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WARM	100

static long field(const char *file, const char *key)
{
	FILE *f = fopen(file, "re");
	size_t n = strlen(key);
	char line[200];
	long value = -1;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, n) && (line[n] == ' ' || line[n] == ':'))
			value = strtol(line + n + 1, NULL, 10);
	if (f)
		fclose(f);
	return value;
}

/* Areas of kernel address space: one line each. */
static long areas(void)
{
	FILE *f = fopen("/proc/vmallocinfo", "re");
	char line[400];
	long n = 0;

	while (f && fgets(line, sizeof(line), f))
		n++;
	if (f)
		fclose(f);
	return n;
}

static const struct counter {
	const char *file, *key;
	long slack;		/* may differ by so much */
} counters[] = {
	{ "/proc/vmstat", "nr_memmap_pages", 0 },
	{ "/proc/vmstat", "nr_memmap_boot_pages", 0 },
	{ "/proc/vmallocinfo", NULL, 8 },
	/* KiB: RCU, caches, per-CPU lists. */
	{ "/proc/meminfo", "Slab", 200 },
	{ "/proc/meminfo", "PageTables", 128 },
	{ "/proc/meminfo", "Percpu", 64 },
	{ "/proc/meminfo", "MemFree", 2048 },
};
#define NR (sizeof(counters) / sizeof(*counters))

/* --- slab caches ---------------------------------------------------------- */

#define CACHES_MAX	400

static struct cache {
	char name[64];
	long before, after, size;
} caches[CACHES_MAX];
static int nr_caches;

static void look_at_caches(bool first)
{
	FILE *f = fopen("/proc/slabinfo", "re");
	char line[400], name[64];
	long active, total, size;

	while (f && fgets(line, sizeof(line), f)) {
		int i;

		if (sscanf(line, "%63s %ld %ld %ld", name, &active, &total, &size) != 4)
			continue;
		for (i = 0; i < nr_caches && strcmp(caches[i].name, name); i++)
			;
		if (i == CACHES_MAX)
			break;
		if (i == nr_caches) {
			strcpy(caches[i].name, name);
			/* A cache that came later had nothing. */
			caches[i].before = first ? active : 0;
			caches[i].size = size;
			nr_caches++;
		}
		caches[i].after = active;
	}
	if (f)
		fclose(f);
}

/* Did any cache grow by an object per cycle? Says which grew by a tenth of that. */
static bool caches_grew(int cycles)
{
	bool grew = false;

	for (int i = 0; i < nr_caches; i++) {
		long change = caches[i].after - caches[i].before;

		if (change < cycles / 10)
			continue;
		printf("# slab %s: %ld objects more, of %ld bytes\n", caches[i].name, change,
		       caches[i].size);
		grew |= change >= cycles;
	}
	return grew;
}

static void look(long *values, bool first)
{
	int f = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);

	if (f >= 0) {
		if (write(f, "3", 1) != 1)
			perror("# drop_caches");
		close(f);
	}
	/* Grace periods and lazy freeing. */
	sleep(3);
	for (size_t i = 0; i < NR; i++)
		values[i] = counters[i].key ?
			field(counters[i].file, counters[i].key) : areas();
	look_at_caches(first);
}

int main(int argc, char **argv)
{
	char params[512] = "";
	long before[NR], after[NR];
	int count, failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 4 || (count = atoi(argv[1])) <= WARM)
		return 2;
	for (int i = 4; i < argc; i++) {
		strncat(params, argv[i], sizeof(params) - strlen(params) - 2);
		strcat(params, " ");
	}
	printf("TAP version 13\n1..%zu\n", NR + 1);
	for (int i = 0; i < count; i++) {
		int fd = open(argv[2], O_RDONLY | O_CLOEXEC);

		if (fd < 0 || syscall(SYS_finit_module, fd, params, 0)) {
			printf("Bail out! load %d of %s: %s\n", i, argv[2], strerror(errno));
			return 1;
		}
		close(fd);
		if (syscall(SYS_delete_module, argv[3], O_NONBLOCK)) {
			printf("Bail out! unload %d of %s: %s\n", i, argv[3], strerror(errno));
			return 1;
		}
		if (i == WARM - 1)
			look(before, true);
		if ((i + 1) % 100 == 0)
			printf("# %d of %d\n", i + 1, count);
	}
	look(after, false);
	for (size_t i = 0; i < NR; i++) {
		long change = after[i] - before[i];
		const char *name = counters[i].key ? counters[i].key : "vmalloc areas";
		bool ok;

		/* Free memory may grow. */
		if (!strcmp(name, "MemFree"))
			change = -change;
		ok = before[i] >= 0 && change <= counters[i].slack;
		printf("# %s: %ld after %d cycles, %ld after %d\n", name, before[i], WARM,
		       after[i], count);
		printf("%sok %zu - %s comes back\n", ok ? "" : "not ", i + 1, name);
		failed += !ok;
	}
	/* Many caches have to be seen, or it proves nothing. */
	if (nr_caches < 20 || caches_grew(count - WARM)) {
		printf("not ");
		failed++;
	}
	printf("ok %zu - slab caches do not grow\n", NR + 1);
	return failed != 0;
}
