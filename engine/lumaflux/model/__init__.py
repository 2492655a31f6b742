"""The network: frozen Flux, VAE and SigLIP, steered by PGA, PCM, coupler and conditioner."""
