"""The commands, one module each; :mod:`libs.cli.__main__` lists them."""
