"""Guards: composable checks of one tool call and of what it returns."""
