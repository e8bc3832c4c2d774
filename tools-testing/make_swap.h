/* SPDX-License-Identifier: GPL-2.0 */
/* What mkswap and swapon do with a block device that may be overwritten. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/swap.h>
#include <unistd.h>

/* Returns 0, or -1 with errno set. */
static int make_swap(const char *dev)
{
	const unsigned int page = getpagesize();
	struct {
		char boot[1024];
		uint32_t version, last_page, nr_bad;
	} *header = calloc(1, page);
	int fd = open(dev, O_RDWR | O_CLOEXEC);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	ssize_t done = -1;

	if (header && size >= 10L * page) {
		header->version = 1;
		header->last_page = size / page - 1;
		memcpy((char *)header + page - 10, "SWAPSPACE2", 10);
		done = pwrite(fd, header, page, 0);
	} else if (header && fd >= 0) {
		errno = ENOSPC;
	}
	if (done == (ssize_t)page && fsync(fd))
		done = -1;
	if (fd >= 0)
		close(fd);
	free(header);
	return done == (ssize_t)page ? swapon(dev, 0) : -1;
}
