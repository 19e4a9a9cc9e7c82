"""Checkpoints to ONNX files to a bundle, each step checked against the one before."""
