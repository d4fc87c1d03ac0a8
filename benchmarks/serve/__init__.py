"""Serving: what an answer takes beside direct numpy, from one caller and from many."""
