# SPDX-License-Identifier: GPL-2.0-only
"""report.py SAMPLES OUT: the samples of vfio_bench as a table, OUT.rst, and a plot, OUT.svg.

SAMPLES has lines "COLUMN NAME VALUE"; a name that comes several times has several samples, of which
the median counts. Which measures there are, what they are called and what is aimed at stands in the
tables below. Needs nothing beside Python.
"""

import argparse
import collections
import datetime
import math
import os
import statistics

KINDS = (
    ("1g", "1 GiB pages"),
    ("2m", "2 MiB hugetlb pages"),
    ("thp", "2 MiB transparent pages"),
    ("4k", "4 KiB pages"),
    ("frag", "4 KiB pages, scattered"),
    ("shm", "4 KiB pages of a memfd"),
)

# (measure, what it is, unit)
TIMES = (
    [(f"map.{kind}.ns", f"map 1 GiB of {text}", "us") for kind, text in KINDS]
    + [(f"unmap.{kind}.ns", f"unmap 1 GiB of {text}", "us") for kind, text in KINDS]
    + [
        ("map.page.ns", "map one page", "us"),
        ("unmap.page.ns", "unmap one page", "us"),
        ("map.page-of-1000.ns", "map one page beside 1000 mappings", "us"),
        ("unmap.page-of-1000.ns", "unmap one page beside 1000 mappings", "us"),
        ("map.page-of-30000.ns", "map one page beside 30000 mappings", "us"),
        ("unmap.page-of-30000.ns", "unmap one page beside 30000 mappings", "us"),
        ("map.page-scattered.ns", "map a page far from the last, of 30000", "us"),
        ("unmap.page-scattered.ns", "unmap a page far from the last, of 30000", "us"),
        ("map.64k.ns", "map 64 KiB of a transparent page", "us"),
        ("unmap.64k.ns", "unmap 64 KiB of a transparent page", "us"),
        ("map.2mib.ns", "map one transparent page of 2 MiB", "us"),
        ("unmap.2mib.ns", "unmap one transparent page of 2 MiB", "us"),
        ("dirty.start.ns", "start tracking 64 GiB", "us"),
        ("dirty.get.ns", "bitmap of 64 GiB", "us"),
        ("dirty.stop.ns", "stop tracking 64 GiB", "us"),
        ("interrupt.ns", "interrupt: MSI to eventfd", "us"),
        ("interrupt.msix.ns", "interrupt: MSI-X to eventfd", "us"),
        ("open.one.ns", "open one function", "us"),
        ("open.two.ns", "open two functions at once", "us"),
        ("bar.touch.ns", "touch all pages of a BAR of 256 MiB", "us"),
        ("register.1g.ns", "register 1 GiB of 1 GiB pages", "us"),
        ("unregister.1g.ns", "unregister 1 GiB of 1 GiB pages", "us"),
        ("register.4k.ns", "register 1 GiB of small pages", "us"),
        ("unregister.4k.ns", "unregister 1 GiB of small pages", "us"),
        ("window.create.ns", "make a DMA window of 256 MiB", "us"),
        ("window.remove.ns", "remove a DMA window of 256 MiB", "us"),
    ]
)

