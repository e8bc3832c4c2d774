// SPDX-License-Identifier: GPL-2.0
/*
 * Registers and unregisters device private memory for a program that makes
 * allocations fail, see ../faults: what is written to one of the files of
 * /sys/kernel/debug/inject_pagemap is done in the context of the writer, who gets
 * the error code.
 *
 *	nothing		take a number, as the next one does
 *	register	register so many pages
 *	register_devm	the same, for a device
 *	unregister	undo it
 *	first		(read) offset of the first page, 0 if nothing is registered
 */
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/device_private.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>

static DEFINE_MUTEX(inject_lock);
static struct dentry *inject_dir;
static struct device *inject_dev;
static struct dev_pagemap inject_pgmap;
static bool inject_managed;

static void inject_folio_free(struct folio *folio)
{
}

static vm_fault_t inject_migrate_to_ram(struct vm_fault *vmf)
{
	return VM_FAULT_SIGBUS;
}

static const struct dev_pagemap_ops inject_ops = {
	.folio_free = inject_folio_free,
	.migrate_to_ram = inject_migrate_to_ram,
};

static int nothing_set(void *data, u64 value)
{
	guard(mutex)(&inject_lock);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(nothing_fops, NULL, nothing_set, "%llu\n");

static int inject_register(u64 value, bool managed)
{
	int error;

	guard(mutex)(&inject_lock);
	if (inject_pgmap.pages)
		return -EBUSY;
	memset(&inject_pgmap, 0, sizeof(inject_pgmap));
	inject_pgmap.type = MEMORY_DEVICE_PRIVATE;
	inject_pgmap.ops = &inject_ops;
	inject_pgmap.owner = &inject_pgmap;
	inject_pgmap.nr_pages = value;
	if (managed)
		error = devm_memremap_device_private_pagemap(inject_dev, &inject_pgmap);
	else
		error = memremap_device_private_pagemap(&inject_pgmap, NUMA_NO_NODE);
	/* Nothing may be left behind, here either. */
	if (error && WARN_ON_ONCE(inject_pgmap.pages))
		return -EUCLEAN;
	inject_managed = managed;
	return error;
}

static int register_set(void *data, u64 value)
{
	return inject_register(value, false);
}
DEFINE_DEBUGFS_ATTRIBUTE(register_fops, NULL, register_set, "%llu\n");

static int register_devm_set(void *data, u64 value)
{
	return inject_register(value, true);
}
DEFINE_DEBUGFS_ATTRIBUTE(register_devm_fops, NULL, register_devm_set, "%llu\n");

static int unregister_set(void *data, u64 value)
{
	guard(mutex)(&inject_lock);
	if (!inject_pgmap.pages)
		return -ENOENT;
	if (inject_managed)
		devm_memunmap_device_private_pagemap(inject_dev, &inject_pgmap);
	else
		memunmap_device_private_pagemap(&inject_pgmap);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(unregister_fops, NULL, unregister_set, "%llu\n");

static int first_get(void *data, u64 *value)
{
	guard(mutex)(&inject_lock);
	*value = inject_pgmap.pages ? device_private_page_to_offset(inject_pgmap.pages) : 0;
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(first_fops, first_get, NULL, "0x%llx\n");

static int __init inject_init(void)
{
	inject_dev = root_device_register("inject_pagemap");
	if (IS_ERR(inject_dev))
		return PTR_ERR(inject_dev);
	inject_dir = debugfs_create_dir("inject_pagemap", NULL);
	debugfs_create_file("nothing", 0200, inject_dir, NULL, &nothing_fops);
	debugfs_create_file("register", 0200, inject_dir, NULL, &register_fops);
	debugfs_create_file("register_devm", 0200, inject_dir, NULL, &register_devm_fops);
	debugfs_create_file("unregister", 0200, inject_dir, NULL, &unregister_fops);
	debugfs_create_file("first", 0400, inject_dir, NULL, &first_fops);
	return 0;
}
module_init(inject_init);

static void __exit inject_exit(void)
{
	debugfs_remove_recursive(inject_dir);
	if (inject_pgmap.pages)
		unregister_set(NULL, 0);
	root_device_unregister(inject_dev);
}
module_exit(inject_exit);

MODULE_DESCRIPTION("Device private memory for fault injection");
MODULE_LICENSE("GPL");
