"""The verbs of the command line: one module each, imported when its verb is used.

A module has `configure(parser)`, which adds its arguments, and `run(arguments) -> int`, which
does what the verb does and returns the exit code. A verb whose words argparse cannot tell apart
by itself also has `parse(parser, words) -> Namespace`. What `run` needs is imported in it, so that
`--help` is quick; what several verbs share is outside of this package.
"""

#: Every verb, in the order of `--help`, with its line there.
VERBS = {
    "bake": "build targets or groups",
    "build": "compile the source as it stands, and test it",
    "run": "run a program in a production image",
    "shell": "open a shell in the dev image, or before a failing step",
    "app": "an application's image: init, lock, bake, run, stop, logs",
    "docs": "build the documentation, and serve it",
    "browse": "make pages of the source, and serve them",
    "ssh": "start sshd in the dev image, or stop it",
    "log": "print what the steps of the last bake wrote",
    "logs": "print what a detached program, or a job, wrote",
    "stop": "stop a detached program",
    "submit": "run a program as a job on a cluster",
    "jobs": "list the jobs that were sent",
    "cancel": "cancel jobs",
    "images": "list the image store",
    "push": "send images to a registry",
    "pull": "take images from a registry",
    "save": "write images to a file",
    "load": "take images from a file",
    "verify": "check what is claimed of images",
    "fetch": "collect what a recipe needs, for where there is no network",
    "cache": "write caches into a file, or take them in",
    "prune": "remove images of old versions, and caches",
    "engines": "list the engines, or install them",
    "doctor": "find out what works here, and what mends the rest",
    "init": "write a first recipe for the project here",
    "completion": "make a shell complete verbs, options and names",
    "schema": "print the JSON schema of recipes, for editors",
}
