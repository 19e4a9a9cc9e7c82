"""FLOAT's networks as torch modules: pure functions of tensors, sized by a configuration."""
