"""Extractors: one folder a family, one module an application."""
