# SPDX-License-Identifier: GPL-2.0-only
#
# For people. The kernel's build system reads Kbuild beside this file and never this one.
# Everything is set up on first use, in a cache outside this folder (VFIO_RUST_CACHE).

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
setup := tools/setup

help: ## this list
	@echo 'Memory-safe VFIO for Linux. Targets:'
	@sed -n -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 20
	@echo 'On a fresh Debian 12 or 13, as root, "make demo" or "make test" can be the first command.'

demo: modules ## the main job, in guests: groups, refusal, NVMe I/O through VFIO, blocked DMA
	@tools/demo/run

test: ## everything that gates a change; ends with "N passed, N failed"
	@tools/testing/run-tests

stress: modules ## the long runs: I/O, bind cycles, kills, memory that goes (STRESS=name for one)
	@tools/testing/stress/run $(STRESS)

clients: modules ## programs that people use VFIO with: DPDK, driverctl, libvirt, QEMU with a guest in the guest
	@tools/testing/clients/all

modules: ## build vfio.ko, vfio_iommu_type1.ko, vfio-pci-core.ko, vfio-pci.ko
	@$(setup)/setup
	$(setup)/build-modules

tools: ## build vfioctl, which shows groups and binds devices, and say where it is
	@$(setup)/setup
	$(setup)/build-tools

install: ## put the modules under /lib/modules/RELEASE/updates on this host, so that modprobe prefers them
	@$(setup)/setup
	$(setup)/build-modules
	$(setup)/install-modules install

uninstall: ## take them away again: modprobe finds the kernel's own
	@$(setup)/install-modules uninstall

bench: modules ## measure C VFIO and ours side by side, in about 22 minutes (BENCH='--quick', BENCH='--help')
	@tools/testing/bench/run $(BENCH)

doc: ## the API pages of the crates, in the build folder
	@$(setup)/setup
	$(setup)/build-doc

fmt: ## format the Rust sources
	@$(setup)/setup
	tools/testing/check fmt --fix

lint: ## format check, clippy, shellcheck, and the rules of the tree
	@$(setup)/setup
	tools/testing/check all

clean: ## remove what was built from this checkout (the cache stays: make distclean)
	@$(setup)/clean build

distclean: ## remove the cache too
	@$(setup)/clean cache

.PHONY: help demo test stress clients modules tools install uninstall bench doc fmt lint clean distclean