# What is asked of a device. Ours has to be as fast as C's in each.
CALLS = (
    [
        (f"bar.{way}.{size}.ns", f"{way} {size} B of a BAR", "us")
        for size in (1, 4, 8, 4096)
        for way in ("read", "write")
    ]
    + [
        (f"config.{kind}.{way}.{size}.ns", f"{way} {size} B of a {text} register", "us")
        for kind, text in (("passed", "passed-through"), ("virtual", "virtual"))
        for size in (1, 2, 4)
        for way in ("read", "write")
    ]
    + [
        ("config.dump.conventional.ns", "read all 256 B of configuration space", "us"),
        ("config.dump.express.ns", "read all 4096 B of configuration space", "us"),
        ("zap.page.ns", "memory off, one page of a BAR mapped", "us"),
        ("fault.page.ns", "touch one page of a BAR after that", "us"),
        ("zap.huge.ns", "memory off, 2 MiB of a BAR mapped", "us"),
        ("fault.huge.ns", "touch 2 MiB of a BAR after that", "us"),
        ("plain.open.ns", "open a device without a reset", "us"),
        ("plain.close.ns", "close a device without a reset", "us"),
        ("reset.ns", "reset an igb", "us"),
        ("reset.processor.ns", "reset an igb, without sleep", "us"),
        ("irqs.intx.on.ns", "switch an interrupt pin on", "us"),
        ("irqs.intx.mask.ns", "mask an interrupt pin", "us"),
        ("irqs.intx.unmask.ns", "unmask an interrupt pin", "us"),
        ("irqs.intx.off.ns", "switch an interrupt pin off", "us"),
        ("irqs.msi.on.ns", "switch MSI on", "us"),
        ("irqs.msi.off.ns", "switch MSI off", "us"),
        ("irqs.msix.on.ns", "switch 8 vectors of MSI-X on", "us"),
        ("irqs.msix.off.ns", "switch 8 vectors of MSI-X off", "us"),
    ]
)

COUNTERS = (
    ("gup", "calls that pin"),
    ("iommu_map", "iommu_map"),
    ("iommu_unmap", "iommu_unmap"),
    ("iova_to_phys", "iova_to_phys"),
    ("invalidations", "invalidations"),
    ("unpin", "calls that unpin"),
    ("mmap_write", "mmap_lock for write"),
)

COUNTS = [
    (f"{way}.{kind}.{counter}", f"{way} {text}: {name}", "")
    for way in ("map", "unmap")
    for kind, text in KINDS
    for counter, name in COUNTERS
]

DEVICE = (
    ("open.factor", "open two functions at once, against one", "ratio"),
    ("bar.faults", "faults for each GiB of a BAR", ""),
    ("bar.alignment", "alignment of the BAR's address in the process", "B"),
)

MEMORY = (
    ("memory.mapping.bytes", "bytes of kernel memory for a mapping of one page", "B"),
    ("memory.mapping.charged", "of these, charged to the process", "B"),
    ("memory.extent.bytes", "bytes for each scattered page of one mapping", "B"),
    ("memory.extent.charged", "of these, charged to the process", "B"),
    ("dirty.kernel.kib", "KiB of kernel memory while tracking 64 GiB", "KiB"),
)

PARALLEL = tuple(
    (f"threads.{kind}.{what}", f"{text}: {meaning}", unit)
    for kind, text in (("2m", "2 MiB pages"), ("4k", "4 KiB pages"))
    for what, meaning, unit in (
        ("one", "one thread, map and unmap 256 MiB, a second", "rate"),
        ("two", "two threads together", "rate"),
        ("speedup", "two threads against one", "ratio"),
        ("control", "the same of threads that only compute", "ratio"),
        ("scaled", "two threads against one, as a part of that", "ratio"),
    )
) + tuple(
    (f"info.{kind}.{what}.ns", f"{text}: {meaning}", "us")
    for kind, text in (("1g", "1 GiB pages"), ("shm", "4 KiB pages"))
    for what, meaning in (
        ("longest", "longest GET_INFO while 4 GiB are mapped"),
        ("map", "that map"),
        ("control", "longest getppid in as many calls"),
    )
)


def at_least(factor):
    """C takes at least FACTOR times as much as ours."""
    return f"C/Rust >= {factor}", lambda c, rust: c is not None and c >= factor * rust


def at_most(limit, text=None):
    """Ours is at most LIMIT."""
    return text or f"<= {limit}", lambda c, rust: rust <= limit


def as_long():
    """Ours takes as long as C, and if it does not, something is not measured."""
    return "0.95 to 1.05", lambda c, rust: c is not None and 0.95 <= c / rust <= 1.05


def no_more():
    """Ours is at most C's."""
    return "<= C", lambda c, rust: c is not None and rust <= c


