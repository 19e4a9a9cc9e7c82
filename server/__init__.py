"""The streaming server: sessions, time and the network, around an avatar that knows none of them."""
