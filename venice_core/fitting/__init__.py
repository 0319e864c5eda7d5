"""From a plan and an answer to a result in place."""
