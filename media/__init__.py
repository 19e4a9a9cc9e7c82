"""Sound, film and picture files."""
