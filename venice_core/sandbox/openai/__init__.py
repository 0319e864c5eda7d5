"""The stand-in for services that are compatible with OpenAI's."""
