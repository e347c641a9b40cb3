"""What people and the two owning services may ask of sharing, one file per subject; `servicer.py` puts them together."""
