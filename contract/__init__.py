"""Words every room shares: the avatar's specification, the packets and the tree of errors."""
