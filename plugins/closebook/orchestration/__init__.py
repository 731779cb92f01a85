"""What the DAG files share: the context of a task, the trigger form, the retry policy."""
