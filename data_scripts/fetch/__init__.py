"""Fetching and unpacking published corpora: what the scripts beside this folder share.

The scripts run from a checkout, `python data_scripts/ravdess.py OUT`; the installed package only reads corpora.
"""
