// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compares our include/uapi/linux/vfio.h with the kernel's.
 *
 * Both headers are compiled, each in a file of its own, with the table that
 * layout_table.py reads out of it: all structures, members, enumerators and
 * macros. Everything in the kernel's table must be in ours, with the same
 * size, alignment, offset, type and value. What only ours has is printed.
 *
 * Needs neither root nor VFIO.
 */
#include <stdbool.h>
#include <string.h>

#include "kselftest.h"
#include "layout_entry.h"

extern const struct layout_entry layout_ours[], layout_kernel[];

static const struct layout_entry *find(const struct layout_entry *table, const char *name)
{
	for (; table->name; table++)
		if (!strcmp(table->name, name))
			return table;
	return NULL;
}

static int count(const struct layout_entry *table)
{
	int entries = 0;

	while (table[entries].name)
		entries++;
	return entries;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static void compare(const struct layout_entry *want)
{
	const struct layout_entry *have = find(layout_ours, want->name);
	bool same = have && have->value == want->value && have->size == want->size &&
		    have->type == want->type && same_text(have->text, want->text);

	if (!have)
		ksft_print_msg("our header does not define %s\n", want->name);
	else if (!same)
		ksft_print_msg("%s: ours %lld, %lld, type %d, '%s'; kernel's %lld, %lld, type %d, '%s'\n",
			       want->name, have->value, have->size, have->type,
			       have->text ? have->text : "", want->value, want->size, want->type,
			       want->text ? want->text : "");
	ksft_test_result(same, "%s\n", want->name);
}

int main(void)
{
	const struct layout_entry *entry;

	ksft_print_header();
	ksft_set_plan(count(layout_kernel));
	for (entry = layout_ours; entry->name; entry++)
		if (!find(layout_kernel, entry->name))
			ksft_print_msg("only ours: %s\n", entry->name);
	for (entry = layout_kernel; entry->name; entry++)
		compare(entry);
	ksft_finished();
}
