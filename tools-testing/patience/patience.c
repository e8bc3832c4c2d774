// SPDX-License-Identifier: GPL-2.0
/*
 * kselftest_harness.h gives a test 30 seconds, or what it asks for, by a timeout of
 * poll(). An emulated processor of another architecture needs more, above all for
 * huge pages of 512 MiB. Linked with -Wl,--wrap=poll.
 */
#include <poll.h>

int __real_poll(struct pollfd *fds, nfds_t nfds, int timeout);

int __wrap_poll(struct pollfd *fds, nfds_t nfds, int timeout)
{
	return __real_poll(fds, nfds, timeout > 0 ? 10 * timeout : timeout);
}
