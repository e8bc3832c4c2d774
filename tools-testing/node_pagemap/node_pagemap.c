// SPDX-License-Identifier: GPL-2.0
/*
 * Keeps 256 MiB of device private memory registered on a node, for as long as the
 * module is loaded.
 */
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sizes.h>

static int nid;
module_param(nid, int, 0444);
MODULE_PARM_DESC(nid, "The node of the device");

static void node_folio_free(struct folio *folio)
{
}

static vm_fault_t node_migrate_to_ram(struct vm_fault *vmf)
{
	return VM_FAULT_SIGBUS;
}

static const struct dev_pagemap_ops node_ops = {
	.folio_free = node_folio_free,
	.migrate_to_ram = node_migrate_to_ram,
};

static struct dev_pagemap node_pagemap = {
	.type = MEMORY_DEVICE_PRIVATE,
	.ops = &node_ops,
	.owner = &node_pagemap,
	.nr_pages = SZ_256M >> PAGE_SHIFT,
};

static int __init node_pagemap_init(void)
{
	int ret;

	ret = memremap_device_private_pagemap(&node_pagemap, nid);
	if (ret) {
		pr_err("node %d: cannot be registered: %d\n", nid, ret);
		return ret;
	}
	if (page_to_nid(node_pagemap.pages) != nid) {
		pr_err("node %d: pages are of node %d\n", nid,
		       page_to_nid(node_pagemap.pages));
		memunmap_device_private_pagemap(&node_pagemap);
		return -EINVAL;
	}
	return 0;
}
module_init(node_pagemap_init);

static void __exit node_pagemap_exit(void)
{
	memunmap_device_private_pagemap(&node_pagemap);
}
module_exit(node_pagemap_exit);

MODULE_DESCRIPTION("Device private memory on a node");
MODULE_LICENSE("GPL");
