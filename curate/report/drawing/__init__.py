"""Figures, pictures and colours of the report; the page as PDF."""
