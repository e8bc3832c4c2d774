// SPDX-License-Identifier: GPL-2.0
/*
 * What single operations on device private memory cost, and on ordinary memory
 * the same operations, which must not notice that there are pages without a PFN.
 *
 * usage: bench [-r REPEATS] [-S SWAP] [-o OPERATION] DEVICE
 *
 * For a machine that counts instructions instead of time. Each operation is
 * prepared and done REPEATS times on 2 MiB of memory; printed is the median, in ns
 * for each of the 4K pages, or for the whole where that is what users wait for:
 *
 *	bench: NAME VALUE UNIT
 *
 * With -o only one is done, named with "-" for each blank, and each time it is between
 * getpgid() and getsid(), as marks for scripts/profile.
 *
 * "4k" in a name means mapped by PTEs, small folios; "2m" means one PMD, one folio.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <test_hmm_uapi.h>

#define HUGE		(2UL << 20)
#define MPOL_MF_MOVE	(1 << 1)

static size_t page_size, pages;
static int device = -1, repeats = 15;
static char *mem, *mapped;
static void *buffer;

static void die(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

static void must(const char *what, int ret)
{
	if (ret)
		die(what);
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static int dmirror(unsigned long request, size_t first, size_t n)
{
	struct hmm_dmirror_cmd cmd = {
		.addr = (uintptr_t)mem + first * page_size,
		.ptr = (uintptr_t)buffer,
		.npages = n,
	};

	return ioctl(device, request, &cmd);
}

static void map(bool huge)
{
	mapped = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mapped == MAP_FAILED)
		die("mmap");
	mem = (char *)(((uintptr_t)mapped + HUGE - 1) & ~(HUGE - 1));
	if (madvise(mem, HUGE, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE))
		die("madvise");
}

static void touch(void)
{
	for (size_t i = 0; i < pages; i++)
		((volatile char *)mem)[i * page_size] = i;
}

static void to_device(void)
{
	for (int i = 0; i < 100; i++)
		if (!dmirror(HMM_DMIRROR_MIGRATE_TO_DEV, 0, pages))
			return;
	die("migrate to the device");
}

/* How the memory is before the operation. */
static void empty_4k(void) { map(false); }
static void empty_2m(void) { map(true); }
static void system_4k(void) { map(false); touch(); }
static void system_2m(void) { map(true); touch(); }
static void device_4k(void) { map(false); touch(); to_device(); }
static void device_2m(void) { map(true); touch(); to_device(); }

static void device_4k_readonly(void) { device_4k(); must("mprotect", mprotect(mem, HUGE, PROT_READ)); }
static void device_2m_readonly(void) { device_2m(); must("mprotect", mprotect(mem, HUGE, PROT_READ)); }
static void system_4k_out(void) { system_4k(); must("pageout", madvise(mem, HUGE, MADV_PAGEOUT)); }

static void do_to_device(void) { to_device(); }
static void do_touch(void) { touch(); }
static void do_snapshot(void) { must("snapshot", dmirror(HMM_DMIRROR_SNAPSHOT, 0, pages)); }
static void do_down(void) { must("down", mprotect(mem, HUGE, PROT_READ)); }
static void do_up(void) { must("up", mprotect(mem, HUGE, PROT_READ | PROT_WRITE)); }
static void do_unmap(void) { must("unmap", munmap(mem, HUGE)); }
static void do_pageout(void) { must("pageout", madvise(mem, HUGE, MADV_PAGEOUT)); }
static void do_split(void) { must("split", dmirror(HMM_DMIRROR_MIGRATE_TO_SYS, 0, pages / 2)); }

static void do_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		die("fork");
}

static void do_smaps(void)
{
	static char text[65536];
	int fd = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die("smaps");
	while (read(fd, text, sizeof(text)) > 0)
		;
	close(fd);
}

static void do_pagemap(void)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (pread(fd, buffer, pages * 8, (uintptr_t)mem / page_size * 8) != (ssize_t)pages * 8)
		die("pagemap");
	close(fd);
}

static void do_move(void)
{
	static void *addr[HUGE / 4096];
	static int node[HUGE / 4096], status[HUGE / 4096];

	for (size_t i = 0; i < pages; i++) {
		addr[i] = mem + i * page_size;
		node[i] = 1;
	}
	if (syscall(SYS_move_pages, 0, pages, addr, node, status, MPOL_MF_MOVE))
		die("move_pages");
	if (status[0] != 1)
		die("move_pages: not moved");
}

