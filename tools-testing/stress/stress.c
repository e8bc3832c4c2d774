// SPDX-License-Identifier: GPL-2.0
/*
 * Migrates memory to and from devices while everything else happens to it.
 *
 * The memory consists of arenas. Each has an owner, a thread that alone changes
 * what is in its arena, knows what must be there, and looks: with the CPU, with a
 * device, in a child, after a move. Other threads do to all arenas what must not
 * change their contents: they migrate, reclaim, split, compact, merge, take
 * snapshots, read /proc, and take a device's memory away.
 *
 * usage: stress [-t SECONDS] [-s SEED] [-a ARENAS] [-S SWAP] [-x OPERATION]...
 *	  [-o OPERATION]... [DEVICE...]
 *
 * SWAP is a block device that may be overwritten; it becomes swap space.
 * -x leaves an operation out, to find out which ones a failure needs. -o leaves
 * out all but those it names, so that they meet more often.
 *
 * The seed decides what each thread does next; it cannot decide how threads
 * interleave. Prints TAP, one test, and the number of each operation.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <test_hmm_uapi.h>

#include "../make_swap.h"

#define HUGE		(2UL << 20)
#define ARENA_SIZE	(2 * HUGE)
#define WORDS		(page_size / sizeof(uint64_t))
#define DEVICES_MAX	4
#define ARENAS_MAX	16
#define DISTURBERS	3

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

/* Says what a page holds; pages that were never written hold zeroes. */
#define ZEROES		0

struct arena {
	int id;
	char *mem;		/* where it is now */
	char *home, *spare;	/* the two places where it can be */
	uint32_t *gen;		/* of each page, or ZEROES */
	uint32_t next_gen;
	pthread_t thread;
};

struct worker {
	uint64_t random;
	char *buffer;
};

#define OPERATIONS(OP)								\
	OP(cpu_write) OP(cpu_check) OP(device_write) OP(device_check)		\
	OP(to_device) OP(to_system) OP(exclusive) OP(snapshot)			\
	OP(fork_write) OP(fork_kill) OP(kill_cgroup) OP(fork_exec)		\
	OP(remap_hole) OP(move) OP(move_part) OP(protect) OP(dontneed)		\
	OP(free_pages) OP(pageout) OP(collapse) OP(huge_off) OP(mergeable)	\
	OP(smaps) OP(pagemap) OP(split) OP(compact) OP(ksm_run)			\
	OP(reclaim) OP(change_cgroup) OP(take_away)

enum {
#define OP(name) op_##name,
	OPERATIONS(OP)
#undef OP
	nr_ops
};
static const char *const op_names[] = {
#define OP(name) #name,
	OPERATIONS(OP)
#undef OP
};
static atomic_ulong done[nr_ops], refused[nr_ops];
static bool excluded[nr_ops], chosen[nr_ops];
/* Of the pages that each device's snapshots saw, those on that device. */
static atomic_ulong seen_on_device[DEVICES_MAX];
static bool have_swap;

/*
 * What was done to pages of an arena, and what they were to hold afterwards if it
 * is a write, so that a page that is wrong comes with its past.
 */
#define RECORDS		8192
static struct record {
	uint64_t begin, end;	/* in ns, end is 0 until then */
	int op, arena, ret;
	bool owner;
	uint32_t first, n, gen;
} records[RECORDS];
static atomic_ulong nr_records;

static struct arena arenas[ARENAS_MAX];
static const char *devices[DEVICES_MAX];
static int nr_arenas = 4, nr_devices, device_fd[DEVICES_MAX];
static size_t page_size, pages;
static uint64_t seed;
static atomic_bool stop;
static atomic_int failures;
/* While there is a hole in an arena, nobody may map anything into it. */
static pthread_barrier_t all_mapped;

