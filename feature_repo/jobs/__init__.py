"""Jobs around Feast: apply, point-in-time training sets, materialise."""
