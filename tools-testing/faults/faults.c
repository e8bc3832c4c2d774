// SPDX-License-Identifier: GPL-2.0
/*
 * Lets each allocation and each copy to or from user space on the way through
 * device private memory fail once, and looks at what is left.
 *
 * For each operation: prepare; have the Nth point at which a fault can be injected
 * fail (/proc/thread-self/fail-nth); do it; look whether the data is still right,
 * first with the device, which finds what the fault has left, then with the CPU; do
 * it once more without a fault. N goes from 1 until the operation ends before its
 * Nth point, three times. So each point is hit that an operation always
 * has; how many there are depends a little on what caches hold. The number is printed.
 *
 * Much that fails once is tried again, with success. So for some operations there is
 * a second series (NAME_lasting), in which each allocation from the Nth point on fails
 * until the operation is over.
 *
 * usage: faults [-o OPERATION] [-c DEVICE]
 *
 * Needs CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC, CONFIG_FAULT_INJECTION_USERCOPY,
 * test_hmm, and the module inject_pagemap. Prints TAP, one test per operation.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <test_hmm_uapi.h>

#define HUGE		(2UL << 20)
#define POINTS_MAX	4000
#define INJECT		"/sys/kernel/debug/inject_pagemap/"

/* How the child that has tried one point ends; with BAD the series ends too. */
enum { GOOD = 10, REFUSED, KILLED, FINISHED, BUSY, BAD };

static const char *device = "/dev/hmm_dmirror0";
static size_t page_size;
static int fd;			/* of the device */
static char *mem;		/* HUGE bytes, aligned */
static void *buffer;

