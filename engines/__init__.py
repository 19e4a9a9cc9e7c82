"""Backends that run one exported component; one interface, one file a backend."""
