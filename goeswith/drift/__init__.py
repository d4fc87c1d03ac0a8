"""How far the shop has moved from what the served models were trained on: measured, judged, and what follows from it."""
