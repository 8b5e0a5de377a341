"""The checks of `chatcore doctor`, one subject a file. Each yields findings and raises nothing that it can foresee."""
