"""Unwind: a warehouse of crypto liquidations and leverage stress."""

__version__ = "0.1.0"
