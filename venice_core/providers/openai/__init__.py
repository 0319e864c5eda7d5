"""OpenAI's image API, and what is compatible with it."""