# (goal, measure, unit, (what is aimed at, test))
GOALS = (
    ("P1", "map.1g.gup", "", at_most(4)),
    ("P1", "map.1g.ns", "us", at_least(50)),
    ("P2", "map.2m.iommu_map", "", no_more()),
    ("P2", "map.2m.ns", "us", at_least(5)),
    ("P3", "map.frag.mmap_write", "", at_most(2)),
    ("P3", "map.frag.ns", "us", at_least(1.3)),
    ("P4", "unmap.2m.iova_to_phys", "", at_most(0)),
    ("P4", "unmap.2m.ns", "us", at_least(10)),
    ("P4", "unmap.1g.iova_to_phys", "", at_most(0)),
    ("P4", "unmap.1g.ns", "us", at_least(10)),
    ("P5", "unmap.frag.invalidations", "", at_least(100)),
    ("P5", "unmap.frag.ns", "us", at_least(1.3)),
    # 1.6 of 2 processors; a busy host gives the guest less than two.
    ("P6", "threads.2m.scaled", "ratio", (">= 0.8", lambda c, rust: rust >= 0.8)),
    ("P6", "threads.4k.scaled", "ratio", (">= 0.8", lambda c, rust: rust >= 0.8)),
    ("P7", "info.1g.longest.ns", "us", at_most(5e6, "< 5 ms")),
    ("P7", "info.shm.longest.ns", "us", at_most(5e6, "< 5 ms")),
    ("P8", "bar.faults", "", at_most(512, "<= 512")),
    ("P8", "bar.alignment", "B", ("2 MiB", lambda c, rust: rust >= 2 << 20)),
    ("P9", "open.factor", "ratio", at_most(1.2)),
    ("P11", "dirty.get.ns", "us", at_least(2)),
    ("P11", "dirty.kernel.kib", "KiB", at_most(256, "< 256")),
    ("P12", "interrupt.ns", "us", as_long()),
    ("P12", "interrupt.msix.ns", "us", as_long()),
)

# The same for all CALLS, of which the one where we are slowest is shown.
CALL_GOAL = ("P13", at_least(0.95))

NOT_MEASURED = "P10 (POWER), see tools/testing/bench/hypercalls"

# What the debug kernel's times can and cannot say.
DEBUG_REMARK = """\
All columns here, C and Rust too, were measured on the debug kernel: it has IOMMUFD, which Debian's
has not. "iommufd" maps by address, "iommufd, file" by memfd, where the memory is one; what IOMMUFD
does not have was not measured.

The checks that can be turned off were off; KASAN, lockdep, DEBUG_VM and Rust's overflow checks stay
in the code and take most of the time. So these times compare with nothing but their neighbours,
their factors are not those of a kernel without checks, small ones may even point the other way, and
no goal is judged by them. Locks and small allocations weigh too much: single pages, and what
C unmaps page by page. DEBUG_VM looks at each anonymous page that is pinned by
pin_user_pages_fast(), as IOMMUFD and ours do and C does not: hence the transparent pages. The bytes
of memory have KASAN's margins in them. The counts depend on none of this.
"""

# What a count of instructions cannot say of a partition.
POWER_REMARK = """\
Pages are of 64 KiB here, whatever the rows call small, and so are those of the window. The clock counts
instructions of the guest, so a hypercall costs nothing: what C does with two for each page and ours
with one for 512 is seen in tools/testing/bench/hypercalls. The goals are those of PCs, and not judged.
"""

COLUMN_NAMES = {
    "c": "C",
    "rust": "Rust",
    "rust-untied": "Rust, mm_tie=0",
    "iommufd": "iommufd",
    "iommufd-file": "iommufd, file",
}


class Samples:
    """All samples of a run, and what the program noted beside them."""

    def __init__(self, path):
        self.values = collections.defaultdict(list)
        self.notes = []
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                words = line.split()
                if line.startswith("#"):
                    self.notes.append(line[1:].strip())
                elif len(words) == 3:
                    self.values[words[0], words[1]].append(float(words[2]))
        present = {column for column, _ in self.values}
        self.columns = [name for name in COLUMN_NAMES if name in present]
        # What ours is compared with.
        self.others = [name for name in self.columns if not name.startswith("rust")]

    def get(self, column, name):
        """The median; of longest waits, which a busy host only makes longer, the least."""
        values = self.values.get((column, name))
        if not values:
            return None
        value = min(values) if "longest" in name else statistics.median(values)
        # Bytes of a thing are a share of many pages; fractions of them say nothing.
        return round(value) + 0.0 if name.startswith("memory.") else value

    def note(self, start):
        """What follows START in the notes that begin with it."""
        return [note[len(start) :].strip() for note in self.notes if note.startswith(start)]


