"""OpenAI's image API, and compatible services."""