static void __attribute__((format(printf, 1, 2))) fail(const char *fmt, ...)
{
	char line[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (atomic_fetch_add(&failures, 1) < 20)
		printf("# %s\n", line);
	fflush(stdout);
	atomic_store(&stop, true);
}

static void fatal(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

/* xorshift64* */
static uint64_t next(struct worker *w)
{
	w->random ^= w->random >> 12;
	w->random ^= w->random << 25;
	w->random ^= w->random >> 27;
	return w->random * 0x2545f4914f6cdd1dULL;
}

static size_t below(struct worker *w, size_t n)
{
	return (next(w) >> 11) % n;
}

/* A few pages, a huge page, or all; first page and number. */
static size_t range(struct worker *w, size_t *first)
{
	size_t n, huge = HUGE / page_size;

	switch (below(w, 4)) {
	case 0:
		*first = 0;
		return pages;
	case 1:
		*first = below(w, pages / huge) * huge;
		return huge;
	default:
		n = 1 + below(w, below(w, 2) ? 16 : huge);
		*first = below(w, pages - n + 1);
		return n;
	}
}

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* Some operations are about a whole arena, and some about all memory. */
static struct record *record(int op, bool owner, const struct arena *a, size_t first,
			     size_t n)
{
	struct record *r = &records[atomic_fetch_add(&nr_records, 1) % RECORDS];
	int arena = a->id;

	switch (op) {
	case op_smaps:
	case op_compact:
	case op_ksm_run:
	case op_reclaim:
	case op_change_cgroup:
	case op_take_away:
		arena = -1;
		n = 0;
		break;
	case op_fork_write:
	case op_fork_kill:
	case op_kill_cgroup:
	case op_fork_exec:
	case op_move:
	case op_pagemap:
		n = 0;
		break;
	}
	*r = (struct record) {
		.begin = now(),
		.op = op,
		.arena = arena,
		.owner = owner,
		.first = first,
		.n = n,
		.gen = a->next_gen,
	};
	return r;
}

/* What was done to a page since the last but one write, backwards, 200 lines at most. */
static void print_past(const struct arena *a, size_t page)
{
	unsigned long end = atomic_load(&nr_records), begin = end > RECORDS ? end - RECORDS : 0;
	unsigned int lines = 0;
	uint64_t since = UINT64_MAX;

	for (unsigned long i = begin; i < end; i++) {
		const struct record *r = &records[i % RECORDS];

		if (r->arena == a->id && r->gen + 3 >= a->gen[page] && r->begin < since)
			since = r->begin;
	}
	for (unsigned long i = end; i-- > begin && lines < 200;) {
		const struct record *r = &records[i % RECORDS];

		if ((r->arena >= 0 && r->arena != a->id) || r->begin < since ||
		    (r->n && (page < r->first || page >= r->first + r->n)))
			continue;
		printf("# past: %" PRIu64 ".%03u ms, for %" PRId64 " us: %s%s %u+%u gen %u: %d\n",
		       r->begin / 1000000, (unsigned int)(r->begin / 1000 % 1000),
		       r->end ? (int64_t)(r->end - r->begin) / 1000 : -1,
		       r->owner ? "" : "other ", op_names[r->op], r->first, r->n, r->gen,
		       r->ret);
		lines++;
	}
	fflush(stdout);
}

/* Migration of pages that are on the device, or of none at all, counts as refused. */
static void count(int op, int ret)
{
	atomic_fetch_add(ret ? &refused[op] : &done[op], 1);
}

/* --- what a page holds --------------------------------------------------- */

static uint64_t word(const struct arena *a, size_t page, uint32_t gen, size_t i)
{
	uint64_t x = seed ^ ((uint64_t)gen << 32) ^ (a->id << 24) ^ (page << 10) ^ i;

	if (gen == ZEROES)
		return 0;
	/* Every sixteenth is like many others, for KSM to merge. */
	if (page % 16 == 5)
		x = seed ^ ((uint64_t)(gen % 4) << 32) ^ i;
	x *= 0x9e3779b97f4a7c15ULL;
	return x ^ (x >> 29);
}

static void fill(const struct arena *a, size_t page, uint32_t gen, void *to)
{
	for (size_t i = 0; i < WORDS; i++)
		((uint64_t *)to)[i] = word(a, page, gen, i);
}

static bool holds(const struct arena *a, size_t page, uint32_t gen, const void *what)
{
	for (size_t i = 0; i < WORDS; i++)
		if (((const volatile uint64_t *)what)[i] != word(a, page, gen, i))
			return false;
	return true;
}

/* Whose contents are these? */
static const char *origin(const void *what)
{
	static char text[100];

	for (int i = 0; i < nr_arenas; i++)
		for (size_t p = 0; p < pages; p++)
			for (uint32_t g = 0; g <= arenas[i].next_gen + 1; g++)
				if (*(const uint64_t *)what == word(&arenas[i], p, g, 0)) {
					snprintf(text, sizeof(text), "%s of arena %d page %zu gen %u",
						 holds(&arenas[i], p, g, what) ? "all" : "a part",
						 i, p, g);
					return text;
				}
	return "something unknown";
}

static int check(const struct arena *a, size_t first, size_t n, const char *mem,
		 const char *how)
{
	for (size_t p = first; p < first + n; p++) {
		const char *what = mem + (p - first) * page_size;

		if (holds(a, p, a->gen[p], what))
			continue;
		if (!atomic_load(&failures))
			print_past(a, p);
		for (uint32_t g = a->next_gen + 1; g-- > 0;)
			if (holds(a, p, g, what)) {
				fail("%s: arena %d page %zu holds %u instead of %u",
				     how, a->id, p, g, a->gen[p]);
				return -1;
			}
		fail("%s: arena %d page %zu at %p holds %s instead of %u: 0x%" PRIx64,
		     how, a->id, p, what, origin(what), a->gen[p],
		     *(const uint64_t *)what);
		return -1;
	}
	return 0;
}

static void cpu_write(struct arena *a, size_t first, size_t n)
{
	uint32_t gen = ++a->next_gen;

	for (size_t p = first; p < first + n; p++) {
		fill(a, p, gen, a->mem + p * page_size);
		a->gen[p] = gen;
	}
}

/* --- devices ------------------------------------------------------------- */

static int device(int fd, unsigned long request, void *mem, size_t n, void *ptr,
		  size_t *copied)
{
	struct hmm_dmirror_cmd cmd = {
		.addr = (uintptr_t)mem,
		.ptr = (uintptr_t)ptr,
		.npages = n,
	};
	int ret;

	do {
		ret = ioctl(fd, request, &cmd);
	} while (ret && (errno == EINTR || errno == EAGAIN));
	if (copied)
		*copied = ret ? 0 : cmd.cpages;
	return ret;
}

static int any_fd(struct worker *w)
{
	return device_fd[below(w, nr_devices)];
}

/*
 * One file for each process: a device is not told of migrations that it does
 * itself, so another file of the same device and process would not know of them.
 */
static void open_devices(int *fd)
{
	for (int i = 0; i < nr_devices; i++) {
		fd[i] = open(devices[i], O_RDWR | O_CLOEXEC);
		if (fd[i] < 0)
			fatal(devices[i]);
	}
}

static void make_buffer(struct worker *w)
{
	w->buffer = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (w->buffer == MAP_FAILED)
		fatal("buffer");
	madvise(w->buffer, ARENA_SIZE, MADV_DONTFORK);
}

/* --- what an owner does -------------------------------------------------- */

static void device_write(struct worker *w, struct arena *a, size_t first, size_t n)
{
	uint32_t gen = ++a->next_gen;
	size_t copied;
	int ret;

	for (size_t p = 0; p < n; p++)
		fill(a, first + p, gen, w->buffer + p * page_size);
	ret = device(any_fd(w), HMM_DMIRROR_WRITE, a->mem + first * page_size, n,
		     w->buffer, &copied);
	count(op_device_write, ret);
	if (ret) {
		/* Some of it may be there. */
		cpu_write(a, first, n);
		return;
	}
	if (copied != n)
		fail("device_write: %zu of %zu pages", copied, n);
	for (size_t p = first; p < first + n; p++)
		a->gen[p] = gen;
}

static void device_check(struct worker *w, struct arena *a, size_t first, size_t n)
{
	size_t copied;
	int ret;

	ret = device(any_fd(w), HMM_DMIRROR_READ, a->mem + first * page_size, n,
		     w->buffer, &copied);
	count(op_device_check, ret);
	if (!ret && copied != n)
		fail("device_check: %zu of %zu pages", copied, n);
	if (!ret)
		check(a, first, n, w->buffer, "device_check");
}

static int put(const char *file, const char *fmt, ...)
{
	char text[100];
	va_list ap;
	int fd, n, ret = -1;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fd = open(file, O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		ret = write(fd, text, n) == n ? 0 : -1;
		close(fd);
	}
	return ret;
}

/* By itself, or as the only one of its control group. */
static int kill_child(struct arena *a, pid_t pid, int op)
{
	char group[60], file[80];

	if (op == op_fork_kill)
		return kill(pid, SIGKILL);
	snprintf(group, sizeof(group), "/sys/fs/cgroup/stress-kill-%d", (int)(a - arenas));
	mkdir(group, 0755);
	snprintf(file, sizeof(file), "%s/cgroup.procs", group);
	if (put(file, "%d", pid))
		return -1;
	snprintf(file, sizeof(file), "%s/cgroup.kill", group);
	return put(file, "1");
}

/* Both sides write and look; a killed child does not come that far. */
static void fork_off(struct worker *w, struct arena *a, size_t first, size_t n, int op)
{
	const bool killed = op == op_fork_kill || op == op_kill_cgroup;
	size_t other, m = range(w, &other);
	uint64_t random = next(w);
	int status;
	pid_t pid;

	pid = fork();
	if (pid < 0) {
		count(op, -1);
		return;
	}
	if (!pid) {
		struct worker child = { .random = random | 1 };

		alarm(600);
		if (op == op_fork_exec) {
			execl("/proc/self/exe", "stress", "--exit", NULL);
			_exit(2);
		}
		if (killed)
			open_devices(device_fd);
		do {
			if (check(a, first, n, a->mem + first * page_size, "child"))
				_exit(1);
			cpu_write(a, first, n);
			if (check(a, 0, pages, a->mem, "child, after it wrote"))
				_exit(1);
			if (killed)
				device(any_fd(&child), HMM_DMIRROR_MIGRATE_TO_DEV, a->mem,
				       pages, child.buffer, NULL);
		} while (killed);
		_exit(0);
	}
	cpu_write(a, other, m);
	if (killed) {
		usleep(below(w, 100000));
		if (kill_child(a, pid, op)) {
			fail("%s: %s", op_names[op], strerror(errno));
			kill(pid, SIGKILL);
		}
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (killed ? !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL :
		     status != 0)
		fail("%s: child ended with status 0x%x", op_names[op], status);
	check(a, 0, pages, a->mem, "after fork");
	count(op, 0);
}

static void remap_hole(struct arena *a, size_t first, size_t n)
{
	char *mem = a->mem + first * page_size;

	if (munmap(mem, n * page_size))
		fatal("munmap");
	if (mmap(mem, n * page_size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != mem)
		fatal("mmap");
	memset(a->gen + first, 0, n * sizeof(*a->gen));
	count(op_remap_hole, 0);
}

static void *move_range(char *from, char *to, size_t size)
{
	void *mem = mremap(from, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to);

	if (mem == MAP_FAILED)
		fatal("mremap");
	return mem;
}

static void keep_place(char *mem, size_t size)
{
	if (mmap(mem, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
		 -1, 0) != mem)
		fatal("mmap");
}

/* mremap() moves a single mapping; an arena may have been cut into several. */
static void move_all(char *from, char *to, size_t size)
{
	for (size_t at = 0; at < size; at += page_size)
		move_range(from + at, to + at, page_size);
}

static void move(struct worker *w, struct arena *a)
{
	char *from = a->mem, *to = a->mem == a->home ? a->spare : a->home;

	if (mremap(from, ARENA_SIZE, ARENA_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, to) ==
	    MAP_FAILED)
		move_all(from, to, ARENA_SIZE);
	keep_place(from, ARENA_SIZE);
	a->mem = to;
	if (below(w, 2))
		check(a, 0, pages, a->mem, "move");
	count(op_move, 0);
}

/* There and back again. */
static void move_part(struct arena *a, size_t first, size_t n)
{
	char *other = a->mem == a->home ? a->spare : a->home;
	size_t at = first * page_size;

	move_all(a->mem + at, other + at, n * page_size);
	check(a, first, n, other + at, "move_part");
	move_all(other + at, a->mem + at, n * page_size);
	keep_place(other, ARENA_SIZE);
	check(a, first, n, a->mem + at, "move_part, back");
	count(op_move_part, 0);
}

static void protect(struct worker *w, struct arena *a, size_t first, size_t n)
{
	char *mem = a->mem + first * page_size;
	int ret;

	if (mprotect(mem, n * page_size, below(w, 2) ? PROT_READ : PROT_NONE))
		fatal("mprotect");
	device(any_fd(w), HMM_DMIRROR_MIGRATE_TO_DEV, mem, n, w->buffer, NULL);
	if (mprotect(mem, n * page_size, PROT_READ))
		fatal("mprotect");
	check(a, first, n, mem, "protect");
	ret = device(any_fd(w), HMM_DMIRROR_MIGRATE_TO_DEV, mem, n, w->buffer, NULL);
	if (mprotect(mem, n * page_size, PROT_READ | PROT_WRITE))
		fatal("mprotect");
	count(op_protect, ret);
}

/* The pages keep what they hold until it is dropped, or until they are written. */
static void free_pages(struct arena *a, size_t first, size_t n)
{
	char *mem = a->mem + first * page_size;
	int ret = madvise(mem, n * page_size, MADV_FREE);

	count(op_free_pages, ret);
	for (size_t p = first; p < first + n; p++)
		if (!holds(a, p, a->gen[p], a->mem + p * page_size) &&
		    !holds(a, p, ZEROES, a->mem + p * page_size))
			fail("free_pages: arena %d page %zu holds neither %u nor zeroes",
			     a->id, p, a->gen[p]);
	cpu_write(a, first, n);
}

/* What is going to be overwritten has to be right until then. */
static void check_before(struct worker *w, struct arena *a, size_t first, size_t n, int op)
{
	switch (op) {
	case op_cpu_write:
	case op_device_write:
	case op_remap_hole:
	case op_dontneed:
	case op_free_pages:
		break;
	default:
		return;
	}
	if (below(w, 2))
		return;
	if (below(w, 2) && !excluded[op_device_check])
		device_check(w, a, first, n);
	else
		check(a, first, n, a->mem + first * page_size, op_names[op]);
}

static void owner_step(struct worker *w, struct arena *a)
{
	static const char ops[] = {
		op_cpu_write, op_cpu_write, op_cpu_check, op_cpu_check,
		op_device_write, op_device_write, op_device_check, op_device_check,
		op_to_device, op_to_device, op_to_device, op_to_system, op_exclusive,
		op_fork_write, op_fork_kill, op_kill_cgroup, op_fork_exec, op_remap_hole, op_move,
		op_move_part, op_protect, op_dontneed, op_free_pages, op_collapse,
		op_huge_off, op_mergeable, op_pageout,
	};
	size_t first, n = range(w, &first), size = n * page_size;
	char *mem = a->mem + first * page_size;
	int op = ops[below(w, sizeof(ops))];

	struct record *r;

	if (excluded[op])
		return;
	check_before(w, a, first, n, op);
	r = record(op, true, a, first, n);
	switch (op) {
	case op_cpu_write:
		cpu_write(a, first, n);
		count(op, 0);
		break;
	case op_cpu_check:
		check(a, first, n, mem, "cpu_check");
		count(op, 0);
		break;
	case op_device_write:
		device_write(w, a, first, n);
		break;
	case op_device_check:
		device_check(w, a, first, n);
		break;
	case op_to_device:
		count(op, device(any_fd(w), HMM_DMIRROR_MIGRATE_TO_DEV, mem, n, w->buffer, NULL));
		break;
	case op_to_system:
		count(op, device(any_fd(w), HMM_DMIRROR_MIGRATE_TO_SYS, mem, n, w->buffer, NULL));
		check(a, first, n, mem, "to_system");
		break;
	case op_exclusive:
		count(op, device(any_fd(w), HMM_DMIRROR_EXCLUSIVE, mem, n, w->buffer, NULL));
		break;
	case op_fork_write:
	case op_fork_kill:
	case op_kill_cgroup:
	case op_fork_exec:
		fork_off(w, a, first, n, op);
		break;
	case op_remap_hole:
		remap_hole(a, first, n);
		break;
	case op_move:
		move(w, a);
		break;
	case op_move_part:
		move_part(a, first, n < 64 ? n : 64);
		break;
	case op_protect:
		protect(w, a, first, n);
		break;
	case op_dontneed:
		count(op, madvise(mem, size, MADV_DONTNEED));
		memset(a->gen + first, 0, n * sizeof(*a->gen));
		break;
	case op_free_pages:
		free_pages(a, first, n);
		break;
	case op_collapse:
		madvise(a->mem, ARENA_SIZE, MADV_HUGEPAGE);
		count(op, madvise(mem, size, MADV_COLLAPSE));
		break;
	case op_huge_off:
		count(op, madvise(mem, size, MADV_NOHUGEPAGE));
		break;
	case op_mergeable:
		count(op, madvise(mem, size, below(w, 2) ? MADV_MERGEABLE : MADV_UNMERGEABLE));
		break;
	case op_pageout:
		count(op, madvise(mem, size, MADV_PAGEOUT));
		break;
	}
	r->end = now();
}

static void *owner(void *arg)
{
	struct arena *a = arg;
	struct worker w = { .random = (seed + a->id * 77773) | 1 };

	make_buffer(&w);
	pthread_barrier_wait(&all_mapped);
	while (!atomic_load(&stop))
		owner_step(&w, a);
	check(a, 0, pages, a->mem, "in the end");
	return NULL;
}

/* --- what the others do -------------------------------------------------- */

static int read_all(struct worker *w, const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	do {
		n = read(fd, w->buffer, ARENA_SIZE);
	} while (n > 0);
	close(fd);
	return n < 0 ? -1 : 0;
}

static int read_pagemap(struct worker *w, const char *mem)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = pread(fd, w->buffer, pages * 8, (uintptr_t)mem / page_size * 8);
	close(fd);
	return n == (ssize_t)(pages * 8) ? 0 : -1;
}

/* By each device, of which only one can say that a page is its own. */
static int snapshot(struct worker *w, char *mem, size_t n)
{
	const unsigned char *perms = (const unsigned char *)w->buffer;
	unsigned int seen;
	int ret = 0;

	for (int i = 0; i < nr_devices; i++) {
		if (device(device_fd[i], HMM_DMIRROR_SNAPSHOT, mem, n, w->buffer, NULL)) {
			ret = -1;
			continue;
		}
		seen = 0;
		for (size_t p = 0; p < n; p++) {
			if (perms[p] == HMM_DMIRROR_PROT_ERROR)
				continue;
			if ((perms[p] & 0x70) == HMM_DMIRROR_PROT_DEV_PRIVATE_REMOTE)
				fail("snapshot: %s sees a page of another device", devices[i]);
			seen += (perms[p] & 0x70) == HMM_DMIRROR_PROT_DEV_PRIVATE_LOCAL;
		}
		atomic_fetch_add(&seen_on_device[i], seen);
	}
	return ret;
}

/*
 * With DEBUG_VM the kernel warns of what it cannot do: to split anonymous folios to
 * order 1, and those of the swap cache to any order but 0.
 */
static unsigned int split_order(struct worker *w)
{
	return have_swap || below(w, 2) ? 0 : 2 + below(w, 7);
}

/* The most pages that were merged, of those times when somebody looked. */
static atomic_ulong merged;

static void look_at_ksm(void)
{
	FILE *f = fopen("/sys/kernel/mm/ksm/pages_sharing", "re");
	unsigned long now;

	if (f && fscanf(f, "%lu", &now) == 1 && now > atomic_load(&merged))
		atomic_store(&merged, now);
	if (f)
		fclose(f);
}

static void disturb_step(struct worker *w)
{
	static const char ops[] = {
		op_to_device, op_to_device, op_to_device, op_to_device, op_to_system,
		op_to_system, op_snapshot, op_snapshot, op_snapshot, op_pageout,
		op_smaps, op_pagemap, op_split, op_compact, op_ksm_run, op_reclaim,
		op_change_cgroup, op_take_away,
	};
	struct arena *a = &arenas[below(w, nr_arenas)];
	size_t first, n = range(w, &first);
	/* Where it is, or was, or will be. */
	char *mem = (below(w, 4) ? a->home : a->spare) + first * page_size;
	int op = ops[below(w, sizeof(ops))], ret = 0;
	struct record *r;

	if (excluded[op])
		return;
	r = record(op, false, a, first, n);
	switch (op) {
	case op_to_device:
		ret = device(any_fd(w), HMM_DMIRROR_MIGRATE_TO_DEV, mem, n, w->buffer, NULL);
		break;
	case op_to_system:
		ret = device(any_fd(w), HMM_DMIRROR_MIGRATE_TO_SYS, mem, n, w->buffer, NULL);
		break;
	case op_snapshot:
		ret = snapshot(w, mem, n);
		break;
	case op_pageout:
		ret = madvise(mem, n * page_size, MADV_PAGEOUT);
		break;
	case op_smaps:
		ret = read_all(w, below(w, 2) ? "/proc/self/smaps" : "/proc/self/smaps_rollup");
		break;
	case op_pagemap:
		ret = read_pagemap(w, a->home);
		break;
	case op_split:
		ret = put("/sys/kernel/debug/split_huge_pages", "%d,0x%lx,0x%lx,%u",
			  getpid(), (unsigned long)mem,
			  (unsigned long)mem + n * page_size, split_order(w));
		break;
	case op_compact:
		/* It goes through all memory there is. */
		if (below(w, 8))
			goto not_now;
		ret = put("/proc/sys/vm/compact_memory", "1");
		break;
	case op_ksm_run:
		look_at_ksm();
		ret = put("/sys/kernel/mm/ksm/run", "%d", below(w, 8) ? 1 : 2);
		break;
	case op_reclaim:
		if (below(w, 4))
			goto not_now;
		ret = put("/sys/fs/cgroup/stress-0/memory.reclaim", "%zu",
			  (1 + below(w, 8)) << 20);
		break;
	case op_change_cgroup:
		ret = put(below(w, 2) ? "/sys/fs/cgroup/stress-0/cgroup.procs" :
				       "/sys/fs/cgroup/stress-1/cgroup.procs", "%d", getpid());
		break;
	case op_take_away:
		if (below(w, 8))
			goto not_now;
		ret = device(any_fd(w), HMM_DMIRROR_RELEASE, mem, 1, w->buffer, NULL);
		break;
	}
	count(op, ret);
	r->ret = ret;
	r->end = now();
	return;

not_now:
	r->n = 1;
	r->first = pages;
}

static void *disturber(void *arg)
{
	struct worker w = { .random = (seed ^ (0xabcdef * ((uintptr_t)arg + 1))) | 1 };

	make_buffer(&w);
	pthread_barrier_wait(&all_mapped);
	while (!atomic_load(&stop)) {
		disturb_step(&w);
		if (!below(&w, 4))
			usleep(below(&w, 2000));
	}
	return NULL;
}

/* What the kernel says that it did, beside what it was asked for. */
static const struct {
	const char *name;
	int op;			/* what makes it count */
} counters[] = {
	{ "pgmigrate_success", op_to_system }, { "pswpin", op_reclaim },
	{ "pswpout", op_reclaim }, { "thp_split_page", op_split },
	{ "thp_split_pmd", op_protect }, { "thp_collapse_alloc", op_collapse },
	{ "compact_migrate_scanned", op_compact },
};
#define NR_COUNTERS (sizeof(counters) / sizeof(*counters))

static unsigned long vmstat(const char *name)
{
	FILE *f = fopen("/proc/vmstat", "re");
	unsigned long value, found = 0;
	char key[64];

	while (f && fscanf(f, "%63s %lu", key, &value) == 2)
		if (!strcmp(key, name))
			found = value;
	if (f)
		fclose(f);
	return found;
}

static void make_arena(struct arena *a, int id)
{
	char *mem = mmap(NULL, 2 * ARENA_SIZE + 2 * HUGE, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mem == MAP_FAILED)
		fatal("mmap");
	mem = (char *)(((uintptr_t)mem + HUGE - 1) & -HUGE);
	a->id = id;
	a->home = a->mem = mem;
	a->spare = mem + ARENA_SIZE + HUGE;
	a->gen = calloc(pages, sizeof(*a->gen));
	if (!a->gen || mprotect(a->mem, ARENA_SIZE, PROT_READ | PROT_WRITE))
		fatal("arena");
	madvise(a->mem, ARENA_SIZE, MADV_HUGEPAGE);
}

static int usage(void)
{
	fprintf(stderr,
		"usage: stress [-t SECONDS] [-s SEED] [-a ARENAS] [-S SWAP] [-x OPERATION]... [-o OPERATION]... [DEVICE...]\n");
	return 2;
}

int main(int argc, char **argv)
{
	unsigned long before[NR_COUNTERS];
	pthread_t others[DISTURBERS];
	const char *swap = NULL;
	bool choose = false;
	int c, op, seconds = 60;
	time_t end;

	if (argc == 2 && !strcmp(argv[1], "--exit"))
		return 0;
	seed = time(NULL);
	while ((c = getopt(argc, argv, "t:s:a:S:x:o:")) != -1) {
		switch (c) {
		case 't':
			seconds = atoi(optarg);
			break;
		case 's':
			seed = strtoull(optarg, NULL, 0);
			break;
		case 'a':
			nr_arenas = atoi(optarg);
			break;
		case 'o':
		case 'x':
			for (op = 0; op < nr_ops && strcmp(op_names[op], optarg); op++)
				;
			if (op == nr_ops)
				return usage();
			if (c == 'x')
				excluded[op] = true;
			else
				choose = chosen[op] = true;
			break;
		case 'S':
			swap = optarg;
			break;
		default:
			return usage();
		}
	}
	for (op = 0; choose && op < nr_ops; op++)
		excluded[op] |= !chosen[op];
	while (optind < argc && nr_devices < DEVICES_MAX)
		devices[nr_devices++] = argv[optind++];
	if (!nr_devices) {
		devices[nr_devices++] = "/dev/hmm_dmirror0";
		devices[nr_devices++] = "/dev/hmm_dmirror1";
	}
	if (seconds < 1 || nr_arenas < 1 || nr_arenas > ARENAS_MAX) {
		return usage();
	}
	page_size = sysconf(_SC_PAGESIZE);
	pages = ARENA_SIZE / page_size;
	printf("TAP version 13\n1..1\n# seed %" PRIu64 ", %d seconds, %d arenas of %lu MiB, %d devices\n",
	       seed, seconds, nr_arenas, ARENA_SIZE >> 20, nr_devices);
	fflush(stdout);

	if (swap && make_swap(swap))
		fatal(swap);
	have_swap = swap;
	put("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	mkdir("/sys/fs/cgroup/stress-0", 0755);
	mkdir("/sys/fs/cgroup/stress-1", 0755);

	open_devices(device_fd);
	for (int i = 0; i < nr_arenas; i++)
		make_arena(&arenas[i], i);
	if (pthread_barrier_init(&all_mapped, NULL, nr_arenas + DISTURBERS + 1))
		fatal("pthread_barrier_init");
	for (int i = 0; i < nr_arenas; i++)
		if (pthread_create(&arenas[i].thread, NULL, owner, &arenas[i]))
			fatal("pthread_create");
	for (long i = 0; i < DISTURBERS; i++)
		if (pthread_create(&others[i], NULL, disturber, (void *)i))
			fatal("pthread_create");

	for (size_t i = 0; i < NR_COUNTERS; i++)
		before[i] = vmstat(counters[i].name);
	pthread_barrier_wait(&all_mapped);
	end = time(NULL) + seconds;
	while (time(NULL) < end && !atomic_load(&stop))
		usleep(100000);
	atomic_store(&stop, true);
	for (int i = 0; i < DISTURBERS; i++)
		pthread_join(others[i], NULL);
	for (int i = 0; i < nr_arenas; i++)
		pthread_join(arenas[i].thread, NULL);

	if (swap && swapoff(swap))
		fail("swapoff: %s", strerror(errno));

	for (int i = 0; i < nr_ops; i++) {
		printf("# %-14s %8lu done, %lu refused\n", op_names[i], done[i], refused[i]);
		if (!excluded[i] && !done[i] && (refused[i] >= 20 || seconds >= 300))
			fail("%s: never done", op_names[i]);
	}
	for (int i = 0; i < nr_devices; i++) {
		printf("# %s: %lu pages in snapshots\n", devices[i], seen_on_device[i]);
		if (!excluded[op_snapshot] && !excluded[op_to_device] && seconds >= 300 &&
		    !seen_on_device[i])
			fail("%s: no snapshot saw a page on it", devices[i]);
	}
	for (size_t i = 0; i < NR_COUNTERS; i++) {
		unsigned long change = vmstat(counters[i].name) - before[i];

		printf("# %s: %lu\n", counters[i].name, change);
		if (!change && seconds >= 300 && !excluded[counters[i].op] &&
		    (swap || strncmp(counters[i].name, "pswp", 4)))
			fail("%s has not changed", counters[i].name);
	}
	printf("# merged by KSM: %lu pages at most\n", merged);
	if (!merged && seconds >= 300 && !excluded[op_ksm_run] && !excluded[op_mergeable])
		fail("KSM has merged nothing");
	printf("%sok 1 stress.seed_%" PRIu64 "\n", failures ? "not " : "", seed);
	return !!failures;
}
