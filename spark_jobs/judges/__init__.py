"""Who says whether an edge is a substitute, a complement or neither: rules, flan-t5, openai."""