static const struct operation {
	const char *name;
	void (*prepare)(void);
	void (*act)(void);
	bool whole;
} operations[] = {
	{ "to_device 4k", system_4k, do_to_device, false },
	{ "to_device 2m", system_2m, do_to_device, false },
	{ "fault 4k", device_4k, do_touch, false },
	{ "fault 2m", device_2m, do_touch, false },
	{ "snapshot 4k", device_4k, do_snapshot, false },
	{ "snapshot 2m", device_2m, do_snapshot, false },
	{ "fork 4k", device_4k, do_fork, true },
	{ "fork 2m", device_2m, do_fork, true },
	{ "mprotect_down 4k", device_4k, do_down, true },
	{ "mprotect_down 2m", device_2m, do_down, true },
	{ "mprotect_up 4k", device_4k_readonly, do_up, true },
	{ "mprotect_up 2m", device_2m_readonly, do_up, true },
	{ "munmap 4k", device_4k, do_unmap, true },
	{ "munmap 2m", device_2m, do_unmap, true },
	{ "smaps 4k", device_4k, do_smaps, true },
	{ "smaps 2m", device_2m, do_smaps, true },
	{ "pagemap 4k", device_4k, do_pagemap, true },
	{ "pagemap 2m", device_2m, do_pagemap, true },
	{ "split 2m", device_2m, do_split, true },
	{ "ordinary_fault 4k", empty_4k, do_touch, false },
	{ "ordinary_fault 2m", empty_2m, do_touch, true },
	{ "ordinary_fork 4k", system_4k, do_fork, true },
	{ "ordinary_fork 2m", system_2m, do_fork, true },
	{ "ordinary_munmap 4k", system_4k, do_unmap, true },
	{ "ordinary_munmap 2m", system_2m, do_unmap, true },
	{ "ordinary_smaps 4k", system_4k, do_smaps, true },
	{ "ordinary_pagemap 4k", system_4k, do_pagemap, true },
	{ "ordinary_move 4k", system_4k, do_move, false },
	{ "ordinary_move 2m", system_2m, do_move, true },
	{ "ordinary_pageout 4k", system_4k, do_pageout, false },
	{ "ordinary_pagein 4k", system_4k_out, do_touch, false },
};
#define NR_OPS (sizeof(operations) / sizeof(*operations))

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void run(const struct operation *op, bool mark)
{
	uint64_t took[100], t;

	for (int i = -2; i < repeats; i++) {
		op->prepare();
		/* What the preparation has left to others is done now. */
		usleep(2000);
		if (mark)
			syscall(SYS_getpgid, 0);
		t = now();
		op->act();
		t = now() - t;
		if (mark)
			syscall(SYS_getsid, 0);
		if (i >= 0)
			took[i] = t;
		munmap(mapped, 2 * HUGE);
	}
	qsort(took, repeats, sizeof(*took), compare);
	printf("bench: %s %.1f %s\n", op->name,
	       (double)took[repeats / 2] / (op->whole ? 1 : pages),
	       op->whole ? "ns" : "ns/page");
}

int main(int argc, char **argv)
{
	const char *swap = NULL;
	char *only = NULL;
	size_t done = 0;
	int c;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((c = getopt(argc, argv, "r:S:o:")) != -1) {
		if (c == 'r')
			repeats = atoi(optarg);
		else if (c == 'S')
			swap = optarg;
		else if (c == 'o')
			only = optarg;
		else
			return 2;
	}
	if (optind + 1 != argc || repeats < 1 || repeats > 100)
		return 2;
	page_size = sysconf(_SC_PAGESIZE);
	pages = HUGE / page_size;
	buffer = calloc(1, HUGE);
	device = open(argv[optind], O_RDWR | O_CLOEXEC);
	if (!buffer || device < 0)
		die(argv[optind]);

	for (char *p = only; p && *p; p++)
		if (*p == '-')
			*p = ' ';
	printf("TAP version 13\n1..%zu\n", only ? 1 : NR_OPS);
	if (swap) {
		char header[4096] = "";
		int fd = open(swap, O_WRONLY | O_CLOEXEC);
		uint32_t *info = (uint32_t *)(header + 1024);
		off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);

		info[0] = 1;
		info[1] = size / page_size - 1;
		memcpy(header + page_size - 10, "SWAPSPACE2", 10);
		if (fd < 0 || pwrite(fd, header, page_size, 0) != (ssize_t)page_size ||
		    close(fd) || swapon(swap, 0))
			die(swap);
	}
	for (size_t i = 0; i < NR_OPS; i++) {
		if (only && strcmp(only, operations[i].name))
			continue;
		run(&operations[i], only);
		printf("ok %zu - %s\n", ++done, operations[i].name);
	}
	return done ? 0 : 2;
}
