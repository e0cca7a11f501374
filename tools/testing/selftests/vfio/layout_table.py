#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Lists what a VFIO header defines, as a C table for vfio_uapi_layout_test.

usage: layout_table.py HEADER TABLE > table.c

Every structure, member, enumerator and macro that the header defines becomes
an entry; the C compiler fills in the numbers. What this script does not
understand is an error, so that nothing can be passed over in silence.
"""
import re
import sys

# Arguments for which macros with one parameter are compared.
SAMPLES = range(16)


def without_extensions(text):
    """The header without what goes beyond Linux, which has nothing to be compared with."""
    return re.sub(r'/\* =+ Extensions beyond Linux .*?/\* =+ End of the extensions[^\n]*', '', text,
                  flags=re.S)


def strip_comments(text):
    text = re.sub(r'/\*.*?\*/', ' ', text, flags=re.S)
    return re.sub(r'\\\n', ' ', text)


def split_directives(text):
    """The preprocessor lines, and the text without them."""
    lines = text.split('\n')
    directives = [line.strip() for line in lines if line.lstrip().startswith('#')]
    code = '\n'.join(line for line in lines if not line.lstrip().startswith('#'))
    return directives, code


def macros(directives):
    for line in directives:
        match = re.match(r'#\s*define\s+(\w+)(\(([^)]*)\))?\s*(.*)', line)
        if not match:
            if re.match(r'#\s*(define|undef)', line):
                sys.exit(f'cannot read: {line}')
            continue
        name, has_parameters, parameters, value = match.groups()
        if not value or not re.match(r'_*VFIO_', name):
            continue    # include guards and fallbacks
        if has_parameters:
            if ',' in parameters:
                sys.exit(f'macro with several parameters: {line}')
            for sample in SAMPLES:
                yield f'NUMBER({name}({sample}))'
        elif value.startswith('"'):
            yield f'STRING({name})'
        else:
            yield f'NUMBER({name})'


def body_at(code, start):
    """The text between the brace at start and its partner, and what follows."""
    depth = 0
    for at in range(start, len(code)):
        depth += {'{': 1, '}': -1}.get(code[at], 0)
        if depth == 0:
            return code[start + 1:at], code[at + 1:]
    sys.exit('unbalanced braces')


def members(body):
    """Names of the members, with those of unnamed unions; True for a T x[]."""
    while body.strip():
        union = re.match(r'\s*(union|struct)\s*\{', body)
        if union:
            inner, body = body_at(body, union.end() - 1)
            yield from members(inner)
            if not re.match(r'\s*;', body):
                sys.exit(f'named union: {body[:60]!r}')
            body = body.split(';', 1)[1]
            continue
        declaration, body = body.split(';', 1)
        declaration = re.sub(r'__counted_by\s*\(\w+\)|__user', '', declaration).strip()
        match = re.fullmatch(r'[\w\s]+[\s*](\w+)\s*(\[\s*\])?', declaration)
        if not match:
            sys.exit(f'cannot read member: {declaration!r}')
        yield match.group(1), bool(match.group(2))


def types(code):
    found = 0
    for match in re.finditer(r'\b(struct|enum)\s+(\w+\s*)?\{', code):
        kind, name = match.group(1), (match.group(2) or '').strip()
        body, _ = body_at(code, match.end() - 1)
        found += 1
        if kind == 'enum':
            if name:
                yield f'TYPE(enum {name})'
            for item in body.split(','):
                if item.strip():
                    yield f'NUMBER({item.split("=")[0].strip()})'
        elif not name:
            sys.exit('structure without a name')
        else:
            yield f'TYPE(struct {name})'
            for member, is_array in members(body):
                yield f'{"ARRAY" if is_array else "MEMBER"}(struct {name}, {member})'
    if found < 10:
        sys.exit('this is no VFIO header')


def main():
    header, table = sys.argv[1:]
    with open(header, encoding='utf-8') as file:
        directives, code = split_directives(strip_comments(without_extensions(file.read())))
    entries = [*types(code), *macros(directives)]
    print(f'/* Made by layout_table.py from {header}. */')
    print(f'#include "{header}"')
    print('#include "layout_entry.h"')
    print(f'const struct layout_entry {table}[] = {{')
    for entry in entries:
        print(f'\t{entry},')
    print('\t{ .name = 0 }\n};')


if __name__ == '__main__':
    main()