def show(value, unit):
    """A number as people read it."""
    if value is None:
        return "-"
    if unit == "us":
        value /= 1000
    if unit in ("ratio", "rate"):
        return f"{value:.2f}"
    if value and abs(value) < 100 and value != int(value):
        return f"{value:.2f}"
    return f"{value:,.0f}".replace(",", " ")


def ratio(c, rust):
    """C/Rust, or a dash where that says nothing."""
    if not c or not rust:
        return "-"
    return f"{c / rust:.2f}" if c / rust < 100 else f"{c / rust:.0f}"


def table(head, rows):
    """A simple table of reStructuredText."""
    rows = [[cell or "-" for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [head] + rows) for i in range(len(head))]
    rule = "  ".join("=" * width for width in widths)

    def line(row):
        cells = [row[0].ljust(widths[0])]
        for cell, width in zip(row[1:], widths[1:]):
            number = cell == "-" or cell.replace(" ", "").replace(".", "").lstrip("-").isdigit()
            cells.append(cell.rjust(width) if number else cell.ljust(width))
        return "  ".join(cells).rstrip()

    return "\n".join([rule, line(head), rule] + [line(row) for row in rows] + [rule])


def measure_table(samples, measures, ratios=True):
    """One row for each measure that has samples, one column for each implementation."""
    others = samples.others if ratios else []
    rows = []
    for name, text, unit in measures:
        values = [samples.get(column, name) for column in samples.columns]
        if all(value is None for value in values):
            continue
        row = [text + (f" ({unit})" if unit in ("us", "KiB") else "")]
        row += [show(value, unit) for value in values]
        row += [ratio(samples.get(other, name), samples.get("rust", name)) for other in others]
        rows.append(row)
    head = ["measure"] + [COLUMN_NAMES[column] for column in samples.columns]
    head += [f"{COLUMN_NAMES[other]}/Rust" for other in others]
    return table(head, rows) if rows else ""


def count_table(samples):
    """One row for each request and implementation, one column for each counter."""
    rows = []
    for way in ("map", "unmap"):
        for kind, text in KINDS:
            for column in samples.columns:
                values = [samples.get(column, f"{way}.{kind}.{counter}") for counter, _ in COUNTERS]
                if any(value is not None for value in values):
                    row = [f"{way} {text}", COLUMN_NAMES[column]]
                    rows.append(row + [show(value, "") for value in values])
    return table(["request", "by"] + [name for _, name in COUNTERS], rows) if rows else ""


def verdict(samples, name, reached):
    """Whether a goal is met, if this run can tell."""
    c, rust = samples.get("c", name), samples.get("rust", name)
    if rust is None:
        return "not measured"
    if name.endswith(".scaled"):
        control = samples.get("rust", name.replace(".scaled", ".control"))
        if control is None or control < 1.6:
            return "host busy"
    return "yes" if reached(c, rust) else "NO"


def slowest_call(samples):
    """The goal of all CALLS, at the measure where we are farthest from it."""
    goal, aim = CALL_GOAL
    factors = {}
    for name, _, unit in CALLS:
        c, rust = samples.get("c", name), samples.get("rust", name)
        if c and rust:
            factors[name, unit] = c / rust
    return [(goal, *min(factors, key=factors.get), aim)] if factors else []


def goal_table(samples):
    """What was aimed at, and what was reached."""
    texts = {name: text for name, text, _ in [*TIMES, *CALLS, *COUNTS, *DEVICE, *MEMORY, *PARALLEL]}
    rows = []
    for goal, name, unit, (aim, reached) in [*GOALS, *slowest_call(samples)]:
        c, rust = samples.get("c", name), samples.get("rust", name)
        text = texts[name] + (f" ({unit})" if unit in ("us", "KiB") else "")
        factor = "-" if unit == "ratio" else ratio(c, rust)
        met = verdict(samples, name, reached)
        rows.append([goal, text, show(c, unit), show(rust, unit), factor, aim, met])
    return table(["goal", "measure", "C", "Rust", "C/Rust", "aim", "met"], rows)


