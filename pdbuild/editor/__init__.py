"""What an editor on the host needs to understand a project that compiles in the dev image."""
