"""The network, its backbones, where weights come from, how they are kept."""
