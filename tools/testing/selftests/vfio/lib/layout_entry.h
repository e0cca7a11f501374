/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One thing that a header defines, as the C compiler sees it. The tables of
 * vfio_uapi_layout_test are made of these by layout_table.py.
 */
#ifndef LAYOUT_ENTRY_H
#define LAYOUT_ENTRY_H

#include <stddef.h>

/* What the members of a structure mean depends on the kind of thing. */
struct layout_entry {
	const char *name;
	long long value;	/* size of a type, offset of a member, value of a number */
	long long size;		/* alignment of a type, size of a member or number */
	int type;		/* of a member or number: see TYPE_CODE() */
	const char *text;	/* of a string */
};

/* Tells the integer types apart; 0 for structures. */
#define TYPE_CODE(expression) \
	_Generic((expression), \
		 char: 1, signed char: 2, unsigned char: 3, short: 4, unsigned short: 5, \
		 int: 6, unsigned int: 7, long: 8, unsigned long: 9, \
		 long long: 10, unsigned long long: 11, unsigned long long *: 12, \
		 unsigned long *: 13, default: 0)

#define TYPE(name_) \
	{ .name = #name_, .value = sizeof(name_), .size = _Alignof(name_) }
#define MEMBER(type_, member) \
	{ .name = #type_ "." #member, .value = offsetof(type_, member), \
	  .size = sizeof(((type_ *)0)->member), .type = TYPE_CODE(((type_ *)0)->member) }
/* An array of unknown length: the size is that of an entry. */
#define ARRAY(type_, member) \
	{ .name = #type_ "." #member "[]", .value = offsetof(type_, member), \
	  .size = sizeof(((type_ *)0)->member[0]), .type = TYPE_CODE(((type_ *)0)->member[0]) }
#define NUMBER(expression) \
	{ .name = #expression, .value = (expression), .size = sizeof(expression), \
	  .type = TYPE_CODE(expression) }
#define STRING(expression) \
	{ .name = #expression, .text = expression }

#endif /* LAYOUT_ENTRY_H */
