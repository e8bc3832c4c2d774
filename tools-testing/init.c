// SPDX-License-Identifier: GPL-2.0
/*
 * PID 1 of the test VM.
 *
 * It mounts what a kernel test needs, obeys the orders in /job one line after
 * the other, and powers the machine off. Whatever it or a program has to say
 * goes line by line through /dev/kmsg: a line is then never torn by a kernel
 * message, and the order of test results and kernel warnings is the real one.
 *
 * Orders:
 *	load FILE [PARAM=VALUE...]	insert a module
 *	unload NAME			remove it again
 *	run NAME SECONDS FILE [ARG...]	run a program, kill it after SECONDS
 *	write FILE TEXT			write TEXT, without a newline, into FILE
 *	set FILE TEXT			the same, if there is such a file
 *	show FILE			print the file
 *	grep FILE TEXT			print the lines that contain TEXT
 *	devices PREFIX			count the nodes in /dev with that prefix
 *	variable NAME SIZE		print a kernel variable of 1, 4 or 8 bytes
 *	cd DIR				the working directory of programs
 *	swap DEVICE			overwrite it and swap to it
 *	cpu N				stay on CPU N, with what is run from now on
 *	leaks				have kmemleak scan twice, print its list
 *
 * An order that fails is reported and the next one is obeyed: a VM that comes
 * up always ends with "init: done". What must not fail is the reader's choice.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "make_swap.h"

/* printk refuses longer records; the rest of a line goes into the next one. */
#define LINE_LIMIT	900
#define WORDS_MAX	64

static int kmsg = -1;

static void emit(const char *line, size_t len)
{
	char record[LINE_LIMIT + 8];
	int n;

	n = snprintf(record, sizeof(record), "<6>%.*s\n", (int)len, line);
	while (write(kmsg, record, n) < 0 && errno == EAGAIN)
		;
}

static void __attribute__((format(printf, 1, 2))) say(const char *fmt, ...)
{
	char line[LINE_LIMIT];
	va_list ap;
	int n;

	n = snprintf(line, sizeof(line), "init: ");
	va_start(ap, fmt);
	n += vsnprintf(line + n, sizeof(line) - n, fmt, ap);
	va_end(ap);
	if (n >= LINE_LIMIT)
		n = LINE_LIMIT - 1;
	emit(line, n);
}

/* Turns a byte stream into records. */
struct liner {
	char buf[LINE_LIMIT];
	size_t len;
};

static void liner_flush(struct liner *l)
{
	if (l->len)
		emit(l->buf, l->len);
	l->len = 0;
}

static void liner_feed(struct liner *l, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = data[i];

		if (c == '\r')
			continue;
		if (c == '\n' || l->len == sizeof(l->buf))
			liner_flush(l);
		if (c == '\n')
			continue;
		l->buf[l->len++] = isprint(c) || c == '\t' ? c : '?';
	}
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void mount_one(const char *type, const char *where)
{
	mkdir(where, 0755);
	if (mount(type, where, type, 0, NULL) && errno != EBUSY)
		say("error mount %s: %s", where, strerror(errno));
}

static void order_load(int argc, char **argv)
{
	char params[512] = "";
	int fd, err = 0;

	for (int i = 1; i < argc; i++) {
		strncat(params, argv[i], sizeof(params) - strlen(params) - 2);
		strcat(params, " ");
	}
	fd = open(argv[0], O_RDONLY | O_CLOEXEC);
	if (fd < 0 || syscall(SYS_finit_module, fd, params, 0))
		err = errno;
	if (fd >= 0)
		close(fd);
	say("load %s: %s", argv[0], err ? strerror(err) : "ok");
}

static void order_unload(const char *name)
{
	int err = 0;

	if (syscall(SYS_delete_module, name, O_NONBLOCK))
		err = errno;
	say("unload %s: %s", name, err ? strerror(err) : "ok");
}

/* As PID 1: every other process, those in process groups of their own too. */
static void kill_everyone(void)
{
	double limit = now() + 10;

	kill(-1, SIGKILL);
	for (;;) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);

		if (pid < 0)
			return;
		if (pid)
			continue;
		if (now() > limit) {
			say("error processes cannot be killed");
			return;
		}
		usleep(10000);
	}
}

