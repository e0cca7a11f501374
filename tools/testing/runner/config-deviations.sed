# Where a user's view of configuration space differs from that of the C modules on purpose: each line
# takes one such thing out of both texts of vfio_pci_config_dump, and is a line of vfio-parity.rst.
