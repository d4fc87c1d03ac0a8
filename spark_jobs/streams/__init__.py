"""Structured Streaming: files that appear in a folder and events of a Kafka topic, each micro-batch settled as an increment of ingest."""
