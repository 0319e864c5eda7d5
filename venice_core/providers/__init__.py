"""The services: what each can do, how to send requests to it, and what its refusals mean."""
