// SPDX-License-Identifier: GPL-2.0
/*
 * Reclaims a huge page of which a device has one page for itself.
 *
 * usage: reclaim_exclusive SWAP DEVICE
 *
 * make_device_exclusive() leaves the folio as large as it was, mapped by ptes, of which
 * one is not present. Reclaim asks folio_referenced() about that folio, because there is
 * hardly anything else in the control group; only a kernel with DEBUG_VM says whether it
 * took that pte for a present one. SWAP is a block device that may be overwritten: without
 * swap space nobody looks at anonymous memory. For pages of 4 KiB, and huge pages of
 * 2 MiB. Prints TAP, one test.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <test_hmm_uapi.h>

#include "../make_swap.h"

#define GROUP	"/sys/fs/cgroup/reclaim_exclusive"
#define HUGE	(2UL << 20)

/* Says what went wrong, and ends. */
static _Noreturn void fail(const char *what)
{
	printf("not ok 1 reclaim_exclusive: %s\n", what);
	exit(1);
}

static int put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	int error = fd < 0 || write(fd, text, strlen(text)) < 0 ? errno : 0;

	if (fd >= 0)
		close(fd);
	return error;
}

/* The number after the first line of FILE that begins with KEY, from FROM on. */
static long field(const char *file, const char *from, const char *key)
{
	FILE *f = fopen(file, "re");
	bool found = !from;
	char line[200];
	long value = -1;

	while (f && value < 0 && fgets(line, sizeof(line), f)) {
		found = found || !strncmp(line, from, strlen(from));
		if (found && !strncmp(line, key, strlen(key)))
			value = strtol(line + strlen(key), NULL, 10);
	}
	if (f)
		fclose(f);
	return value;
}

/* KiB of the mapping at MEM that are mapped as huge pages. */
static long mapped_huge(const void *mem)
{
	char from[32];

	snprintf(from, sizeof(from), "%lx-", (unsigned long)mem);
	return field("/proc/self/smaps", from, "AnonHugePages:");
}

int main(int argc, char **argv)
{
	struct hmm_dmirror_cmd cmd = { .npages = 1 };
	const size_t page = getpagesize();
	char *mem, *buffer;
	long splits, looked = 0;
	int fd, error;

	if (argc != 3) {
		fprintf(stderr, "usage: reclaim_exclusive SWAP DEVICE\n");
		return 2;
	}
	printf("TAP version 13\n1..1\n");
	if (make_swap(argv[1]))
		fail("no swap space");
	fd = open(argv[2], O_RDWR | O_CLOEXEC);
	buffer = malloc(page);
	if (fd < 0 || !buffer)
		fail("no device");
	put("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	if ((mkdir(GROUP, 0755) && errno != EEXIST) || put(GROUP "/cgroup.procs", "0"))
		fail("no control group");

	mem = mmap(NULL, 2 * HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		fail("mmap");
	mem = (char *)(((uintptr_t)mem + HUGE - 1) & -HUGE);
	if (mprotect(mem, HUGE, PROT_READ | PROT_WRITE) || madvise(mem, HUGE, MADV_HUGEPAGE))
		fail("madvise");
	memset(mem, 0x5a, HUGE);
	if (mapped_huge(mem) != HUGE >> 10)
		fail("no huge page");

	splits = field("/proc/vmstat", NULL, "thp_split_page ");
	cmd.addr = (uintptr_t)mem + HUGE / 2;
	cmd.ptr = (uintptr_t)buffer;
	if (ioctl(fd, HMM_DMIRROR_EXCLUSIVE, &cmd) || cmd.cpages != 1)
		fail("the device does not get the page for itself");
	if (mapped_huge(mem))
		fail("the huge page is not mapped by ptes");
	if (splits < 0 || field("/proc/vmstat", NULL, "thp_split_page ") != splits)
		fail("the folio was split");

	/* What memory.stat says may be two seconds old. */
	for (int i = 0; i < 50 && looked < (long)(HUGE / page); i++) {
		error = put(GROUP "/memory.reclaim", "8M swappiness=200");
		if (error && error != EAGAIN)
			fail("no memory.reclaim");
		looked = field(GROUP "/memory.stat", NULL, "pgrefill ");
		usleep(100000);
	}
	printf("# looked at %ld pages, reclaimed %ld\n", looked,
	       field(GROUP "/memory.stat", NULL, "pgsteal "));
	if (looked < (long)(HUGE / page))
		fail("reclaim did not look at the huge page");
	for (size_t i = 0; i < HUGE; i++)
		if (mem[i] != 0x5a)
			fail("a byte is lost");
	printf("ok 1 reclaim_exclusive\n");
	return 0;
}
