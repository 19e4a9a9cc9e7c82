"""Numbers, each with the machine and the commit it was measured on."""
