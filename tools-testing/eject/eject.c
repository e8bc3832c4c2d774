// SPDX-License-Identifier: GPL-2.0
/*
 * Takes the memory of a node away, as one who pulls a DIMM would, and looks if the
 * node goes with it.
 *
 * usage: eject online NODE	use the memory of the node, as movable memory
 *	  eject stays NODE	eject the first DIMM; the node must stay online
 *	  eject goes NODE	eject the first DIMM; the node must go offline
 *
 * NODE has nothing but that DIMM, as in the machine "pluggable" of scripts/vm.
 * Prints TAP, one test.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CLOEXEC);
	int ret = -1;

	if (fd >= 0) {
		ret = write(fd, text, strlen(text)) < 0 ? -1 : 0;
		close(fd);
	}
	if (ret)
		printf("# %s > %s: %s\n", text, file, strerror(errno));
	return ret;
}

/* The number of memory blocks of the node; each is written to if there is a text. */
static int blocks(int node, const char *state)
{
	char pattern[100];
	glob_t found;
	int n = 0;

	snprintf(pattern, sizeof(pattern), "/sys/devices/system/node/node%d/memory*/state",
		 node);
	if (glob(pattern, 0, NULL, &found))
		return 0;
	for (size_t i = 0; i < found.gl_pathc; i++)
		if (!state || !put(found.gl_pathv[i], state))
			n++;
	globfree(&found);
	return n;
}

static bool is_online(int node)
{
	char file[100];

	snprintf(file, sizeof(file), "/sys/devices/system/node/node%d", node);
	return !access(file, F_OK);
}

static bool eject(int node, bool stays)
{
	int i;

	if (!is_online(node) || !blocks(node, NULL)) {
		printf("# node %d has no memory to begin with\n", node);
		return false;
	}
	if (put("/sys/bus/acpi/devices/PNP0C80:00/eject", "1"))
		return false;
	/* A worker does it. */
	for (i = 0; i < 300 && blocks(node, NULL); i++)
		usleep(100000);
	if (is_online(node) && blocks(node, NULL)) {
		printf("# node %d keeps its memory\n", node);
		return false;
	}
	for (i = 0; i < 30 && is_online(node); i++)
		usleep(100000);
	printf("# node %d is %s\n", node, is_online(node) ? "online" : "offline");
	return is_online(node) == stays;
}

int main(int argc, char **argv)
{
	bool online, stays, good;

	online = argc == 3 && !strcmp(argv[1], "online");
	stays = argc == 3 && !strcmp(argv[1], "stays");
	if (!online && !stays && (argc != 3 || strcmp(argv[1], "goes"))) {
		fprintf(stderr, "usage: eject online|stays|goes NODE\n");
		return 2;
	}
	printf("TAP version 13\n1..1\n");
	if (online)
		good = blocks(atoi(argv[2]), "online_movable") > 0;
	else
		good = eject(atoi(argv[2]), stays);
	printf("%sok 1 eject.%s_%s\n", good ? "" : "not ", argv[1], argv[2]);
	return !good;
}
