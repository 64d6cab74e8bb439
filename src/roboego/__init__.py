"""RoboEgo: an omnimodal, natively full-duplex model system (arXiv 2506.01934)."""