static void __attribute__((format(printf, 1, 2))) bad(const char *fmt, ...)
{
	va_list ap;

	printf("# ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	_exit(BAD);
}

static bool put(const char *file, const char *text)
{
	int f = open(file, O_WRONLY | O_CLOEXEC);
	bool ok = f >= 0 && write(f, text, strlen(text)) == (ssize_t)strlen(text);
	int error = errno;

	if (f >= 0)
		close(f);
	errno = error;
	return ok;
}

static long get(const char *file, const char *key)
{
	FILE *f = fopen(file, "re");
	char line[200];
	long value = -1;

	while (f && fgets(line, sizeof(line), f)) {
		size_t n = strlen(key);

		if (!strncmp(line, key, n) && (!n || line[n] == ' ' || line[n] == ':')) {
			value = strtol(line + n + !!n, NULL, 0);
			break;
		}
	}
	if (f)
		fclose(f);
	return value;
}

/* --- injection ------------------------------------------------------------ */

static int fail_nth = -1, make_it_fail = -1;
static bool lasting;

static void fail_all(bool on)
{
	if (lasting && pwrite(make_it_fail, on ? "1" : "0", 1, 0) != 1)
		bad("make-it-fail: %s", strerror(errno));
}

static void inject(int n)
{
	char text[20];

	/* As long as the Nth point is to come, nothing else fails. */
	fail_all(true);
	snprintf(text, sizeof(text), "%d", n);
	if (pwrite(fail_nth, text, strlen(text), 0) < 0)
		bad("fail-nth: %s", strerror(errno));
}

/* Was the fault injected? */
static bool injected(void)
{
	char text[20] = "";
	bool left;

	/* If one point was left, it is that of this read. */
	left = pread(fail_nth, text, sizeof(text) - 1, 0) <= 0;
	if (left && errno != EFAULT)
		bad("fail-nth: %s", strerror(errno));
	if (pwrite(fail_nth, "0", 1, 0) != 1 && pwrite(fail_nth, "0", 1, 0) != 1)
		bad("fail-nth: %s", strerror(errno));
	return !left && atoi(text) == 0;
}

/* --- memory --------------------------------------------------------------- */

static size_t copied;		/* bytes, by the last of those calls that copies */

static int dmirror(unsigned long request, void *addr, size_t bytes, void *ptr)
{
	struct hmm_dmirror_cmd cmd = {
		.addr = (uintptr_t)addr,
		.ptr = (uintptr_t)ptr,
		.npages = bytes / page_size,
	};
	int ret;

	do
		ret = ioctl(fd, request, &cmd);
	while (ret && errno == EINTR);
	copied = ret ? 0 : cmd.cpages * page_size;
	return ret;
}

static unsigned long salt;	/* what is in memory depends on it */

static long pattern(size_t i)
{
	return i * 2654435761UL + salt;
}

static void fill(void *to)
{
	for (size_t i = 0; i < HUGE / sizeof(long); i++)
		((long *)to)[i] = pattern(i);
}

static void check_from(size_t from, size_t to, const char *when)
{
	for (size_t i = from / sizeof(long); i < to / sizeof(long); i++)
		if (((volatile long *)mem)[i] != pattern(i))
			bad("%s: byte %zu is wrong", when, i * sizeof(long));
}

/* What a device has read. */
static void check_buffer(size_t from, size_t bytes)
{
	for (size_t i = 0; i < bytes / sizeof(long); i++)
		if (((long *)buffer)[i] != pattern(from / sizeof(long) + i))
			bad("the device has read something else for byte %zu",
			    from + i * sizeof(long));
}

static void check(const char *when)
{
	check_from(0, HUGE, when);
}

/* A page may be locked for a moment, or in a batch of another CPU. */
static bool try_later(int attempt)
{
	if (attempt == 20 || (errno != ENOENT && errno != EBUSY))
		return false;
	usleep(1000);
	/* Drains the batches of all CPUs. */
	if (attempt > 3 && !put("/proc/sys/vm/drop_caches", "1"))
		bad("drop_caches: %s", strerror(errno));
	return true;
}

/* What a fault has left, as the device finds it. */
static void device_reads(size_t from, size_t bytes)
{
	int i = 0;

	memset(buffer, 0, HUGE);
	while (dmirror(HMM_DMIRROR_READ, mem + from, bytes, buffer))
		if (!try_later(++i))
			bad("the device cannot read byte %zu and what follows: %s", from,
			    strerror(errno));
	check_buffer(from, bytes);
}

static void map(bool huge)
{
	char *p = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		bad("mmap: %s", strerror(errno));
	mem = (char *)(((uintptr_t)p + HUGE - 1) & ~(HUGE - 1));
	madvise(mem, HUGE, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	buffer = malloc(HUGE);
	memset(buffer, 0, HUGE);
	fill(mem);
	fd = open(device, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		bad("%s: %s", device, strerror(errno));
}

static void to_device(void)
{
	int i = 0;

	memset(buffer, 0, HUGE);
	while (dmirror(HMM_DMIRROR_MIGRATE_TO_DEV, mem, HUGE, buffer))
		if (!try_later(++i))
			bad("cannot migrate to the device: %s", strerror(errno));
	check_buffer(0, HUGE);
}

static void small(void) { map(false); }
static void huge(void) { map(true); }
static void small_on_device(void) { map(false); to_device(); }
static void huge_on_device(void) { map(true); to_device(); }

/* No chunk of device memory is left, the next page needs a new one. */
static void no_chunks(void)
{
	map(true);
	dmirror(HMM_DMIRROR_RELEASE, mem, HUGE, buffer);
}

/* The device reads what it got. */
static bool part_to_device(size_t from, size_t bytes)
{
	memset(buffer, 0, HUGE);
	if (dmirror(HMM_DMIRROR_MIGRATE_TO_DEV, mem + from, bytes, buffer))
		return false;
	check_buffer(from, bytes);
	return true;
}

static bool do_to_device(void)
{
	return part_to_device(0, HUGE);
}

static bool do_to_system(void)
{
	return !dmirror(HMM_DMIRROR_MIGRATE_TO_SYS, mem, HUGE, buffer) && copied == HUGE;
}

static bool once_more;		/* after a fault, which may have split a huge page */

/* test_hmm counts a page that migrates as a huge one as one. */
static bool do_huge_to_system(void)
{
	return !dmirror(HMM_DMIRROR_MIGRATE_TO_SYS, mem, HUGE, buffer) &&
		(copied == page_size || (once_more && copied == HUGE));
}

/* Half of a huge page, which has to be split on the way. */
static bool do_half_to_device(void)
{
	return part_to_device(HUGE / 4, HUGE / 2);
}

static bool do_half_to_system(void)
{
	return !dmirror(HMM_DMIRROR_MIGRATE_TO_SYS, mem + HUGE / 4, HUGE / 2, buffer) &&
		copied == HUGE / 2;
}

static bool do_touch(void)
{
	((volatile char *)mem)[3 * page_size] += 0;
	return true;
}

static bool do_fork(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		/* No fault is injected here. */
		check("in the child of a fork");
		_exit(GOOD);
	}
	if (pid < 0)
		return false;
	waitpid(pid, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != GOOD)
		bad("the child of a fork: status %#x", status);
	return true;
}

static bool do_protect(void)
{
	return !mprotect(mem + HUGE / 4, HUGE / 2, PROT_READ);
}

static bool do_unmap(void)
{
	return !munmap(mem + HUGE / 2, page_size);
}

static void after_unmap(void)
{
	const size_t rest = HUGE / 2 + page_size;

	/* It may have been the munmap() that failed. */
	munmap(mem + HUGE / 2, page_size);
	for (int i = 0; i < 2; i++) {
		device_reads(0, HUGE / 2);
		device_reads(rest, HUGE - rest);
		check_from(0, HUGE / 2, "after munmap");
		check_from(rest, HUGE, "after munmap");
		for (int j = 0; !i && (!part_to_device(0, HUGE / 2) ||
				       !part_to_device(rest, HUGE - rest)); )
			if (!try_later(++j))
				bad("cannot migrate what is left: %s", strerror(errno));
	}
}

static bool do_move(void)
{
	char *to = mmap(NULL, 2 * HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *moved;

	if (to == MAP_FAILED)
		return false;
	to = (char *)(((uintptr_t)to + HUGE - 1) & ~(HUGE - 1));
	moved = mremap(mem, HUGE, HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	if (moved == MAP_FAILED)
		return false;
	mem = moved;
	return true;
}

static bool do_snapshot(void)
{
	const unsigned char *perms = buffer;

	if (dmirror(HMM_DMIRROR_SNAPSHOT, mem, HUGE, buffer))
		return false;
	for (size_t i = 0; i < HUGE / page_size; i++)
		if ((perms[i] & ~HMM_DMIRROR_PROT_PMD) !=
		    (HMM_DMIRROR_PROT_DEV_PRIVATE_LOCAL | HMM_DMIRROR_PROT_WRITE))
			bad("the snapshot of page %zu is %#x", i, perms[i]);
	return true;
}

static bool do_read(void)
{
	memset(buffer, 0, HUGE);
	if (dmirror(HMM_DMIRROR_READ, mem, HUGE, buffer))
		return false;
	check_buffer(0, HUGE);
	return true;
}

/* A write that fails may have been done in part. */
static bool do_write(void)
{
	bool ok;

	salt++;
	fill(buffer);
	ok = !dmirror(HMM_DMIRROR_WRITE, mem, HUGE, buffer);
	for (size_t i = 0; !ok && i < HUGE / sizeof(long); i++) {
		volatile long *at = (volatile long *)mem + i;

		if (*at != pattern(i) && *at != pattern(i) - 1)
			bad("byte %zu is neither old nor new", i * sizeof(long));
		*at = pattern(i);
	}
	return ok;
}

static bool do_exclusive(void)
{
	if (dmirror(HMM_DMIRROR_EXCLUSIVE, mem, HUGE / 8, buffer))
		return false;
	check_buffer(0, HUGE / 8);
	return true;
}

static bool do_release(void)
{
	return !dmirror(HMM_DMIRROR_RELEASE, mem, HUGE, buffer);
}

static void after(void)
{
	device_reads(0, HUGE);
	check("afterwards");
}

static void after_protect(void)
{
	after();
	if (mprotect(mem, HUGE, PROT_READ | PROT_WRITE))
		bad("mprotect: %s", strerror(errno));
}

/* --- registration --------------------------------------------------------- */

static long memmap, first_offset;

/* What is registered first has the lowest offset. */
static long register_first(void)
{
	long first;

	if (!put(INJECT "register", "65536"))
		bad("cannot register: %s", strerror(errno));
	first = get(INJECT "first", "");
	if (first <= 0)
		bad("no first offset");
	if (!put(INJECT "unregister", "0"))
		bad("cannot unregister: %s", strerror(errno));
	return first;
}

static void register_setup(void)
{
	long first;
	int i = 0;

	memmap = get("/proc/vmstat", "nr_memmap_pages");
	if (memmap < 0)
		bad("no nr_memmap_pages in /proc/vmstat");
	/*
	 * Something left behind would have the first place. What vmalloc() could not
	 * fill has it too, until a work item frees it.
	 */
	while ((first = register_first()) != first_offset)
		if (i++ < 100)
			usleep(10000);
		else
			bad("another first offset: %#lx, not %#lx", first, first_offset);
	if (get("/proc/vmstat", "nr_memmap_pages") != memmap)
		bad("nr_memmap: %ld pages are left", get("/proc/vmstat", "nr_memmap_pages") - memmap);
}

static bool do_nothing(void) { return put(INJECT "nothing", "65536"); }

/* The only thing to be short of is memory. */
static bool register_by(const char *file)
{
	bool ok = put(file, "65536");

	if (!ok && errno != ENOMEM && errno != EFAULT)
		bad("%s: %s", file, strerror(errno));
	return ok;
}

static bool do_register(void) { return register_by(INJECT "register"); }
static bool do_register_devm(void) { return register_by(INJECT "register_devm"); }

static void registered(void)
{
	register_setup();
	if (!put(INJECT "register", "65536"))
		bad("cannot register: %s", strerror(errno));
}

static bool do_unregister(void) { return put(INJECT "unregister", "0"); }

static void after_register(void)
{
	if (get(INJECT "first", "") > 0 && !put(INJECT "unregister", "0"))
		bad("cannot unregister: %s", strerror(errno));
	if (get("/proc/vmstat", "nr_memmap_pages") != memmap)
		bad("nr_memmap: %ld pages are left", get("/proc/vmstat", "nr_memmap_pages") - memmap);
	register_setup();
}

static const struct operation {
	const char *name;
	void (*prepare)(void);
	bool (*act)(void);	/* without a fault it succeeds */
	void (*look)(void);
	bool may_bus;		/* SIGBUS is an answer to a failed allocation */
	int points_min;		/* about half of what was counted */
	bool lasting;		/* a second series, in which the fault lasts */
} operations[] = {
	{ "nothing", register_setup, do_nothing, after_register, false, 5, false },
	{ "register", register_setup, do_register, after_register, false, 15, true },
	{ "register_devm", register_setup, do_register_devm, after_register, false, 17, true },
	{ "unregister", registered, do_unregister, after_register, false, 7, true },
	{ "grow", no_chunks, do_to_device, after, false, 38, true },
	{ "to_device_small", small, do_to_device, after, false, 280, true },
	{ "to_device_huge", huge, do_to_device, after, false, 24, true },
	{ "to_system_small", small_on_device, do_to_system, after, false, 258, true },
	{ "to_system_huge", huge_on_device, do_huge_to_system, after, false, 3, true },
	{ "split_to_device", huge, do_half_to_device, after, false, 147, true },
	{ "split_to_system", huge_on_device, do_half_to_system, after, false, 130, true },
	{ "fault_small", small_on_device, do_touch, after, true, 2, false },
	{ "fault_huge", huge_on_device, do_touch, after, true, 3, false },
	{ "fork_small", small_on_device, do_fork, after, false, 60, false },
	{ "fork_huge", huge_on_device, do_fork, after, false, 60, false },
	{ "mprotect_split", huge_on_device, do_protect, after_protect, false, 6, false },
	{ "munmap_split", huge_on_device, do_unmap, after_unmap, false, 7, false },
	{ "mremap_small", small_on_device, do_move, after, false, 10, false },
	{ "mremap_huge", huge_on_device, do_move, after, false, 10, false },
	{ "snapshot_huge", huge_on_device, do_snapshot, after, false, 9, false },
	{ "read_device", huge_on_device, do_read, after, false, 7, false },
	{ "write_device", small_on_device, do_write, after, false, 7, false },
	{ "exclusive", small, do_exclusive, after, false, 14, false },
	{ "release", huge_on_device, do_release, after, false, 4, false },
};
#define NR_OPS (sizeof(operations) / sizeof(*operations))

static sigjmp_buf bus;

static void on_bus(int sig)
{
	(void)sig;
	siglongjmp(bus, 1);
}

/* The same once more with the same memory, which is in the system now. */
static void repeat(const struct operation *op)
{
	int i = 0;

	once_more = true;
	if (op->prepare == small_on_device || op->prepare == huge_on_device)
		to_device();
	for (errno = 0; !op->act(); errno = 0)
		if (!try_later(++i))
			bad("fails after a fault: %s", strerror(errno));
	op->look();
	to_device();
	check("after another round trip");
}

/* A page that cannot be brought back is a SIGBUS for who touches it, and only then. */
static void try_point(const struct operation *op, int n)
{
	volatile bool ok, killed = false;
	volatile int error = 0;
	bool hit;

	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	make_it_fail = open("/proc/thread-self/make-it-fail", O_RDWR | O_CLOEXEC);
	if (fail_nth < 0 || make_it_fail < 0)
		bad("fail-nth, make-it-fail: %s", strerror(errno));
	/* Not for ever: a page fault without memory comes again until there is some. */
	if (lasting && (!put("/sys/kernel/debug/failslab/times", "1000") ||
			!put("/sys/kernel/debug/fail_page_alloc/times", "1000")))
		bad("times: %s", strerror(errno));
	op->prepare();
	if (op->may_bus)
		signal(SIGBUS, on_bus);
	if (!sigsetjmp(bus, 1)) {
		inject(n);
		errno = 0;
		ok = op->act();
		error = errno;
	} else {
		ok = false;
		killed = true;
	}
	hit = injected();
	fail_all(false);
	signal(SIGBUS, SIG_DFL);
	/* A page may be locked or in a batch for a moment. */
	if (!hit && !ok && (error == ENOENT || error == EBUSY))
		_exit(BUSY);
	if (!hit && !ok)
		bad("fails without a fault: %s", strerror(error));
	op->look();
	if (op->look == after || op->look == after_protect)
		repeat(op);
	_exit(!hit ? FINISHED : killed ? KILLED : ok ? GOOD : REFUSED);
}

/*
 * The number of points, or -1. What caches hold may save an operation an allocation,
 * so the series ends when its next point was not there three times in a row.
 */
static int run(const struct operation *op, const char *name, int tries, int *refused)
{
	int killed = 0, finished = 0, busy = 0, points = 0, tried = 0;

	*refused = 0;
	for (int n = 1; n <= POINTS_MAX;) {
		pid_t pid;
		int status;

		fflush(stdout);
		pid = fork();
		if (pid < 0)
			return -1;
		if (!pid)
			try_point(op, n);
		waitpid(pid, &status, 0);
		if (WIFSIGNALED(status)) {
			printf("# %s: point %d: signal %d\n", name, n, WTERMSIG(status));
			return -1;
		}
		if (WEXITSTATUS(status) == BUSY && ++busy < 20)
			continue;
		busy = 0;
		if (WEXITSTATUS(status) == FINISHED && ++finished < 3)
			continue;
		if (WEXITSTATUS(status) == FINISHED) {
			printf("# %s: %d points, refused at %d of them, SIGBUS at %d\n", name,
			       points, *refused, killed);
			return points;
		}
		finished = 0;
		if (WEXITSTATUS(status) != BAD && ++tried < tries)
			continue;
		tried = 0;
		if (WEXITSTATUS(status) == KILLED) {
			killed++;
		} else if (WEXITSTATUS(status) == REFUSED) {
			(*refused)++;
		} else if (WEXITSTATUS(status) != GOOD) {
			printf("# %s: point %d: failed\n", name, n);
			return -1;
		}
		points++;
		/* Where a fault lasts, points far from the beginning are much the same. */
		n += lasting && n > 60 ? n / 8 : 1;
	}
	printf("# %s: no end after %d points\n", name, POINTS_MAX);
	return -1;
}

static int before;		/* points of an operation that does nothing */

static bool run_series(const struct operation *op)
{
	bool registers = !strncmp(op->name, "register", 8);
	int points, refused;
	char name[40];

	snprintf(name, sizeof(name), "%s%s", op->name, lasting ? "_lasting" : "");
	/* What caches hold may move a point past the one that is tried. */
	points = run(op, name, lasting && registers ? 3 : 1, &refused);
	if (points < 0)
		return false;
	if (!strcmp(op->name, "nothing"))
		before = points;
	if (!lasting && points < op->points_min) {
		printf("# %s: fewer than %d points\n", name, op->points_min);
		return false;
	}
	if (!lasting && registers) {
		printf("# %s: %d points of its own\n", name, points - before);
		/* percpu_ref, the area and its pages, the tree. */
		return points - before >= 5;
	}
	/*
	 * Without memory there is no other answer, but at the few points that come
	 * after it. And to unregister needs none.
	 */
	if (lasting && registers && refused < points * 3 / 4) {
		printf("# %s: not refused at %d points\n", name, points - refused);
		return false;
	}
	if (!strcmp(op->name, "unregister") && refused > before) {
		printf("# %s: refused at %d points\n", name, refused);
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	const char *only = NULL;
	int c, failed = 0, total = 0, plan = 0;

	/* A task whose rseq area cannot be written, for want of memory, is killed. */
	if (!getenv("GLIBC_TUNABLES")) {
		setenv("GLIBC_TUNABLES", "glibc.pthread.rseq=0", 1);
		execv(argv[0], argv);
		printf("Bail out! %s: %s\n", argv[0], strerror(errno));
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	page_size = sysconf(_SC_PAGESIZE);
	while ((c = getopt(argc, argv, "o:c:")) != -1) {
		if (c == 'o')
			only = optarg;
		else if (c == 'c')
			device = optarg;
		else
			return 2;
	}
	for (size_t i = 0; i < NR_OPS; i++)
		if (!only || !strcmp(only, operations[i].name))
			plan += 1 + operations[i].lasting;
	printf("TAP version 13\n1..%d\n", plan);

	/* Every allocation may fail, those that could wait too; without a trace. */
	if (!put("/sys/kernel/debug/failslab/ignore-gfp-wait", "N") ||
	    !put("/sys/kernel/debug/failslab/verbose", "0") ||
	    !put("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N") ||
	    !put("/sys/kernel/debug/fail_page_alloc/ignore-gfp-highmem", "N") ||
	    !put("/sys/kernel/debug/fail_page_alloc/min-order", "0") ||
	    !put("/sys/kernel/debug/fail_page_alloc/verbose", "0") ||
	    !put("/sys/kernel/debug/fail_usercopy/verbose", "0") ||
	    /* Of who asks for it, see fail_all(). */
	    !put("/sys/kernel/debug/failslab/task-filter", "Y") ||
	    !put("/sys/kernel/debug/failslab/probability", "100") ||
	    !put("/sys/kernel/debug/fail_page_alloc/task-filter", "Y") ||
	    !put("/sys/kernel/debug/fail_page_alloc/probability", "100")) {
		printf("Bail out! no fault injection: %s\n", strerror(errno));
		return 1;
	}
	first_offset = register_first();

	for (size_t i = 0; i < NR_OPS; i++) {
		const struct operation *op = &operations[i];

		if (only && strcmp(only, op->name))
			continue;
		for (int l = 0; l <= op->lasting; l++) {
			bool good;

			lasting = l;
			good = run_series(op);
			printf("%sok %d - %s%s\n", good ? "" : "not ", ++total, op->name,
			       l ? "_lasting" : "");
			failed += !good;
		}
	}
	return failed != 0;
}
