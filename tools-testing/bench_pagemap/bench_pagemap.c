// SPDX-License-Identifier: GPL-2.0
/*
 * What it costs to register device private memory, and to go from a number to
 * its page. Builds with and without the device private address space, so that
 * the two can be compared; all is measured when the module is loaded.
 *
 * Prints "bench: NAME VALUE UNIT". In a machine that counts instructions, a ns is
 * an instruction.
 */
#include <linux/leafops.h>
#include <linux/maple_tree.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vmstat.h>
#if __has_include(<linux/device_private.h>)
#include <linux/device_private.h>
#define HAVE_OFFSETS
#endif

static unsigned long max_mib = 4096;
module_param(max_mib, ulong, 0444);
MODULE_PARM_DESC(max_mib, "The largest pagemap in MiB");

static unsigned int maps = 4096;
module_param(maps, uint, 0444);
MODULE_PARM_DESC(maps, "How many pagemaps are looked up in at most");

static void bench_folio_free(struct folio *folio)
{
}

static vm_fault_t bench_migrate_to_ram(struct vm_fault *vmf)
{
	return VM_FAULT_SIGBUS;
}

static const struct dev_pagemap_ops bench_ops = {
	.folio_free = bench_folio_free,
	.migrate_to_ram = bench_migrate_to_ram,
};

struct bench_map {
	struct dev_pagemap pgmap;
	struct resource *res;
};

/* The first page, or an error. */
static struct page *bench_register(struct bench_map *map, unsigned long size)
{
	struct dev_pagemap *pgmap = &map->pgmap;

	memset(map, 0, sizeof(*map));
	pgmap->type = MEMORY_DEVICE_PRIVATE;
	pgmap->ops = &bench_ops;
	pgmap->owner = map;
#ifdef HAVE_OFFSETS
	{
		int error;

		pgmap->nr_pages = size >> PAGE_SHIFT;
		error = memremap_device_private_pagemap(pgmap, NUMA_NO_NODE);
		return error ? ERR_PTR(error) : pgmap->pages;
	}
#else
	{
		void *addr;

		map->res = request_free_mem_region(&iomem_resource, size, "bench");
		if (IS_ERR(map->res))
			return ERR_CAST(map->res);
		pgmap->range.start = map->res->start;
		pgmap->range.end = map->res->end;
		pgmap->nr_range = 1;
		addr = memremap_pages(pgmap, numa_mem_id());
		if (IS_ERR(addr)) {
			release_mem_region(map->res->start, size);
			return addr;
		}
		return pfn_to_page(map->res->start >> PAGE_SHIFT);
	}
#endif
}

static void bench_unregister(struct bench_map *map)
{
#ifdef HAVE_OFFSETS
	memunmap_device_private_pagemap(&map->pgmap);
#else
	resource_size_t start = map->res->start, size = resource_size(map->res);

	memunmap_pages(&map->pgmap);
	release_mem_region(start, size);
#endif
}

static int bench_size(unsigned long mib, bool print)
{
	struct bench_map *map = kmalloc_obj(*map);
	unsigned long free, used, vmalloc;
	struct page *page;
	u64 t0, t1, t2, t3;

	if (!map)
		return -ENOMEM;
	vmalloc = global_node_page_state(NR_VMALLOC);
	free = global_zone_page_state(NR_FREE_PAGES);
	t0 = ktime_get_ns();
	page = bench_register(map, mib * SZ_1M);
	t1 = ktime_get_ns();
	if (IS_ERR(page)) {
		pr_info("bench_pagemap: %lu MiB: error %ld\n", mib, PTR_ERR(page));
		kfree(map);
		return 0;
	}
	used = free - global_zone_page_state(NR_FREE_PAGES);
	vmalloc = global_node_page_state(NR_VMALLOC) - vmalloc;
	t2 = ktime_get_ns();
	bench_unregister(map);
	t3 = ktime_get_ns();
	if (print) {
		pr_info("bench: register_%luMiB %llu ns\n", mib, t1 - t0);
		pr_info("bench: unregister_%luMiB %llu ns\n", mib, t3 - t2);
		pr_info("bench: memory_%luMiB %lu KiB\n", mib, used * (PAGE_SIZE / 1024));
		pr_info("bench: vmalloc_%luMiB %lu KiB\n", mib, vmalloc * (PAGE_SIZE / 1024));
	}
	kfree(map);
	cond_resched();
	return 0;
}

