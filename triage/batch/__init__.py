"""Many images: one bundle each, then what they say side by side.

`plan` finds the images, `run` makes the bundles and keeps `batch.jsonl`, `ranking` and `summary`
say which drive to look at first, `links` what several drives have in common.
"""
