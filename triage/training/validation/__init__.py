"""Measuring this program on this machine: what it finds of what is there, place by place.

    specimens · foreign ─▶ hiding ─▶ volumes ─▶ media ─▶ run (standard, deep) ─▶ measure ─▶ results

Self-made data and data from other programs are never counted together.
"""
