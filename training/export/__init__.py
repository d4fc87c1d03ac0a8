"""ONNX files, goldens and the manifest of a version."""
