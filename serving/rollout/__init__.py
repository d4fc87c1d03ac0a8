"""Publish a version: verify, golden requests, take traffic, or roll back."""
