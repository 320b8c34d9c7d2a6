"""Which variants fit this machine: by what its CPU has, and whether a GPU can be used.

`facts` finds out about the machine, `choice` is pure: what variants need is what the recipe claims
of them, in [verify.cpu] and [verify.cuda].
"""
