// SPDX-License-Identifier: GPL-2.0
/*
 * Registers a device private pagemap as large as that of a real GPU, makes
 * folios of its pages, checks that every page of a folio finds its head, frees
 * the folios, and unregisters the pagemap. All happens when the module is
 * loaded; loading fails if a check does.
 *
 * Before the device private address space is there (CONFIG_DEVICE_PRIVATE
 * without <linux/device_private.h>) the module does not compile.
 */
#include <linux/device_private.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/sched.h>
#include <linux/sizes.h>

static unsigned long gib = 8;
module_param(gib, ulong, 0444);
MODULE_PARM_DESC(gib, "Size of the device memory in GiB");

static unsigned long step = 1;
module_param(step, ulong, 0444);
MODULE_PARM_DESC(step, "Look at every step'th folio only");

static unsigned long freed;

static void big_folio_free(struct folio *folio)
{
	freed++;
}

static vm_fault_t big_migrate_to_ram(struct vm_fault *vmf)
{
	return VM_FAULT_SIGBUS;
}

static const struct dev_pagemap_ops big_ops = {
	.folio_free = big_folio_free,
	.migrate_to_ram = big_migrate_to_ram,
};

static struct dev_pagemap big_pagemap = {
	.type = MEMORY_DEVICE_PRIVATE,
	.ops = &big_ops,
	.owner = &big_pagemap,
};

static int check_folio(unsigned long index, unsigned int order)
{
	struct page *head = device_private_index_to_page(&big_pagemap, index);
	struct folio *folio;
	unsigned long i;
	int ret = 0;

	zone_device_folio_init(page_folio(head), &big_pagemap, order);
	folio = page_folio(head);

	for (i = 0; i < 1UL << order; i++) {
		struct page *page = device_private_index_to_page(&big_pagemap,
								 index + i);

		if (page_folio(page) != folio || folio_page(folio, i) != page ||
		    folio_order(page_folio(page)) != order ||
		    device_private_page_index(&big_pagemap, page) != index + i ||
		    leafnum_to_page(page_to_leafnum(page)) != page ||
		    pfn_valid(page_to_leafnum(page)) ||
		    !is_device_private_page(page)) {
			pr_err("page %lu of the folio at %lu, order %u, is lost\n",
			       i, index, order);
			ret = -EINVAL;
			break;
		}
	}
	folio_unlock(folio);
	folio_put(folio);
	return ret;
}

static int __init big_pagemap_init(void)
{
	const unsigned int order = HPAGE_PMD_ORDER;
	unsigned long index, made = 0;
	int ret;

	big_pagemap.nr_pages = gib * (SZ_1G >> PAGE_SHIFT);
	ret = memremap_device_private_pagemap(&big_pagemap, NUMA_NO_NODE);
	if (ret) {
		pr_err("%lu GiB cannot be registered: %d\n", gib, ret);
		return ret;
	}
	for (index = 0; !ret && index < big_pagemap.nr_pages;
	     index += step << order, made++) {
		ret = check_folio(index, order);
		cond_resched();
	}
	if (!ret)
		ret = check_folio(big_pagemap.nr_pages - (1UL << order), order);
	if (!ret && freed != made + 1) {
		pr_err("%lu folios made, %lu freed\n", made + 1, freed);
		ret = -EINVAL;
	}
	memunmap_device_private_pagemap(&big_pagemap);
	if (!ret)
		pr_info("%lu GiB, %lu folios: all is well\n", gib, made);
	return ret;
}
module_init(big_pagemap_init);

static void __exit big_pagemap_exit(void)
{
}
module_exit(big_pagemap_exit);

MODULE_DESCRIPTION("Large device private pagemaps");
MODULE_LICENSE("GPL");
