"""Which counted pairs are noise: scores by LightGCN or in closed form, controls, and the rules by which a share is dropped."""