#define PROBES 65536

static int bench_lookup(unsigned int nr)
{
	struct bench_map **map = kvcalloc(nr, sizeof(*map), GFP_KERNEL);
	unsigned long *num = kvcalloc(PROBES, sizeof(*num), GFP_KERNEL);
	const unsigned long size = SZ_2M;
	struct rnd_state rnd;
	unsigned long sum = 0;
	unsigned int i, n = 0;
	u64 t, loop;
#ifdef HAVE_OFFSETS
	struct maple_tree tree;

	mt_init_flags(&tree, MT_FLAGS_ALLOC_RANGE | MT_FLAGS_USE_RCU);
#endif

	if (!map || !num)
		goto out;
	for (; n < nr; n++) {
		map[n] = kmalloc_obj(*map[n]);
		if (!map[n])
			goto out;
		if (IS_ERR(bench_register(map[n], size))) {
			pr_info("bench_pagemap: only %u of %u pagemaps\n", n, nr);
			kfree(map[n]);
			goto out;
		}
	}
	prandom_seed_state(&rnd, nr);
	for (i = 0; i < PROBES; i++) {
		struct bench_map *m = map[prandom_u32_state(&rnd) % nr];
		unsigned long index = prandom_u32_state(&rnd) % (size >> PAGE_SHIFT);

#ifdef HAVE_OFFSETS
		num[i] = device_private_page_to_offset(m->pgmap.pages) + index;
#else
		num[i] = (m->res->start >> PAGE_SHIFT) + index;
#endif
	}
	t = ktime_get_ns();
	for (i = 0; i < PROBES; i++)
		sum += READ_ONCE(num[i]);
	loop = ktime_get_ns() - t;

	/* One loop each, so that the compiler cannot mix them. */
#define BENCH_LOOKUP(name, expression) do {					\
	t = ktime_get_ns();							\
	for (i = 0; i < PROBES; i++) {						\
		unsigned long n = READ_ONCE(num[i]);				\
										\
		sum += (unsigned long)(expression);				\
	}									\
	t = ktime_get_ns() - t - loop;						\
	pr_info("bench: " name "_%u %llu.%02llu ns\n", nr, t / PROBES,		\
		t % PROBES * 100 / PROBES);					\
} while (0)

	/* Arithmetic, so it does not matter what the number is. */
	BENCH_LOOKUP("pfn_to_page", pfn_to_page(n));
	BENCH_LOOKUP("softleaf_to_page",
		     softleaf_to_page(make_readable_device_private_entry(n)));
#ifdef HAVE_OFFSETS
	BENCH_LOOKUP("device_private_offset_to_page", device_private_offset_to_page(n));
	BENCH_LOOKUP("leafnum_to_page", leafnum_to_page(n));
	/*
	 * The checked lookup, which is not exported, is mtree_load() from a tree
	 * with these ranges.
	 */
	for (i = 0; i < nr; i++) {
		unsigned long first = device_private_page_to_offset(map[i]->pgmap.pages);

		if (mtree_insert_range(&tree, first, first + (size >> PAGE_SHIFT) - 1,
				       map[i], GFP_KERNEL))
			pr_info("bench_pagemap: no room in the tree\n");
	}
	rcu_read_lock();
	BENCH_LOOKUP("mtree_load", mtree_load(&tree, n));
	rcu_read_unlock();
	mtree_destroy(&tree);
#endif
	/* Keeps the results alive. */
	if (!sum)
		pr_info("bench_pagemap: no pages\n");
out:
	while (n--) {
		bench_unregister(map[n]);
		kfree(map[n]);
		cond_resched();
	}
	kvfree(num);
	kvfree(map);
	return 0;
}

static int __init bench_pagemap_init(void)
{
	unsigned long mib;
	unsigned int nr;

	/* Whatever the first registration sets up is not counted. */
	bench_size(256, false);
	for (mib = 256; mib <= max_mib; mib *= 4)
		bench_size(mib, true);
#ifndef HAVE_OFFSETS
	/* To add thousands to physical memory takes hours. */
	maps = min(maps, 256U);
#endif
	for (nr = 1; nr <= maps; nr *= 16)
		bench_lookup(nr);
	return 0;
}
module_init(bench_pagemap_init);

static void __exit bench_pagemap_exit(void)
{
}
module_exit(bench_pagemap_exit);

MODULE_DESCRIPTION("Cost of device private pagemaps");
MODULE_LICENSE("GPL");
