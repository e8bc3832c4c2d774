// SPDX-License-Identifier: GPL-2.0
/*
 * What it costs to register device private memory, and to go from a number to
 * its page. Builds with and without the device private address space, so that
 * the two can be compared; all is measured when the module is loaded, which then
 * stays unloaded (-ECANCELED).
 *
 * Lines begin with "bench:"; times are in ns. In a machine that counts
 * instructions, those are instructions.
 */
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

static int bench_size(unsigned long mib)
{
	struct bench_map *map = kmalloc_obj(*map);
	unsigned long free, used;
	struct page *page;
	u64 t0, t1, t2, t3;

	if (!map)
		return -ENOMEM;
	free = global_zone_page_state(NR_FREE_PAGES);
	t0 = ktime_get_ns();
	page = bench_register(map, mib * SZ_1M);
	t1 = ktime_get_ns();
	if (IS_ERR(page)) {
		pr_info("bench: register %lu MiB: error %ld\n", mib, PTR_ERR(page));
		kfree(map);
		return 0;
	}
	used = free - global_zone_page_state(NR_FREE_PAGES);
	t2 = ktime_get_ns();
	bench_unregister(map);
	t3 = ktime_get_ns();
	pr_info("bench: register %lu MiB: %llu ns, %lu KiB; unregister %llu ns\n",
		mib, t1 - t0, used * (PAGE_SIZE / 1024), t3 - t2);
	kfree(map);
	cond_resched();
	return 0;
}

#define PROBES 65536

static int bench_lookup(unsigned int nr)
{
	struct bench_map **map = kvcalloc(nr, sizeof(*map), GFP_KERNEL);
	unsigned long *num = kvcalloc(PROBES, sizeof(*num), GFP_KERNEL);
	const unsigned long size = SZ_128M;
	struct rnd_state rnd;
	unsigned long sum = 0;
	unsigned int i, n = 0;
	u64 t[5];

	if (!map || !num)
		goto out;
	for (; n < nr; n++) {
		map[n] = kmalloc_obj(*map[n]);
		if (!map[n])
			goto out;
		if (IS_ERR(bench_register(map[n], size))) {
			pr_info("bench: lookup %u: only %u pagemaps\n", nr, n);
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
	t[0] = ktime_get_ns();
	for (i = 0; i < PROBES; i++)
		sum += READ_ONCE(num[i]);
	t[1] = ktime_get_ns();
	for (i = 0; i < PROBES; i++)
		sum += (unsigned long)pfn_to_page(READ_ONCE(num[i]) & 0xffff);
	t[2] = ktime_get_ns();
#ifdef HAVE_OFFSETS
	for (i = 0; i < PROBES; i++)
		sum += (unsigned long)device_private_offset_to_page(READ_ONCE(num[i]));
	t[3] = ktime_get_ns();
	for (i = 0; i < PROBES; i++)
		sum += (unsigned long)leafnum_to_page(READ_ONCE(num[i]));
	t[4] = ktime_get_ns();
	pr_info("bench: lookup %u pagemaps: pfn_to_page %llu, device_private_offset_to_page %llu, leafnum_to_page %llu (of 1000, loop taken off) %lx\n",
		nr, (t[2] - t[1] - t[1] + t[0]) * 1000 / PROBES,
		(t[3] - t[2] - t[1] + t[0]) * 1000 / PROBES,
		(t[4] - t[3] - t[1] + t[0]) * 1000 / PROBES, sum);
#else
	pr_info("bench: lookup %u pagemaps: pfn_to_page %llu (of 1000, loop taken off) %lx\n",
		nr, (t[2] - t[1] - t[1] + t[0]) * 1000 / PROBES, sum);
#endif
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
	bench_size(256);
	for (mib = 256; mib <= max_mib; mib *= 4)
		bench_size(mib);
	for (nr = 1; nr <= maps; nr *= 16)
		bench_lookup(nr);
	return -ECANCELED;
}
module_init(bench_pagemap_init);

MODULE_DESCRIPTION("Cost of device private pagemaps");
MODULE_LICENSE("GPL");
