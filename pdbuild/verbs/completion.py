"""`pdbuild completion`."""

from argparse import ArgumentParser, Namespace


def configure(parser: ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = (
        "Print what makes a shell complete pdbuild's verbs, options and the recipe's names. For "
        'bash and zsh, in ~/.bashrc or ~/.zshrc: eval "$(pdbuild completion bash)"; for fish, in '
        "~/.config/fish/config.fish: pdbuild completion fish | source"
    )
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))


def run(arguments: Namespace) -> int:
    """Print it."""
    from argcomplete.shell_integration import shellcode

    print(shellcode(["pdbuild"], shell=arguments.shell), end="")
    return 0
