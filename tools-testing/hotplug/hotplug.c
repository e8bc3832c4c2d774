// SPDX-License-Identifier: GPL-2.0
/*
 * Takes memory offline and online again, block by block, while there is data on a
 * device and in ordinary memory; then moves the data back and looks at it.
 *
 * usage: hotplug ROUNDS DEVICE
 *
 * Needs blocks that can go offline (movablecore=). Prints TAP.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <test_hmm_uapi.h>

#define SIZE	(32UL << 20)
#define BLOCKS	"/sys/devices/system/memory"

static int set_state(const char *block, const char *state)
{
	char file[300];
	int fd, ret;

	snprintf(file, sizeof(file), BLOCKS "/%s/state", block);
	fd = open(file, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ret = write(fd, state, strlen(state)) < 0 ? -1 : 0;
	close(fd);
	return ret;
}

static bool movable(const char *block)
{
	char file[300], zones[100] = "";
	int fd;

	snprintf(file, sizeof(file), BLOCKS "/%s/valid_zones", block);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (read(fd, zones, sizeof(zones) - 1) < 0)
		zones[0] = 0;
	close(fd);
	return !strncmp(zones, "Movable", 7);
}

/* What the kernel has reserved early is at the end of memory. */
static int last_block(void)
{
	DIR *dir = opendir(BLOCKS);
	struct dirent *d;
	int n, last = -1;

	while (dir && (d = readdir(dir)))
		if (sscanf(d->d_name, "memory%d", &n) == 1 && n > last)
			last = n;
	if (dir)
		closedir(dir);
	return last;
}

static int migrate(int device, unsigned long request, char *mem, void *buffer)
{
	struct hmm_dmirror_cmd cmd = {
		.addr = (uintptr_t)mem,
		.ptr = (uintptr_t)buffer,
		.npages = SIZE / sysconf(_SC_PAGESIZE),
	};

	return ioctl(device, request, &cmd);
}

static long wrong(const char *mem, long salt)
{
	for (size_t i = 0; i < SIZE / sizeof(long); i++)
		if (((const volatile long *)mem)[i] != (long)i * 7919 + salt)
			return i * sizeof(long);
	return -1;
}

int main(int argc, char **argv)
{
	char *on_device, *ordinary;
	int device, rounds, tries, failed = 0, cycles = 0, refused = 0, lost = 0, idle = 0;
	const int last = last_block();
	void *buffer;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 3 || (rounds = atoi(argv[1])) < 1)
		return 2;
	on_device = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ordinary = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	buffer = calloc(1, SIZE);
	device = open(argv[2], O_RDWR | O_CLOEXEC);
	printf("TAP version 13\n1..4\n");
	if (on_device == MAP_FAILED || ordinary == MAP_FAILED || !buffer || device < 0) {
		printf("Bail out! %s\n", strerror(errno));
		return 1;
	}

	for (int round = 0; round < rounds; round++) {
		DIR *dir = opendir(BLOCKS);
		const int cycles_before = cycles;
		struct dirent *d;

		for (size_t i = 0; i < SIZE / sizeof(long); i++) {
			((long *)on_device)[i] = (long)i * 7919 + round;
			((long *)ordinary)[i] = (long)i * 7919 - round;
		}
		for (tries = 0; tries < 100; tries++)
			if (!migrate(device, HMM_DMIRROR_MIGRATE_TO_DEV, on_device, buffer))
				break;
		if (tries == 100) {
			printf("# round %d: nothing on the device: %s\n", round, strerror(errno));
			failed |= 1;
		}
		while (dir && (d = readdir(dir))) {
			if (strncmp(d->d_name, "memory", 6) || !movable(d->d_name) ||
			    atoi(d->d_name + 6) == last)
				continue;
			if (set_state(d->d_name, "offline")) {
				refused++;
				continue;
			}
			if (set_state(d->d_name, "online_movable"))
				lost++;
			cycles++;
		}
		if (dir)
			closedir(dir);
		idle += cycles == cycles_before;
		if (wrong(on_device, round) >= 0) {
			printf("# round %d: byte %ld from the device is wrong\n", round,
			       wrong(on_device, round));
			failed |= 1;
		}
		if (wrong(ordinary, -round) >= 0) {
			printf("# round %d: byte %ld is wrong\n", round, wrong(ordinary, -round));
			failed |= 2;
		}
	}
	printf("# %d blocks went offline and came back, %d did not go\n", cycles, refused);
	printf("%sok 1 - data on the device\n", failed & 1 ? "not " : "");
	printf("%sok 2 - data in ordinary memory\n", failed & 2 ? "not " : "");
	printf("%sok 3 - in each round a block goes offline\n", idle ? "not " : "");
	printf("%sok 4 - blocks come back\n", lost ? "not " : "");
	return failed || idle || lost;
}
