// SPDX-License-Identifier: GPL-2.0
/*
 * Prints what decides whether the numbers of pages fit into page table entries:
 * how large a PFN can be, how many bits of a swap offset an entry keeps, and how
 * many of them the entries of migration take. It works on any kernel, with the
 * device private address space or without.
 */
#include <linux/bitops.h>
#include <linux/init.h>
#include <linux/leafops.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/swapops.h>

static int __init numbers_init(void)
{
	swp_entry_t all = __swp_entry(0, ~0UL);
	pte_t pte = __swp_entry_to_pte(all);
	unsigned long kept = __swp_offset(__pte_to_swp_entry(pte));

	pr_info("numbers: page_shift %d\n", (int)PAGE_SHIFT);
	pr_info("numbers: pmd_shift %d\n", (int)PMD_SHIFT);
	pr_info("numbers: address_bits %d\n", (int)MAX_PHYSMEM_BITS);
	pr_info("numbers: pfn_bits %d\n", (int)SWP_PFN_BITS);
	/* What generic code makes of an entry limits it as well. */
	pr_info("numbers: offset_bits %d\n",
		min_t(int, fls64(kept), SWP_TYPE_SHIFT));
	pr_info("numbers: migration_bits %d\n", (int)SWP_MIG_TOTAL_BITS);
	pr_info("numbers: page_struct %zu\n", sizeof(struct page));
	return 0;
}
module_init(numbers_init);

static void __exit numbers_exit(void)
{
}
module_exit(numbers_exit);

MODULE_DESCRIPTION("Bits of page numbers and page table entries");
MODULE_LICENSE("GPL");
