// SPDX-License-Identifier: GPL-2.0
/*
 * QEMU plugin: counts how often each instruction is executed between two marks,
 * addresses of which the first switches counting on and the second off again.
 *
 *	-plugin profile.so,on=ADDRESS,off=ADDRESS,out=FILE
 *
 * FILE gets a line "address count" for each instruction. For a machine with one
 * CPU. Debian ships no header for plugins; this is what is needed of version 1 of
 * the interface, from the documentation of QEMU 7.2.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

enum { QEMU_PLUGIN_CB_NO_REGS };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
	void (*cb)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
	void (*cb)(unsigned int cpu, void *data), int flags, void *data);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id,
	void (*cb)(qemu_plugin_id_t id, void *data), void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb,
						 size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);

EXPORT int qemu_plugin_version = 1;

/* A piece of code that QEMU has translated, and is executed as a whole. */
struct block {
	struct block *next;
	uint64_t count;
	enum { NO_MARK, MARK_ON, MARK_OFF } mark;
	size_t nr;
	uint64_t address[];
};

static struct block *blocks;
static bool counting;
static uint64_t mark_on, mark_off;
static FILE *out;

static void executed(unsigned int cpu, void *data)
{
	struct block *block = data;

	(void)cpu;
	if (block->mark)
		counting = block->mark == MARK_ON;
	block->count += counting;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t nr = qemu_plugin_tb_n_insns(tb);
	struct block *block = calloc(1, sizeof(*block) + nr * sizeof(*block->address));

	(void)id;
	if (!block)
		abort();
	block->nr = nr;
	for (size_t i = 0; i < nr; i++)
		block->address[i] = qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, i));
	if (qemu_plugin_tb_vaddr(tb) == mark_on)
		block->mark = MARK_ON;
	else if (qemu_plugin_tb_vaddr(tb) == mark_off)
		block->mark = MARK_OFF;
	block->next = blocks;
	blocks = block;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, QEMU_PLUGIN_CB_NO_REGS, block);
}

static void finish(qemu_plugin_id_t id, void *data)
{
	(void)id;
	(void)data;
	for (struct block *block = blocks; block; block = block->next)
		for (size_t i = 0; block->count && i < block->nr; i++)
			fprintf(out, "%016llx %llu\n", (unsigned long long)block->address[i],
				(unsigned long long)block->count);
	if (fclose(out))
		abort();
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc, char **argv)
{
	(void)info;
	for (int i = 0; i < argc; i++) {
		const char *value = strchr(argv[i], '=');

		if (!value)
			return 1;
		value++;
		if (!strncmp(argv[i], "on=", 3))
			mark_on = strtoull(value, NULL, 16);
		else if (!strncmp(argv[i], "off=", 4))
			mark_off = strtoull(value, NULL, 16);
		else if (!strncmp(argv[i], "out=", 4))
			out = fopen(value, "w");
	}
	if (!mark_on || !mark_off || !out)
		return 1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, finish, NULL);
	return 0;
}
