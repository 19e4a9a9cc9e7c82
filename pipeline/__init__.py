"""Sound in, pictures out: synchronous stages of numpy arrays, without a clock, a thread or a queue that waits."""
