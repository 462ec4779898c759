"""How the tiny model was made: data, towers, alignment, report. Run through `data_scripts/pretrain_tiny.py`."""
