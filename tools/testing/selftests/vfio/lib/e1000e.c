// SPDX-License-Identifier: GPL-2.0-only
/* An 82574 network card, as far as one queue each way: datasheet, chapters 3, 7 and 10. */
#include <sys/mman.h>

#include "e1000e.h"

/* Registers, as words of 32 bits. */
#define CTRL	(0x0000 / 4)
#define  CTRL_LINK_UP	(1 << 6)
#define  CTRL_RESET	(1 << 26)
#define IMC	(0x00d8 / 4)
#define RCTL	(0x0100 / 4)
#define  RCTL_ENABLE	(1 << 1)
#define  RCTL_ANY	(3 << 3)	/* whatever address a packet has */
#define  RCTL_LOOPBACK	(1 << 6)
#define  RCTL_NO_CRC	(1 << 26)
#define TCTL	(0x0400 / 4)
#define  TCTL_ENABLE	(1 << 1 | 1 << 3)
#define RX	(0x2800 / 4)
#define TX	(0x3800 / 4)
/* From RX or TX on. */
#define BASE	0
#define LENGTH	(0x08 / 4)
#define HEAD	(0x10 / 4)
#define TAIL	(0x18 / 4)

#define ENTRIES		8	/* 16 bytes each */
#define SEND		(1 << 3 | 1 << 1 | 1 << 0)	/* report, add CRC, end of packet */
#define DONE		1
#define RX_AT		2048

struct descriptor {
	uint64_t address;
	uint16_t length;
	uint8_t offset, command;	/* on the way in: checksum */
	uint8_t status, errors;
	uint16_t special;
};

static void set(struct e1000e *card, unsigned int at, uint32_t value)
{
	card->regs[at] = htole32(value);
}

static void set_ring(struct e1000e *card, unsigned int ring, uint64_t iova)
{
	set(card, ring + BASE, iova);
	set(card, ring + BASE + 1, iova >> 32);
	set(card, ring + LENGTH, ENTRIES * sizeof(struct descriptor));
	set(card, ring + HEAD, 0);
	set(card, ring + TAIL, 0);
}

void e1000e_start(struct e1000e *card, int device, void *rings, uint64_t iova)
{
	pci_command(device, 0x6, 0);
	card->regs = region_map(device, VFIO_PCI_BAR0_REGION_INDEX);
	card->size = region_info(device, VFIO_PCI_BAR0_REGION_INDEX).size;
	card->rings = rings;
	card->next = 0;
	set(card, CTRL, CTRL_RESET);
	wait_a_moment();
	set(card, IMC, ~0U);
	set(card, CTRL, CTRL_LINK_UP);
	memset(rings, 0, PAGE);
	set_ring(card, TX, iova);
	set_ring(card, RX, iova + RX_AT);
	set(card, RCTL, RCTL_ENABLE | RCTL_ANY | RCTL_LOOPBACK | RCTL_NO_CRC);
	set(card, TCTL, TCTL_ENABLE);
}

void e1000e_stop(struct e1000e *card)
{
	set(card, CTRL, CTRL_RESET);
	wait_a_moment();
	munmap((void *)card->regs, card->size);
}

bool e1000e_loop(struct e1000e *card, uint64_t from, uint64_t to)
{
	volatile struct descriptor *send = (void *)(card->rings + card->next * sizeof(*send));
	volatile struct descriptor *receive = (void *)((uint8_t *)send + RX_AT);
	double end = seconds() + 1;

	*receive = (struct descriptor){ .address = htole64(to) };
	*send = (struct descriptor){
		.address = htole64(from),
		.length = htole16(E1000E_PACKET),
		.command = SEND,
	};
	card->next = (card->next + 1) % ENTRIES;
	set(card, RX + TAIL, card->next);
	set(card, TX + TAIL, card->next);
	while (!(receive->status & DONE)) {
		if (seconds() > end)
			return false;
		wait_a_moment();
	}
	return true;
}
