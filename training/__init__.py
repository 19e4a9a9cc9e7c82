"""How the shipped avatar was made: a painter, synthetic speech, and the two training phases."""
