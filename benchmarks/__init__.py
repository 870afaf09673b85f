"""What Flor costs, measured: `make bench`. See `__main__.py`."""
