"""Exports: a trained model in formats that other programs run."""

from pycifar.export.export import Export, export_model

__all__ = ["Export", "export_model"]