def rst(samples, args):
    """The whole page."""
    def part(title, body):
        return f"{title}\n{'-' * len(title)}\n\n{body}\n" if body else ""

    kernel = (samples.note("kernel") or ["?"])[0]
    facts = [
        f":Date: {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d}",
        f":Kernel: {kernel}",
        f":Guest: QEMU (TCG), {args.machine if args.power else f'q35, {args.machine} IOMMU'}",
        f":Host: {args.host}",
        f":Revision: {args.revision or 'unknown'}",
    ]
    facts += [f":Host load: {text}" for text in samples.note("host load")]
    names = COLUMN_NAMES[samples.others[0]] if len(samples.others) == 1 else "each of the others"
    out = [
        ".. SPDX-License-Identifier: GPL-2.0-only",
        ".. Written by 'make bench'; do not edit.\n",
        "\n".join(facts) + "\n",
        f".. figure:: {os.path.basename(args.out)}.svg\n"
        f"   :alt: how many times faster than {names}, as bars\n\n"
        f"   How many times as long {names} takes (logarithmic).\n",
    ]
    if args.power:
        out.append(POWER_REMARK)
    elif args.kernel == "debug":
        out.append(DEBUG_REMARK)
    else:
        out.append(part("Goals", goal_table(samples)))
        out.append(f"Not measured by this program: {NOT_MEASURED}.\n")
    out += [
        part("Times", measure_table(samples, TIMES)),
        part("Requests to a device", measure_table(samples, CALLS)),
        part("Two processors", measure_table(samples, PARALLEL, ratios=False)),
        part("Devices", measure_table(samples, DEVICE, ratios=False)),
        part("Kernel memory", measure_table(samples, MEMORY)),
        part("Counts", count_table(samples)),
    ]
    return "\n".join(out)


def svg(samples):
    """Bars of C/Rust, or whom else there is, for every time, on a logarithmic scale."""
    bars = []
    for name, text, _ in [*TIMES, *CALLS]:
        for other in samples.others:
            its, rust = samples.get(other, name), samples.get("rust", name)
            by = f": {COLUMN_NAMES[other]}" if len(samples.others) > 1 else ""
            if its and rust:
                bars.append((text + by, its / rust))
    left, width, step = 300 if len(samples.others) < 2 else 380, 420, 20
    low, high = 0.5, max([10] + [value for _, value in bars]) * 1.2

    def x(value):
        value = max(value, low)
        return left + width * math.log(value / low) / math.log(high / low)

    height = 40 + step * len(bars)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 80}" height="{height}"'
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="100%" height="{height}" fill="white"/>',
    ]
    for power in range(0, int(math.log10(high)) + 1):
        at = x(10**power)
        out.append(f'<line x1="{at:.1f}" y1="20" x2="{at:.1f}" y2="{height - 10}" stroke="#bbb"/>')
        out.append(f'<text x="{at:.1f}" y="14" text-anchor="middle">{10**power}</text>')
    for i, (text, value) in enumerate(bars):
        y = 26 + i * step
        start, end = sorted((x(1), x(value)))
        colour = "#2a7" if value > 1.02 else "#c43" if value < 0.98 else "#999"
        out.append(f'<text x="{left - 8}" y="{y + 11}" text-anchor="end">{text}</text>')
        out.append(
            f'<rect x="{start:.1f}" y="{y}" width="{max(end - start, 1):.1f}" height="14"'
            f' fill="{colour}"/>'
        )
        out.append(f'<text x="{end + 4:.1f}" y="{y + 11}">{value:.3g}</text>')
    out.append("</svg>\n")
    return "\n".join(out)


def main():
    """Read the samples, write the page and the plot."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--power", action="store_true")
    for name in ("kernel", "machine", "host", "revision"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("samples")
    parser.add_argument("out")
    args = parser.parse_args()
    samples = Samples(args.samples)
    if not samples.columns:
        raise SystemExit("no samples")
    for suffix, text in ((".rst", rst(samples, args)), (".svg", svg(samples))):
        with open(args.out + suffix, "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()
