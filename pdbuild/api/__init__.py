"""What pdbuild does, as functions: `import pdbuild` has them, and the command line calls them.

A job (`baking`, `running`, `shipping`, `verifying`) is a frozen value with `perform`, which does
it in this process and tells an `Audience` of its events: so the verbs use it. The functions of
`functions` start a process for it, see `job`.
"""
