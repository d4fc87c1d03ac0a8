"""Training MMSC: edges a second with our walks beside the same model fed by PyG's samplers; and how large a graph one machine's memory holds."""
