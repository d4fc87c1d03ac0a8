"""From exported models to answers: rollout, the local Triton, the gateway."""
