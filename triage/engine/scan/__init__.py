"""The content scan of `deep`: every file, and what lies outside of files, looked through once.

`plan` divides a volume into parts, `strand` lays the pieces of a part end to end, `sweep` finds
what stands there, `sightings` makes findings of it: all that in a worker. `scanner` runs the parts
and takes the answers, `space` knows what lies outside of files and what each of its bytes is.
"""
