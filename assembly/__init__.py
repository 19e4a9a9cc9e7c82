"""The one place where a bundle, the engines and the pipeline become an avatar."""