static void child_exec(const char *tty, char **argv)
{
	int fd;

	setsid();
	fd = open(tty, O_RDWR);
	if (fd < 0)
		_exit(127);
	dup2(fd, 0);
	dup2(fd, 1);
	dup2(fd, 2);
	if (fd > 2)
		close(fd);
	execv(argv[0], argv);
	fprintf(stderr, "init: error exec %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static void order_run(const char *name, int seconds, char **argv)
{
	struct liner out = { .len = 0 };
	double start = now();
	int master, status = 0;
	bool done = false, late = false;
	pid_t pid;

	/* A terminal, not a pipe: programs then flush every line they print. */
	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (master < 0 || grantpt(master) || unlockpt(master)) {
		say("error no terminal: %s", strerror(errno));
		return;
	}
	say("begin %s", name);
	pid = fork();
	if (!pid)
		child_exec(ptsname(master), argv);

	for (;;) {
		struct pollfd p = { .fd = master, .events = POLLIN };
		char buf[4096];
		ssize_t n;

		poll(&p, 1, 100);
		n = read(master, buf, sizeof(buf));
		if (n > 0) {
			liner_feed(&out, buf, n);
			continue;
		}
		if (done)
			break;
		if (n < 0 && errno == EIO)
			usleep(1000);
		if (waitpid(pid, &status, WNOHANG) == pid) {
			done = true;
		} else if (now() - start > seconds) {
			late = true;
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			done = true;
		}
	}
	liner_flush(&out);
	kill_everyone();
	close(master);
	if (late)
		say("end %s timeout %d", name, seconds);
	else if (WIFSIGNALED(status))
		say("end %s signal %d (%s)", name, WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else
		say("end %s exit %d seconds %.1f", name, WEXITSTATUS(status),
		    now() - start);
}

static void order_write(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		say("error write %s: %s", file, strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void order_set(const char *file, const char *text)
{
	if (access(file, F_OK))
		say("fact absent %s", file);
	else
		order_write(file, text);
}

static void order_grep(const char *file, const char *text)
{
	FILE *f = fopen(file, "re");
	char line[LINE_LIMIT - 64];
	int hits = 0;

	if (!f) {
		say("error open %s: %s", file, strerror(errno));
		return;
	}
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		if (!strstr(line, text))
			continue;
		hits++;
		say("%s: %s", file, line);
	}
	fclose(f);
	if (*text)
		say("fact lines %s %s %d", file, text, hits);
}

static void order_devices(const char *prefix)
{
	DIR *dir = opendir("/dev");
	struct dirent *d;
	int n = 0;

	while (dir && (d = readdir(dir)))
		n += !strncmp(d->d_name, prefix, strlen(prefix));
	if (dir)
		closedir(dir);
	say("fact devices %s %d", prefix, n);
}

static uint64_t symbol_address(const char *name)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	char line[512], sym[256];
	unsigned long long addr, found = 0;

	while (f && !found && fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx %*c %255s", &addr, sym) == 2 &&
		    !strcmp(sym, name))
			found = addr;
	if (f)
		fclose(f);
	return found;
}

/* Reads kernel memory the way a debugger does, through the core file. */
static int kcore_read(uint64_t addr, void *to, size_t len)
{
	int fd = open("/proc/kcore", O_RDONLY | O_CLOEXEC);
	Elf64_Ehdr eh;
	int ret = -1;

	if (fd < 0)
		return -1;
	if (pread(fd, &eh, sizeof(eh), 0) != sizeof(eh))
		goto out;
	for (int i = 0; i < eh.e_phnum; i++) {
		Elf64_Phdr ph;

		if (pread(fd, &ph, sizeof(ph), eh.e_phoff + i * sizeof(ph)) !=
		    sizeof(ph))
			break;
		if (ph.p_type != PT_LOAD || addr < ph.p_vaddr ||
		    addr + len > ph.p_vaddr + ph.p_memsz)
			continue;
		if (pread(fd, to, len, ph.p_offset + (addr - ph.p_vaddr)) ==
		    (ssize_t)len)
			ret = 0;
		break;
	}
out:
	close(fd);
	return ret;
}

static void order_variable(const char *name, int size)
{
	uint64_t addr = symbol_address(name), value = 0;

	if (!addr || size < 1 || size > 8 || kcore_read(addr, &value, size)) {
		say("error variable %s cannot be read", name);
		return;
	}
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	/* It is at the start, where the high bytes are. */
	value >>= 8 * (8 - size);
#endif
	say("fact variable %s %llu", name, (unsigned long long)value);
}

static void order_cd(const char *dir)
{
	if (chdir(dir))
		say("error cd %s: %s", dir, strerror(errno));
}

static void order_swap(const char *device)
{
	if (make_swap(device))
		say("error swap %s: %s", device, strerror(errno));
}

static void order_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		say("error cpu %d: %s", cpu, strerror(errno));
}

static void order_leaks(void)
{
	const char *file = "/sys/kernel/debug/kmemleak";

	if (access(file, F_OK)) {
		say("fact kmemleak absent");
		return;
	}
	/* Objects younger than five seconds are not reported. */
	sleep(6);
	order_write(file, "scan");
	sleep(1);
	order_write(file, "scan");
	order_grep(file, "");
	say("fact kmemleak scanned");
}

static void obey(char *line)
{
	char *argv[WORDS_MAX + 1], *save = NULL;
	int argc = 0;

	for (char *w = strtok_r(line, " \t\n", &save); w && argc < WORDS_MAX;
	     w = strtok_r(NULL, " \t\n", &save))
		argv[argc++] = w;
	argv[argc] = NULL;
	if (!argc || argv[0][0] == '#')
		return;

	if (!strcmp(argv[0], "load") && argc >= 2)
		order_load(argc - 1, argv + 1);
	else if (!strcmp(argv[0], "unload") && argc == 2)
		order_unload(argv[1]);
	else if (!strcmp(argv[0], "run") && argc >= 4)
		order_run(argv[1], atoi(argv[2]), argv + 3);
	else if (!strcmp(argv[0], "write") && argc == 3)
		order_write(argv[1], argv[2]);
	else if (!strcmp(argv[0], "set") && argc == 3)
		order_set(argv[1], argv[2]);
	else if (!strcmp(argv[0], "show") && argc == 2)
		order_grep(argv[1], "");
	else if (!strcmp(argv[0], "grep") && argc == 3)
		order_grep(argv[1], argv[2]);
	else if (!strcmp(argv[0], "devices") && argc == 2)
		order_devices(argv[1]);
	else if (!strcmp(argv[0], "variable") && argc == 3)
		order_variable(argv[1], atoi(argv[2]));
	else if (!strcmp(argv[0], "cd") && argc == 2)
		order_cd(argv[1]);
	else if (!strcmp(argv[0], "swap") && argc == 2)
		order_swap(argv[1]);
	else if (!strcmp(argv[0], "cpu") && argc == 2)
		order_cpu(atoi(argv[1]));
	else if (!strcmp(argv[0], "leaks") && argc == 1)
		order_leaks();
	else
		say("error unknown order: %s", argv[0]);
}

/*
 * KASAN reports once, and lockdep ends with that. Then nothing of the job would be
 * seen: do not begin it.
 */
static bool reported(void)
{
	FILE *f = fopen("/proc/sys/kernel/tainted", "re");
	unsigned long tainted = 0;
	bool known;

	known = f && fscanf(f, "%lu", &tainted) == 1;
	if (f)
		fclose(f);
	if (!known)
		say("error cannot read /proc/sys/kernel/tainted");
	/* TAINT_BAD_PAGE */
	if (tainted & 1UL << 5)
		say("error KASAN or a bad page was reported before the job");
	return tainted & 1UL << 5;
}

int main(void)
{
	char line[4096];
	FILE *job;
	bool begin;

	mount_one("devtmpfs", "/dev");
	kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	mount_one("proc", "/proc");
	mount_one("sysfs", "/sys");
	mount_one("debugfs", "/sys/kernel/debug");
	mount_one("devpts", "/dev/pts");
	mount_one("tmpfs", "/dev/shm");
	mount_one("tmpfs", "/tmp");
	/* Only a kernel with control groups has the place for them. */
	if (!access("/sys/fs/cgroup", F_OK))
		mount_one("cgroup2", "/sys/fs/cgroup");
	setenv("PATH", "/bin", 1);
	setenv("HOME", "/tmp", 1);
	chdir("/tmp");

	say("started");
	begin = !reported();
	job = begin ? fopen("/job", "re") : NULL;
	if (begin && !job)
		say("error no /job");
	while (job && fgets(line, sizeof(line), job))
		obey(line);
	if (job)
		fclose(job);
	say("done");

	sync();
	reboot(RB_POWER_OFF);
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}
